"""Long seeded runs of many releases: every single fault at every point, and several at once at random.

What fails is given back as JSON that replays it: `replay(text)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random

from msgspec import Struct, json

from davy.sim.cases import Case, Scenario
from davy.sim.ending import same
from davy.sim.faults import NONE, Crash, Dark, Deed, Faults, Span
from davy.sim.points import concerns
from davy.sim.run import Run
from davy.sim.scenarios import ALL
from davy.sim.tape import tape


class Failure(Struct, frozen=True):
    """A property that was broken."""

    property: str
    words: str
    replay: str
    """The case, as JSON."""


class Campaign(Struct, frozen=True):
    """What came of it."""

    runs: int
    writes: int
    by_kind: Mapping[str, int]
    failures: tuple[Failure, ...]


class Trial(Struct, frozen=True):
    """One run of a campaign."""

    kind: str
    case: Case
    harmless: bool
    """It must end as without bad luck."""


Luck = Callable[[Random, int, float], Faults]
"""Bad luck for a run of that many writes and seconds."""


def point(random: Random, writes: int) -> int:
    return random.randint(1, max(writes, 1))


def span(random: Random, seconds: float, longest: float) -> Span:
    begin = random.uniform(0, seconds)
    return Span(begin, begin + random.uniform(1, longest))


def at(random: Random, writes: int, seconds: float, do: str, value: str | float = 0) -> Faults:
    """The deed right after a write, or at some other moment."""
    if random.random() < 0.5:
        return Faults(deeds=(Deed(do=do, value=value, write=point(random, writes)),))
    return Faults(deeds=(Deed(do=do, value=value, second=random.uniform(0, seconds)),))


def dark(random: Random, seconds: float, of: str, *says: str) -> Faults:
    return Faults(dark=(Dark(span(random, seconds, 30), random.choice(says), of),))


HARMLESS: Mapping[str, Luck] = {
    "crash": lambda random, writes, seconds: Faults(crashes=(Crash(point(random, writes)),)),
    "away": lambda random, writes, seconds: Faults(crashes=(Crash(point(random, writes), random.uniform(0, 100)),)),
    "crashes": lambda random, writes, seconds: Faults(
        crashes=tuple(Crash(point(random, writes), random.choice((0, 0, 20))) for _ in range(3))
    ),
    "refused": lambda random, writes, seconds: Faults(refuse=(point(random, writes),)),
    "busy": lambda random, writes, seconds: Faults(busy=(point(random, writes), point(random, writes))),
    "failed": lambda random, writes, seconds: Faults(fail=(point(random, writes), point(random, writes))),
    "lost": lambda random, writes, seconds: Faults(lose=(point(random, writes),)),
    "lag": lambda random, writes, seconds: Faults(lag=random.randint(1, 9)),
    "slow answers": lambda random, writes, seconds: Faults(slow_answers=random.uniform(0.1, 25)),
    "blind": lambda random, writes, seconds: Faults(blind=(span(random, seconds, 20),)),
    "configs unread": lambda random, writes, seconds: Faults(unread=(span(random, seconds, 30),)),
    "alerts away": lambda random, writes, seconds: dark(random, seconds, "alerts", "broken", "gone", "silent", "slow"),
    "annotated": lambda random, writes, seconds: at(random, writes, seconds, "annotate", "x"),
    "status": lambda random, writes, seconds: at(random, writes, seconds, "status", "Foreign"),
    "weight by hand": lambda random, writes, seconds: at(random, writes, seconds, "weigh", random.randint(0, 100)),
    "route gone": lambda random, writes, seconds: at(random, writes, seconds, "unroute"),
}
"""Bad luck after which a run ends as without it."""

HARMFUL: Mapping[str, Luck] = {
    "no data": lambda random, writes, seconds: Faults(dark=(Dark(span(random, seconds, 30)),)),
    "metrics away": lambda random, writes, seconds: Faults(dark=(Dark(span(random, seconds, 30), "error"),)),
    "hooks away": lambda random, writes, seconds: dark(random, seconds, "hooks", "broken", "gone", "silent", "slow"),
    "hooks closed": lambda random, writes, seconds: dark(random, seconds, "hooks", "closed", "slowly closed"),
    "target dies": lambda random, writes, seconds: at(random, writes, seconds, "lose target", random.uniform(0, 90)),
    "primary dies": lambda random, writes, seconds: at(random, writes, seconds, "lose primary", random.uniform(0, 90)),
    "node lost": lambda random, writes, seconds: at(random, writes, seconds, "lose node"),
    "primary deleted": lambda random, writes, seconds: at(random, writes, seconds, "remove primary"),
    "remade": lambda random, writes, seconds: at(
        random, writes, seconds, "remake", random.choice(("target", "route", "apex"))
    ),
    "target deleted": lambda random, writes, seconds: at(random, writes, seconds, "delete target"),
    "apex rewritten": lambda random, writes, seconds: at(
        random, writes, seconds, "point", random.choice(("primary", "target"))
    ),
    "target scaled": lambda random, writes, seconds: at(random, writes, seconds, "scale", random.randint(0, 4)),
    "primary scaled": lambda random, writes, seconds: at(
        random, writes, seconds, "scale primary", random.randint(1, 4)
    ),
    "GitOps": lambda random, writes, seconds: Faults(
        deeds=(Deed(do="scale", value=3, second=random.uniform(0, seconds), every=5, times=20),)
    ),
    "load": lambda random, writes, seconds: at(random, writes, seconds, "load", random.randint(0, 12)),
    "released anew": lambda random, writes, seconds: at(
        random, writes, seconds, "release", random.choice(("1.0", "1.1", "1.2", "1.5", "bad-2", "pbad-2"))
    ),
    "configured anew": lambda random, writes, seconds: at(
        random, writes, seconds, "config", random.choice(("a", "b", "badcfg"))
    ),
    "skipped": lambda random, writes, seconds: at(random, writes, seconds, "skip", 1),
    "served anew": lambda random, writes, seconds: at(random, writes, seconds, "reserve", "y"),
    "analysis edited": lambda random, writes, seconds: at(
        random, writes, seconds, "max weight", random.randint(1, 100)
    ),
    "invalid": lambda random, writes, seconds: at(random, writes, seconds, "provider", "nonsense"),
    "commanded": lambda random, writes, seconds: at(
        random, writes, seconds, "command", random.choice(("abort", "promote", "retry", "resume", "dance"))
    ),
    "deleted": lambda random, writes, seconds: at(
        random, writes, seconds, "delete", random.choice(("Background", "Foreground"))
    ),
    "namespace deleted": lambda random, writes, seconds: at(random, writes, seconds, "end namespace"),
}
"""Bad luck that may change how a run ends, but breaks no property."""

KINDS: Mapping[str, Luck] = {**HARMLESS, **HARMFUL}


def both(one: Faults, other: Faults) -> Faults:
    return Faults(
        crashes=one.crashes + other.crashes,
        refuse=one.refuse + other.refuse,
        busy=one.busy + other.busy,
        fail=one.fail + other.fail,
        lose=one.lose + other.lose,
        lag=max(one.lag, other.lag),
        blind=one.blind + other.blind,
        unread=one.unread + other.unread,
        dark=one.dark + other.dark,
        slow_answers=max(one.slow_answers, other.slow_answers),
        deeds=one.deeds + other.deeds,
    )


def uncut(scenario: Scenario) -> Run:
    """The scenario without bad luck."""
    return tape(scenario).played()


def played(case: Case, *, harmless: bool) -> Run:
    """The case to its end. Raises the property that it breaks."""
    run = tape(case.scenario).from_where(case.faults).to_the_end()
    if harmless:
        same(run, uncut(case.scenario))
    return run


def replay(text: str) -> Run:
    """The case of a failure, run again from its beginning."""
    return json.decode(text, type=Case).run().to_the_end()


AT_A_TIME = 12
"""Random cases of one scenario before it is another's turn: its tape is at hand."""


def trials(random: Random) -> Iterator[Trial]:
    """Without end. Every third has two kinds of bad luck at once."""
    names = sorted(ALL)
    while True:
        scenario = ALL[random.choice(names)]
        for number in range(AT_A_TIME):
            yield trial(random, scenario, 2 if number % 3 == 2 else 1)


def trial(random: Random, scenario: Scenario, count: int) -> Trial:
    """One with that many kinds of bad luck."""
    kinds = random.sample([kind for kind in sorted(KINDS) if concerns(kind, scenario)], count)
    plain, faults = uncut(scenario), NONE
    for kind in kinds:
        faults = both(faults, KINDS[kind](random, plain.attempts, plain.lasted))
    return Trial(" + ".join(sorted(kinds)), Case(scenario, faults), all(kind in HARMLESS for kind in kinds))


def campaign(random: Random, count: int, clock: Callable[[], float], seconds: float) -> Campaign:
    """At most so many random runs, for at most so many seconds of that clock."""
    return fought(trials(random), count, clock, seconds)


def fought(trials: Iterable[Trial], count: int, clock: Callable[[], float], seconds: float) -> Campaign:
    end, runs, writes = clock() + seconds, 0, 0
    by_kind: dict[str, int] = {}
    failures: list[Failure] = []
    for trial in itertools.islice(trials, count):
        if clock() >= end:
            break
        runs += 1
        by_kind[trial.kind] = by_kind.get(trial.kind, 0) + 1
        try:
            writes += played(trial.case, harmless=trial.harmless).attempts
        except AssertionError as broken:
            failures.append(Failure(type(broken).__name__, str(broken)[:500], json.encode(trial.case).decode()))
    return Campaign(runs, writes, by_kind, tuple(failures))
