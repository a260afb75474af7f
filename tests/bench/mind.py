"""What a decision costs: perceive, decide and render on the simulator's worlds, and how fast it plays them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import timedelta
from random import Random

import msgspec

from davy.api import codec
from davy.api.ref import Manifest, Ref
from davy.core.decide import decide
from davy.core.plan import Plan
from davy.perceive import Seen, perceive, reads
from davy.render import Write, render
from davy.settings import Settings
from davy.sim.campaign import campaign
from davy.sim.cases import Case
from davy.sim.run import Run
from davy.sim.scenarios import ALL

from .figure import Figure
from .virtual import Moment

SETTINGS = Settings()
SCENARIOS = ("good, weighted", "bad, weighted", "good, blue-green", "bad, blue-green")
ROUNDS = 7
CANARIES = 10_000
CAMPAIGN = 8.0
"""Seconds of playing simulated releases."""


class Watched(Run):
    """A run that keeps what each of its ticks saw."""

    moments: list[Moment]

    def _seen(self) -> Seen | None:
        seen = super()._seen()
        if seen is not None:
            self.moments.append(Moment(seen, self.world.now))
        return seen


def measure() -> list[Figure]:
    moments = [moment for name in SCENARIOS for moment in played(name).moments]
    ticks = [microseconds(moments) for _ in range(ROUNDS)]
    done = campaign(Random(4), 1_000_000, time.perf_counter, CAMPAIGN)
    return [
        Figure(
            what="perceive, decide and render, per tick",
            unit="µs",
            values=tuple(ticks),
            note=f"{len(moments)} ticks of whole releases, good and bad, weighted and blue/green, in {ROUNDS} rounds.",
        ),
        *at_rest(),
        Figure(
            what="releases played by the simulator, every property checked after every write",
            unit="per second",
            values=(done.runs / CAMPAIGN,),
            note=f"{done.runs} releases under random bad luck in {CAMPAIGN:g} s, {done.writes / CAMPAIGN:,.0f} writes"
            f" per second; {len(done.failures)} of them broke a property.",
        ),
    ]


def played(name: str) -> Watched:
    """The scenario to its end, with all that was seen on the way."""
    plain = Case(ALL[name]).run()
    run = Watched(**{each.name: getattr(plain, each.name) for each in fields(Run)})
    run.moments = []
    run.to_the_end(still=timedelta(minutes=1))
    return run


def microseconds(moments: Iterable[Moment]) -> float:
    """Of CPU for each of them."""
    began, count = time.process_time(), 0
    for moment in moments:
        tick(moment)
        count += 1
    return (time.process_time() - began) / count * 1e6


def tick(moment: Moment) -> tuple[Write, ...]:
    """All that is pure in a tick."""
    seen, now = moment
    snapshot = perceive(seen, now, SETTINGS)
    decision = decide(snapshot)
    status = decision.status if isinstance(decision, Plan) else seen.canary.status
    return render(decision.desired, status, seen, snapshot.canary, SETTINGS)


def at_rest() -> Iterator[Figure]:
    """A canary after a release, ten thousand times under names of its own: what looking at each of them costs."""
    run = played(SCENARIOS[0])
    raws = {ref: msgspec.json.encode(manifest) for ref, manifest in run.world.objects.items()}
    values = []
    for _ in range(3):
        began = time.process_time()
        for number in range(CANARIES):
            tick(Moment(from_bytes(raws, run.canary, str(number)), run.world.now))
        values.append((time.process_time() - began) / CANARIES * 1e6)
    yield Figure(
        what=f"one look at a canary at rest, of {CANARIES:,}",
        unit="µs",
        values=tuple(values),
        note="its objects decoded from the bytes in the cache, perceived, decided on and rendered to nothing to do;"
        " once per interval of each canary at most.",
    )


def from_bytes(raws: dict[Ref, bytes], canary_ref: Ref, name: str) -> Seen:
    canary = codec.decode_canary(raws[canary_ref])
    canary = msgspec.structs.replace(canary, metadata=msgspec.structs.replace(canary.metadata, uid=name))
    objects: dict[Ref, Manifest] = {
        ref: msgspec.json.decode(raws[ref]) for ref in reads(canary, SETTINGS, {}) if ref in raws
    }
    return Seen(canary=canary, objects=objects)
