"""`histogram_quantile` over the cumulative buckets of a classic histogram."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from davy.cluster.prometheus.arithmetic import divide
from davy.cluster.prometheus.labels import NAME, Labels, value_of, without
from davy.cluster.prometheus.values import Sample, Vector, vector


class Bucket(NamedTuple):
    """How many observations were at most this."""

    bound: float
    total: float


def histogram_quantile(q: float, found: Vector) -> Vector:
    """One sample for each histogram among the buckets; what has no readable `le` is passed over."""
    histograms: dict[Labels, list[Bucket]] = {}
    for sample in found.samples:
        bound = _bound(value_of(sample.labels, "le"))
        if bound is not None:
            histograms.setdefault(without(sample.labels, (NAME, "le")), []).append(Bucket(bound, sample.value))
    return vector(Sample(labels, bucket_quantile(q, buckets)) for labels, buckets in histograms.items())


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def bucket_quantile(q: float, buckets: Iterable[Bucket]) -> float:
    """Straight between the bounds of the bucket that the rank falls into."""
    if math.isnan(q):
        return math.nan
    if not 0 <= q <= 1:
        return math.copysign(math.inf, q - 0.5)
    ordered = _monotonic(_merged(buckets))
    if len(ordered) < 2 or ordered[-1].bound != math.inf or ordered[-1].total == 0:
        return math.nan
    rank = q * ordered[-1].total
    index = next((i for i, bucket in enumerate(ordered[:-1]) if bucket.total >= rank), len(ordered) - 1)
    if index == len(ordered) - 1:
        return ordered[-2].bound
    if index == 0 and ordered[0].bound <= 0:
        return ordered[0].bound
    below = ordered[index - 1] if index else Bucket(0.0, 0.0)
    share = divide(rank - below.total, ordered[index].total - below.total)
    return below.bound + (ordered[index].bound - below.bound) * share


def _merged(buckets: Iterable[Bucket]) -> list[Bucket]:
    """In order, with the counts of equal bounds (`1` and `1.0`) added up."""
    counts: dict[float, float] = {}
    for bucket in buckets:
        counts[bucket.bound] = counts.get(bucket.bound, 0.0) + bucket.total
    return [Bucket(bound, counts[bound]) for bound in sorted(counts)]


def _monotonic(buckets: list[Bucket]) -> list[Bucket]:
    """Scrapes and rates may leave a bucket with less than the one below it: it gets as much."""
    most, found = -math.inf, []
    for bucket in buckets:
        most = max(most, bucket.total)
        found.append(Bucket(bucket.bound, most))
    return found
