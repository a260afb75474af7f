"""A release without bad luck, and the places where it can be taken up: bad luck needs no replay of what it spares.

A run that begins at a place is the run that would have come there: nothing in the model is random.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from davy.sim.cases import Case, Scenario
from davy.sim.faults import Faults
from davy.sim.run import Run


@dataclass
class Tape:
    """One scenario, played to its end."""

    scenario: Scenario
    places: list[Run] = field(default_factory=list)
    """How it stood before the ticks of each moment."""
    run: Run | None = None

    def played(self) -> Run:
        """The run without bad luck, at its end. Played once."""
        if self.run is None:
            self.run = Case(self.scenario).run().to_the_end(before=self._mark)
        return self.run

    def _mark(self, run: Run) -> None:
        self.places.append(run.fork())

    def from_where(self, faults: Faults) -> Run:
        """The run with that bad luck, begun as late as can be."""
        self.played()
        write, second = faults.first_write(), faults.first_second()
        last = self.places[0]
        for place in self.places:
            if place.attempts >= write or place.second >= second:
                break
            last = place
        return last.fork(faults)


TAPES: dict[str, Tape] = {}
KEPT = 24
"""Tapes that are kept: each holds many worlds."""


def tape(scenario: Scenario) -> Tape:
    """The scenario's tape; the last few are kept."""
    known = TAPES.pop(scenario.name, None)
    if known is None or known.scenario is not scenario:
        known = Tape(scenario)
    TAPES[scenario.name] = known
    if len(TAPES) > KEPT:
        del TAPES[next(iter(TAPES))]
    return known
