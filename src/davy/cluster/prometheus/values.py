"""What a query evaluates to: a number, a string, samples of one moment, or ranges of samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from davy.cluster.prometheus.labels import Labels, spelled
from davy.cluster.prometheus.samples import Points


class QueryError(Exception):
    """A query that cannot be answered; the message is for the person who wrote it."""


class ParseError(QueryError):
    """Not PromQL."""


class UnsupportedConstruct(QueryError):  # noqa: N818 - reads as what it says
    """PromQL outside the subset that is evaluated here; never answered with an empty result."""

    def __init__(self, construct: str, detail: str = "") -> None:
        super().__init__(f"unsupported construct: {construct}{f' ({detail})' if detail else ''}")
        self.construct = construct


class Sample(NamedTuple):
    labels: Labels
    value: float


class Range(NamedTuple):
    labels: Labels
    points: Points


@dataclass(frozen=True, slots=True)
class Vector:
    """Samples at one moment."""

    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """Ranges of samples, and the window (milliseconds) that they were taken from."""

    ranges: tuple[Range, ...]
    start: int
    end: int


Value = float | str | Vector | Matrix


def vector(samples: Iterable[Sample]) -> Vector:
    """A vector whose label sets differ. Raises QueryError if two are the same, as after the names were dropped."""
    found = tuple(samples)
    seen: set[Labels] = set()
    for sample in found:
        if sample.labels in seen:
            raise QueryError(f"vector cannot contain metrics with the same labelset: {spelled(sample.labels)}")
        seen.add(sample.labels)
    return Vector(found)
