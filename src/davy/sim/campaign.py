"""A long seeded run of many releases: every kind of bad luck, at every point, in every scenario.

What fails is given back as JSON that replays it: `replay(text)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from random import Random

from msgspec import Struct, json

from davy.sim.ending import same
from davy.sim.faults import NONE, Crash, Dark, Deed, Faults, Span
from davy.sim.run import Run
from davy.sim.scenarios import ALL, Case, Scenario


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


HARMLESS: Mapping[str, Luck] = {
    "crash": lambda random, writes, seconds: Faults(crashes=(Crash(point(random, writes)),)),
    "away": lambda random, writes, seconds: Faults(crashes=(Crash(point(random, writes), random.uniform(0, 100)),)),
    "crashes": lambda random, writes, seconds: Faults(
        crashes=tuple(Crash(point(random, writes), random.choice((0, 0, 20))) for _ in range(3))
    ),
    "refused": lambda random, writes, seconds: Faults(refuse=(point(random, writes),)),
    "failed": lambda random, writes, seconds: Faults(fail=(point(random, writes), point(random, writes))),
    "lost": lambda random, writes, seconds: Faults(lose=(point(random, writes),)),
    "lag": lambda random, writes, seconds: Faults(lag=random.randint(1, 9)),
    "slow answers": lambda random, writes, seconds: Faults(slow_answers=random.uniform(0.1, 25)),
    "blind": lambda random, writes, seconds: Faults(blind=(span(random, seconds, 20),)),
    "annotated": lambda random, writes, seconds: at(random, writes, seconds, "annotate", "x"),
    "weight by hand": lambda random, writes, seconds: at(random, writes, seconds, "weigh", random.randint(0, 100)),
    "route gone": lambda random, writes, seconds: at(random, writes, seconds, "unroute"),
}
"""Bad luck after which a run ends as without it."""

HARMFUL: Mapping[str, Luck] = {
    "no data": lambda random, writes, seconds: Faults(dark=(Dark(span(random, seconds, 30)),)),
    "metrics away": lambda random, writes, seconds: Faults(dark=(Dark(span(random, seconds, 30), "error"),)),
    "target dies": lambda random, writes, seconds: at(random, writes, seconds, "lose target", random.uniform(0, 90)),
    "primary dies": lambda random, writes, seconds: at(random, writes, seconds, "lose primary", random.uniform(0, 90)),
    "primary deleted": lambda random, writes, seconds: at(random, writes, seconds, "remove primary"),
    "apex rewritten": lambda random, writes, seconds: at(
        random, writes, seconds, "point", random.choice(("primary", "target"))
    ),
    "target scaled": lambda random, writes, seconds: at(random, writes, seconds, "scale", random.randint(0, 4)),
    "GitOps": lambda random, writes, seconds: Faults(
        deeds=(Deed(do="scale", value=3, second=random.uniform(0, seconds), every=5, times=20),)
    ),
    "released anew": lambda random, writes, seconds: at(
        random, writes, seconds, "release", random.choice(("1.0", "1.1", "1.2", "1.5", "bad-2", "pbad-2"))
    ),
    "skipped": lambda random, writes, seconds: at(random, writes, seconds, "skip", 1),
    "served anew": lambda random, writes, seconds: at(random, writes, seconds, "reserve", "y"),
    "analysis edited": lambda random, writes, seconds: at(
        random, writes, seconds, "max weight", random.randint(1, 100)
    ),
    "deleted": lambda random, writes, seconds: at(random, writes, seconds, "delete"),
}
"""Bad luck that may change how a run ends, but breaks no property."""

KINDS: Mapping[str, Luck] = {**HARMLESS, **HARMFUL}


def both(one: Faults, other: Faults) -> Faults:
    return Faults(
        crashes=one.crashes + other.crashes,
        refuse=one.refuse + other.refuse,
        fail=one.fail + other.fail,
        lose=one.lose + other.lose,
        lag=max(one.lag, other.lag),
        blind=one.blind + other.blind,
        dark=one.dark + other.dark,
        slow_answers=max(one.slow_answers, other.slow_answers),
        deeds=one.deeds + other.deeds,
    )


UNCUT: dict[str, Run] = {}


def uncut(scenario: Scenario) -> Run:
    """The scenario without bad luck, run once."""
    if scenario.name not in UNCUT:
        UNCUT[scenario.name] = Case(scenario).run().to_the_end()
    return UNCUT[scenario.name]


def played(case: Case, *, harmless: bool) -> Run:
    """The case to its end. Raises the property that it breaks."""
    run = case.run().to_the_end()
    if harmless:
        same(run, uncut(case.scenario))
    return run


def replay(text: str) -> Run:
    """The case of a failure, run again."""
    return json.decode(text, type=Case).run().to_the_end()


def cases(random: Random) -> Iterator[tuple[str, Case, bool]]:
    """Without end: kind, case, and whether it must end as without bad luck. Every third has two kinds at once."""
    names = sorted(ALL)
    for number in itertools.count():
        scenario = ALL[random.choice(names)]
        plain = uncut(scenario)
        kinds = random.sample(sorted(KINDS), 2 if number % 3 == 2 else 1)
        faults = NONE
        for kind in kinds:
            faults = both(faults, KINDS[kind](random, plain.attempts, plain.lasted))
        yield " + ".join(sorted(kinds)), Case(scenario, faults), all(kind in HARMLESS for kind in kinds)


def campaign(random: Random, count: int, clock: Callable[[], float], seconds: float) -> Campaign:
    """At most so many runs, for at most so many seconds of that clock."""
    end, runs, writes = clock() + seconds, 0, 0
    by_kind: dict[str, int] = {}
    failures: list[Failure] = []
    for kind, case, harmless in itertools.islice(cases(random), count):
        if clock() >= end:
            break
        runs += 1
        by_kind[kind] = by_kind.get(kind, 0) + 1
        try:
            writes += played(case, harmless=harmless).attempts
        except AssertionError as broken:
            failures.append(Failure(type(broken).__name__, str(broken)[:500], json.encode(case).decode()))
    return Campaign(runs, writes, by_kind, tuple(failures))
