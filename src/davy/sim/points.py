"""Every single fault at every point of a release: the runs of the soak, in an order that is always the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from davy.sim.cases import Scenario
from davy.sim.faults import Crash, Dark, Deed, Faults, Span
from davy.sim.run import Run
from davy.sim.workloads import WORKLOADS

AWAY = 37.0
"""Seconds that an operator which died is away: longer than a settle time, shorter than a deadline."""
HELD = 45.0
"""Seconds that a human holds a release."""
SPELL = 25.0
"""Seconds that the outside misbehaves: more than two intervals."""


class Point(NamedTuple):
    """One fault at one point."""

    kind: str
    faults: Faults
    harmless: bool
    """The run must end as without it."""


FOREIGN: tuple[tuple[str, str, str | float, bool], ...] = (
    ("target annotated", "annotate", "x", True),
    ("status written by another", "status", "Foreign", True),
    ("weight by hand", "weigh", 33, True),
    ("route gone", "unroute", 0, True),
    ("route remade", "remake", "route", False),
    ("apex at the target", "point", "target", False),
    ("apex at the primary", "point", "primary", False),
    ("apex remade", "remake", "apex", False),
    ("target to zero", "scale", 0, False),
    ("target to three", "scale", 3, False),
    ("primary to one", "scale primary", 1, False),
    ("target dies", "lose target", 45, False),
    ("primary dies", "lose primary", 45, False),
    ("node lost", "lose node", 0, False),
    ("primary deleted", "remove primary", 0, False),
    ("target remade", "remake", "target", False),
    ("target deleted", "delete target", 0, False),
    ("another release", "release", "1.3", False),
    ("a bad release", "release", "1.2", False),
    ("a release that never starts", "release", "bad-2", False),
    ("taken back", "release", "1.0", False),
    ("served anew", "reserve", "y", False),
    ("another config", "config", "b", False),
    ("config gone", "config gone", 0, False),
    ("suspended", "suspend", 1, False),
    ("skipped", "skip", 1, False),
    ("analysis edited", "max weight", 60, False),
    ("spec made invalid", "provider", "nonsense", False),
    ("canary deleted", "delete", 0, False),
    ("canary deleted in the foreground", "delete", "Foreground", False),
    ("namespace deleted", "end namespace", 0, False),
    ("more load", "load", 12, False),
    ("abort", "command", "abort", False),
    ("promote", "command", "promote", False),
)
"""What others do: what it is called, the deed, its value, and whether the run must end as without it."""

MISSED: tuple[tuple[str, str, str | float], ...] = (
    ("target remade unseen", "remake", "target"),
    ("route remade unseen", "remake", "route"),
    ("primary deleted unseen", "remove primary", 0),
    ("another release unseen", "release", "1.3"),
)
"""What happens while the watch is broken."""


def writes(plain: Run) -> Iterator[Point]:
    """What can become of each write."""
    for number in range(1, plain.attempts + 1):
        yield Point("crash", Faults(crashes=(Crash(number),)), True)
        yield Point("away", Faults(crashes=(Crash(number, AWAY),)), True)
        yield Point("409", Faults(refuse=(number,)), True)
        yield Point("429", Faults(busy=(number,)), True)
        yield Point("500", Faults(fail=(number,)), True)
        yield Point("time-out", Faults(lose=(number,)), True)


def others(plain: Run) -> Iterator[Point]:
    """What others do right after each write."""
    for number in range(1, plain.attempts + 1):
        for kind, do, value, harmless in FOREIGN:
            yield Point(kind, Faults(deeds=(Deed(do=do, value=value, write=number),)), harmless)
        begin = plain.times[number - 1]
        held = Deed(do="command", value="pause", write=number), Deed(do="command", value="resume", second=begin + HELD)
        yield Point("held and let go", Faults(deeds=held), False)
        for kind, do, value in MISSED:
            deeds = (Deed(do=do, value=value, write=number),)
            yield Point(kind, Faults(blind=(Span(begin, begin + 9),), deeds=deeds), False)


def outside(plain: Run) -> Iterator[Point]:
    """What the outside does at each moment at which something was written."""
    for begin in sorted(set(plain.times)):
        span = Span(begin, begin + SPELL)
        yield Point("blind", Faults(blind=(Span(begin, begin + 9),)), True)
        yield Point("no data", Faults(dark=(Dark(span),)), False)
        yield Point("metrics away", Faults(dark=(Dark(span, "error"),)), False)
        yield Point("configs unread", Faults(unread=(span,)), True)
        for how in ("broken", "gone", "silent", "slow", "closed"):
            yield Point(f"hooks {how}", Faults(dark=(Dark(span, how, "hooks"),)), False)
            yield Point(f"alerts {how}", Faults(dark=(Dark(span, how, "alerts"),)), True)


def always(plain: Run) -> Iterator[Point]:
    """What lasts the whole run."""
    timely = any(deed.do == "command" for deed in plain.script)  # what a command does depends on when it is seen
    for events in range(1, 10):
        yield Point("stale cache", Faults(lag=events), not timely)
    for seconds in (0.3, 2.0, 9.0, 25.0):
        yield Point("slow answers", Faults(slow_answers=seconds), not timely)


def points(scenario: Scenario, plain: Run) -> Iterator[Point]:
    """All of them that can make a difference."""
    for point in (*always(plain), *writes(plain), *outside(plain), *others(plain)):
        if concerns(point.kind, scenario):
            yield point


def concerns(kind: str, scenario: Scenario) -> bool:
    """Whether there is anything that this kind of fault could touch."""
    analysis, words = scenario.analysis, set(kind.split())
    if words & {"hooks"}:
        return bool(analysis.get("webhooks"))
    if words & {"alerts"}:
        return bool(analysis.get("alerts"))
    if words & {"config", "configs", "configured"}:
        return scenario.configured
    if words & {"load"}:
        return bool(scenario.scaler)
    return scenario.kind == "DaemonSet" or "node" not in words


MAIN: tuple[str, ...] = (
    *(f"good, {workload.name}" for workload in WORKLOADS),
    "bad, weighted",
    "bad, blue-green",
    "bad, mesh",
    "bad, KEDA",
    "begins, weighted",
    "begins, blue-green",
    "begins, daemons",
    "begins, KEDA",
    "users' apex",
    "slow gateway",
    "promotion fails, weighted",
    "mended, blue-green",
    "superseded, A/B",
    "superseded at its most, hpa",
    "skipped, weighted",
    "suspended in mid-run",
    "deleted, weighted",
    "deleted, KEDA",
    "deleted in the foreground, weighted",
    "another config",
    "a bad config",
    "confirm-rollout closed, weighted",
    "confirm-traffic-increase closed, weighted",
    "confirm-promotion closed, blue-green",
    "all hooks, A/B",
    "all hooks, bad, weighted",
    "alerts open",
    "held and let go, weighted",
    "given back by steps",
)
"""Scenarios of which the soak plays every point."""
