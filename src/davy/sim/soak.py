"""Every point of the main scenarios, then random bad luck: what `make soak` and a slice of it in `make test` play."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from davy.sim.campaign import Trial, trials
from davy.sim.cases import Case
from davy.sim.points import MAIN, points
from davy.sim.scenarios import ALL
from davy.sim.tape import tape


def every_point(names: Sequence[str] = MAIN) -> Iterator[Trial]:
    """Every single fault at every point of these scenarios."""
    for name in names:
        for point in points(ALL[name], tape(ALL[name]).played()):
            yield Trial(point.kind, Case(ALL[name], point.faults), point.harmless)


def some_points(random: Random, each: int) -> Iterator[Trial]:
    """Without end: so many points of one scenario after the other."""
    while True:
        for name in random.sample(MAIN, len(MAIN)):
            plain = tape(ALL[name]).played()
            found = list(points(ALL[name], plain))
            for point in random.sample(found, min(each, len(found))):
                yield Trial(point.kind, Case(ALL[name], point.faults), point.harmless)


def share(worker: int, workers: int) -> tuple[str, ...]:
    """The scenarios of which one of several workers plays every point."""
    return MAIN[worker::workers]


def everything(worker: int, workers: int, seed: int) -> Iterator[Trial]:
    """All points of a worker's share, then random bad luck without end."""
    yield from every_point(share(worker, workers))
    yield from trials(Random(seed + worker))
