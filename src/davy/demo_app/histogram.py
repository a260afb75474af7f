"""The request histogram `http_request_duration_seconds`, in Prometheus' text format."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds: the client libraries' defaults
NAME = "http_request_duration_seconds"


class Labels(NamedTuple):
    """The labels of one series."""

    method: str
    path: str
    status: str


class Histogram:
    """Counts requests by labels and duration."""

    def __init__(self) -> None:
        self._buckets: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, labels: Labels, seconds: float) -> None:
        """Count one request."""
        self.begin(labels)
        self._buckets[labels][bisect_left(BOUNDS, seconds)] += 1
        self._sums[labels] += seconds

    def begin(self, labels: Labels) -> None:
        """Show the series with nothing in it: `rate` does not see the first request of a series that was not there."""
        self._buckets.setdefault(labels, [0] * (len(BOUNDS) + 1))
        self._sums.setdefault(labels, 0.0)

    def text(self) -> str:
        """Everything counted so far, as a scrape answers it."""
        lines = [f"# HELP {NAME} Seconds spent serving HTTP requests.", f"# TYPE {NAME} histogram"]
        for labels, buckets in self._buckets.items():
            lines += _series(labels, buckets, self._sums[labels])
        return "\n".join(lines) + "\n"


def _series(labels: Labels, buckets: list[int], total: float) -> list[str]:
    text = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(labels._fields, labels, strict=True))
    lines, count = [], 0
    for bound, here in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
        count += here
        lines.append(f'{NAME}_bucket{{{text},le="{bound}"}} {count}')
    return [*lines, f"{NAME}_sum{{{text}}} {total}", f"{NAME}_count{{{text}}} {count}"]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
