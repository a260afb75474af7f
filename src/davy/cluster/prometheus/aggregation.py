"""Aggregations: many samples to one per group of labels, or the few largest of each group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from davy.cluster.prometheus.labels import NAME, Labels, only, without
from davy.cluster.prometheus.rates import largest, mean, smallest, variance
from davy.cluster.prometheus.values import Sample, UnsupportedConstruct, Vector, vector


@dataclass(frozen=True, slots=True)
class Grouping:
    """`by` these labels, or by all `without` these."""

    by: tuple[str, ...] = ()
    without: tuple[str, ...] | None = None

    def key(self, found: Labels) -> Labels:
        return only(found, self.by) if self.without is None else without(found, (NAME, *self.without))


def aggregate(op: str, found: Vector, grouping: Grouping, parameter: float | None) -> Vector:
    """Raises UnsupportedConstruct for an aggregation that is not in the tables below."""
    groups: dict[Labels, list[Sample]] = {}
    for sample in found.samples:
        groups.setdefault(grouping.key(sample.labels), []).append(sample)
    if op in _CHOICES and parameter is not None:
        return vector(s for group in groups.values() for s in _CHOICES[op](group, parameter))
    if op in _REDUCTIONS:
        reduce = _REDUCTIONS[op]
        return vector(Sample(key, reduce([s.value for s in group])) for key, group in groups.items())
    if op == "quantile" and parameter is not None:
        return vector(Sample(key, quantile(parameter, [s.value for s in g])) for key, g in groups.items())
    raise UnsupportedConstruct(
        f"aggregation {op}", f"known: {', '.join(sorted([*_REDUCTIONS, *_CHOICES, 'quantile']))}"
    )


def quantile(q: float, values: Sequence[float]) -> float:
    """Between the two nearest ranks, by their distance."""
    if not values or math.isnan(q):
        return math.nan
    if not 0 <= q <= 1:
        return math.copysign(math.inf, q - 0.5)
    ordered = sorted(values, key=_nan_first)
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] * (1 - (rank - low)) + ordered[high] * (rank - low)


def _nan_first(value: float) -> tuple[bool, float]:
    return (False, 0.0) if math.isnan(value) else (True, value)


def _topk(group: Iterable[Sample], k: float) -> list[Sample]:
    return sorted(group, key=lambda s: _nan_first(s.value), reverse=True)[: max(0, int(k))]


def _bottomk(group: Iterable[Sample], k: float) -> list[Sample]:
    """NaN is the last that is chosen here too."""
    return sorted(group, key=lambda s: (math.isnan(s.value), s.value))[: max(0, int(k))]


_REDUCTIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "avg": mean,
    "min": smallest,
    "max": largest,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stddev": lambda values: math.sqrt(variance(values)),
    "stdvar": variance,
}
_CHOICES: Mapping[str, Callable[[Iterable[Sample], float], list[Sample]]] = {"topk": _topk, "bottomk": _bottomk}
