"""Functions over a range of samples: rate and its kin, and the …_over_time family."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from davy.cluster.prometheus.samples import Points

# Samples are expected to come about as regularly as they did: up to 10 % late is still on time.
_ON_TIME = 1.1


class Window(NamedTuple):
    """The range that was asked for, in milliseconds."""

    start: int
    end: int

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1000


RangeFunction = Callable[[Points, Window], float | None]  # None: no sample in the result


def extrapolated(points: Points, window: Window, *, counter: bool, per_second: bool) -> float | None:
    """The change from first to last sample, stretched to the edges of the window as Prometheus does.

    A series that does not fill the window (its nearest sample is more than 1.1 of the average distance from the edge)
    is taken to begin or end half a distance beyond its samples; a counter is not stretched to below zero. So a counter
    born within the window has lost what it counted before its first scrape.
    """
    times, values = points
    if len(times) < 2:
        return None
    change = _increase(values) if counter else values[-1] - values[0]
    sampled = (times[-1] - times[0]) / 1000
    average = sampled / (len(times) - 1)
    to_start = _to_edge((times[0] - window.start) / 1000, average)
    to_end = _to_edge((window.end - times[-1]) / 1000, average)
    if counter and change > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / change))
    factor = (sampled + to_start + to_end) / sampled
    return change * (factor / window.seconds if per_second else factor)


def _to_edge(distance: float, average: float) -> float:
    return distance if distance < average * _ON_TIME else average / 2


def _increase(values: Sequence[float]) -> float:
    """What a counter has counted: after a reset it begins at zero."""
    return values[-1] - values[0] + sum(before for before, after in pairwise(values) if after < before)


def _instant(points: Points, window: Window, *, counter: bool, per_second: bool) -> float | None:
    """From the last two samples only."""
    times, values = points
    if len(times) < 2:
        return None
    change = values[-1] - values[-2]
    if counter and change < 0:
        change = values[-1]
    return change / ((times[-1] - times[-2]) / 1000) if per_second else change


def _over_values(reduce: Callable[[Sequence[float]], float]) -> RangeFunction:
    return lambda points, window: reduce(points.values) if points.values else None


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def variance(values: Sequence[float]) -> float:
    middle = mean(values)
    return sum((value - middle) ** 2 for value in values) / len(values)


def smallest(values: Sequence[float]) -> float:
    return min((v for v in values if not math.isnan(v)), default=math.nan)


def largest(values: Sequence[float]) -> float:
    return max((v for v in values if not math.isnan(v)), default=math.nan)


def _changes(values: Sequence[float]) -> float:
    return float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairwise(values)))


def _resets(values: Sequence[float]) -> float:
    return float(sum(after < before for before, after in pairwise(values)))


RANGE_FUNCTIONS: Mapping[str, RangeFunction] = {
    "rate": partial(extrapolated, counter=True, per_second=True),
    "increase": partial(extrapolated, counter=True, per_second=False),
    "delta": partial(extrapolated, counter=False, per_second=False),
    "irate": partial(_instant, counter=True, per_second=True),
    "idelta": partial(_instant, counter=False, per_second=False),
    "changes": _over_values(_changes),
    "resets": _over_values(_resets),
    "avg_over_time": _over_values(mean),
    "sum_over_time": _over_values(sum),
    "min_over_time": _over_values(smallest),
    "max_over_time": _over_values(largest),
    "count_over_time": _over_values(lambda values: float(len(values))),
    "last_over_time": _over_values(lambda values: values[-1]),
    "present_over_time": _over_values(lambda values: 1.0),
    "stddev_over_time": _over_values(lambda values: math.sqrt(variance(values))),
    "stdvar_over_time": _over_values(variance),
}
KEEPS_NAME = {"last_over_time"}
