"""What the mind costs in each tick of a whole release, on objects as an API server shows them."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from davy.api.validate import Problem
from davy.core.decide import decide
from davy.core.plan import Decision, Plan
from davy.core.snapshot import Snapshot
from davy.perceive import perceive
from davy.render import render
from davy.settings import Settings
from davy.validity import problems

from .figure import Figure, Goal, quantile, short
from .virtual import Moment, release

SETTINGS = Settings()
SHAPES = ("gatewayapi:v1", "istio, with configs, HPA, affinity and hooks")
ROUNDS = 21
GOAL = Goal(300)


class Cost(NamedTuple):
    """CPU in µs for each tick. `plain`: json reads the objects that the tick looks at."""

    perceive: float
    decide: float
    render: float
    validity: float
    plain: float


def measure() -> list[Figure]:
    return [figure for words in SHAPES for figure in of(words, release(words).moments)]


def of(words: str, moments: Sequence[Moment]) -> Iterator[Figure]:
    texts = [json.dumps(list(moment.seen.objects.values())) for moment in moments]
    gc.collect()
    gc.freeze()  # as the operator does with what it has listed
    found = [cost(moments, texts) for _ in range(ROUNDS)]
    gc.unfreeze()
    others = [f"{name} {short(middle(found, index))}" for index, name in ((0, "perceive"), (3, "validity"))]
    yield Figure(
        what=f"decide and render, per tick ({words})",
        unit="µs",
        values=tuple(each.decide + each.render for each in found),
        goal=GOAL,
        note=f"{len(moments)} ticks of a whole release, in {ROUNDS} rounds; decide {short(middle(found, 1))}, render"
        f" {short(middle(found, 2))}, and beside them {', '.join(others)}.",
    )
    yield Figure(
        what=f"decide and render, as a share of json's reading of the objects ({words})",
        unit="ratio",
        values=tuple((each.decide + each.render) / each.plain for each in found),
        note="the same rounds: what machine and neighbours do to the one they do to the other.",
    )


def cost(moments: Sequence[Moment], texts: Sequence[str]) -> Cost:
    """One round: each part of all ticks after the other."""
    snapshots: list[Snapshot] = []
    decisions: list[Decision] = []

    def rendered(moment: Moment, snapshot: Snapshot, decision: Decision) -> None:
        status = decision.status if isinstance(decision, Plan) else moment.seen.canary.status
        render(decision.desired, status, moment.seen, snapshot.canary, SETTINGS)

    return Cost(
        clocked(len(moments), lambda: snapshots.extend(perceive(each.seen, each.now, SETTINGS) for each in moments)),
        clocked(len(moments), lambda: decisions.extend(map(decide, snapshots))),
        clocked(len(moments), lambda: list(map(rendered, moments, snapshots, decisions))),
        clocked(len(moments), lambda: [judged(each) for each in moments]),
        clocked(len(moments), lambda: list(map(json.loads, texts))),
    )


def judged(moment: Moment) -> tuple[Problem, ...]:
    return problems(moment.seen.canary, SETTINGS, moment.seen.objects, ())


def clocked(count: int, work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) / count * 1e6


def middle(found: Sequence[Cost], index: int) -> float:
    return quantile([each[index] for each in found], 0.5)
