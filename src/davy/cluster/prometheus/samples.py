"""The store: every series as two arrays, bounded in time and number, searched by matchers."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from davy.cluster.prometheus.labels import NAME, Labels
from davy.cluster.prometheus.matching import Matcher

LOOKBACK = 300_000  # milliseconds that a sample is taken for the value of now, unless the series has ended
_STALE_BITS = 0x7FF8_0000_0000_0DAF
STALE: float = struct.unpack("<d", struct.pack("<Q", _STALE_BITS))[0]


def is_stale(value: float) -> bool:
    """Whether the value is the mark of a series that has ended; a NaN of the application is not."""
    return value != value and struct.unpack("<Q", struct.pack("<d", value))[0] == _STALE_BITS


class Points(NamedTuple):
    """Samples of one series: times in milliseconds, oldest first, and their values."""

    times: array[int]
    values: array[float]


class Series:
    """Samples of one series in order of time."""

    __slots__ = ("labels", "times", "values")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.times = array("q")
        self.values = array("d")

    def append(self, time: int, value: float) -> None:
        """A time that is not newer than the last one is ignored."""
        if not self.times or time > self.times[-1]:
            self.times.append(time)
            self.values.append(value)

    def end(self, time: int) -> None:
        """Marks that the series is not there any more."""
        if self.values and not is_stale(self.values[-1]):
            self.append(time, STALE)

    def forget(self, before: int) -> None:
        """Drops old samples, a quarter of them or more at a time so that the arrays are rarely moved."""
        old = bisect_left(self.times, before)
        if old * 4 >= len(self.times):
            del self.times[:old]
            del self.values[:old]

    def at(self, time: int) -> float | None:
        """The value at a moment: the newest sample of the last five minutes, None if the series has ended."""
        index = bisect_right(self.times, time) - 1
        if index < 0 or self.times[index] <= time - LOOKBACK or is_stale(self.values[index]):
            return None
        return self.values[index]

    def between(self, after: int, until: int) -> Points:
        """The samples after the first moment up to and including the second."""
        low, high = bisect_right(self.times, after), bisect_right(self.times, until)
        times, values = self.times[low:high], self.values[low:high]
        if any(map(is_stale, values)):
            kept = [i for i, value in enumerate(values) if not is_stale(value)]
            return Points(array("q", [times[i] for i in kept]), array("d", [values[i] for i in kept]))
        return Points(times, values)


class Store:
    """All series. retention: milliseconds that samples are kept. most: how many series; more are not taken in."""

    def __init__(self, *, retention: int = 600_000, most: int = 50_000) -> None:
        self._retention, self._most = retention, most
        self._series: dict[Labels, Series] = {}
        self._by_name: dict[str, dict[Labels, Series]] = {}

    def __len__(self) -> int:
        return len(self._series)

    def series(self, labels: Labels) -> Series | None:
        """The series of these labels, made if there is none; None if the store is full."""
        found = self._series.get(labels)
        if found is None and len(self._series) < self._most:
            found = self._series[labels] = Series(labels)
            self._by_name.setdefault(dict(labels).get(NAME, ""), {})[labels] = found
        return found

    def select(self, matchers: Iterable[Matcher]) -> Iterator[Series]:
        """Every series that all matchers take."""
        matchers = tuple(matchers)
        name = next((m.value for m in matchers if m.name == NAME and m.op == "="), None)
        found = self._series if name is None else self._by_name.get(name, {})
        for series in list(found.values()):
            values = dict(series.labels)
            if all(matcher.takes(values.get(matcher.name, "")) for matcher in matchers):
                yield series

    def forget(self, now: int) -> None:
        """Drops what is older than the retention, and series of which nothing is left."""
        before = now - self._retention
        for labels, series in list(self._series.items()):
            series.forget(before)
            if not series.times or series.times[-1] < before:
                del self._series[labels]
                del self._by_name[dict(labels).get(NAME, "")][labels]
