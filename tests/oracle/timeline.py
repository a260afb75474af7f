"""A trace as stations, one for each change of (phase, weight, iterations), with the objects of its time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from tests.oracle.kinds import Json
from tests.oracle.pointers import patched

World = Mapping[str, Json]
"""The objects at one moment, by `Kind/name`."""


class Step(NamedTuple):
    """What two operators must go through in the same order."""

    phase: str
    weight: int
    iterations: int

    def __str__(self) -> str:
        return f"{self.phase or 'no phase'} {self.weight} %, {self.iterations}"


@dataclass(slots=True)
class Station:
    """The time from one change of the step to the next."""

    step: Step
    statuses: list[Json] = field(default_factory=list)
    """The states of the status in that time; the first one begins it."""
    worlds: list[World] = field(default_factory=list)
    """How the objects were when it began, and after each of their changes in that time."""

    def values(self, name: str) -> list[Json]:
        """The distinct values of a field of the status, one after another."""
        found: list[Json] = []
        for status in self.statuses:
            if not found or found[-1] != field_of(status, name):
                found.append(field_of(status, name))
        return found


class Timeline(NamedTuple):
    stations: list[Station]
    end: World


FIELDS = (
    "failedChecks",
    "lastAppliedSpec",
    "lastPromotedSpec",
    "trackedConfigs",
    "sessionAffinityCookie",
    "previousSessionAffinityCookie",
    "primarySessionAffinityCookie",
)
PROMOTED = ("status", "reason", "message")
ALL_FIELDS = (*FIELDS, *(f"conditions/Promoted/{name}" for name in PROMOTED))
"""What of the status is compared besides the step."""


def field_of(status: Json, name: str) -> Json:
    """A field of the status, or of its one condition as `conditions/Promoted/<field>`; None if it is not there."""
    if not name.startswith("conditions/"):
        return status.get(name)
    _, kind, key = name.split("/")
    return next((each.get(key) for each in status.get("conditions", ()) if each["type"] == kind), None)


def step_of(status: Json) -> Step:
    return Step(status.get("phase", ""), status.get("canaryWeight", 0), status.get("iterations", 0))


def states(history: Json) -> list[Json]:
    """The whole states of an object of a trace, one after another."""
    first, *changes = history["states"] or [{}]
    return list(accumulate(changes, patched, initial=first))


def timeline(trace: Json) -> Timeline:
    """The stations of a trace and the objects at its end."""
    known = {key: states(history) for key, history in trace["objects"].items()}
    stations: list[Station] = []
    world: World = {}
    for key, number in entries(trace["order"]):
        if key.endswith(".status"):
            _enter(stations, trace["status"][number], world)
            continue
        world = {name: each for name, each in world.items() if name != key}
        if number >= 0:
            world = world | {key: known[key][number]}
        if stations:
            stations[-1].worlds.append(world)
    return Timeline(stations, world)


def _enter(stations: list[Station], status: Json, world: World) -> None:
    if not stations or stations[-1].step != step_of(status):
        stations.append(Station(step_of(status), worlds=[world]))
    stations[-1].statuses.append(status)


DELETED = -1


def entries(order: list[str]) -> Iterator[tuple[str, int]]:
    """`Kind/name` (with `.status` for a status) and the number of the state, or DELETED."""
    for entry in order:
        key, _, what = entry.rpartition(" ")
        yield key, DELETED if what == "deleted" else int(what.removeprefix("#"))
