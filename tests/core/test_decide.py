"""The door to the mind: legal moves only, late answers dropped, and a table of doors that is the truth."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace
from tests.core.snapshots import NEW, NOW, OLD, WEIGHTED, ago, deleted, primary, snapshot, target

from davy.api.analysis import Webhook
from davy.api.status import Phase
from davy.core import decide as module
from davy.core.decide import IllegalMove, decide
from davy.core.judgement import checks
from davy.core.moves import Move
from davy.core.names import COMMAND
from davy.core.phases import PHASES, TRANSITIONS
from davy.core.plan import Ask, HookCheck, Plan
from davy.core.reasons import Reason
from davy.core.snapshot import Answer, Refused, Routing, Snapshot, Value
from davy.sim.faults import NONE, Deed, Faults
from davy.sim.run import Run
from davy.sim.scenarios import ALL, Case

JUDGED: dict[str, Any] = {"canary_weight": 20, "routing": Routing(80, 20), "last_step_at": ago(10)}
FOREIGN = "5978589476"

Door = tuple[Phase, Phase]


def gated(
    s: Snapshot, kind: str, *, at_rest: bool = False, phase: Phase = Phase.INITIALIZED, **fields: Any
) -> Snapshot:
    """At the point at which that gate is asked, and closed."""
    gate = replace(WEIGHTED, webhooks=(Webhook("gate", "http://gate.test", type=kind),))
    if at_rest:
        made = snapshot(phase, analysis=gate, last_applied_spec=OLD, target_fence="u/1", **fields)
    else:
        made = snapshot(analysis=gate, **{**JUDGED, **fields, "routing": Routing(60, 40)})
    for _ in range(3):
        asked = decide(made)
        if not isinstance(asked, Ask):
            return made
        refused = {q.id: Answer(Refused("no"), at=NOW) for q in asked.questions if isinstance(q, HookCheck)}
        values = {q.id: Answer(Value(100.0)) for q in asked.questions if not isinstance(q, HookCheck)}
        made = replace(made, answers={**made.answers, **values, **refused})
    return made


def commanded(word: str, phase: Phase) -> Snapshot:
    return snapshot(
        phase, annotations={COMMAND: word}, **({"last_applied_spec": OLD} if phase is Phase.WAITING else {})
    )


TAKEN_OVER: tuple[tuple[Snapshot, Phase], ...] = (
    (
        snapshot(Phase.WAITING, last_applied_spec=FOREIGN, last_promoted_spec=FOREIGN, target_fence=""),
        Phase.PROGRESSING,
    ),
    (snapshot(Phase.WAITING, target=target(revision=NEW)), Phase.INITIALIZED),
    (gated(snapshot(), "confirm-rollout", at_rest=True), Phase.WAITING),
    (gated(snapshot(), "confirm-rollout", at_rest=True, phase=Phase.SUCCEEDED), Phase.WAITING),
    (gated(snapshot(), "confirm-rollout", at_rest=True, phase=Phase.FAILED, run_ended_at=ago(9)), Phase.WAITING),
    (commanded("abort", Phase.WAITING), Phase.FAILED),
    (gated(snapshot(**JUDGED), "confirm-promotion", canary_weight=40), Phase.WAITING_PROMOTION),
    (commanded("abort", Phase.WAITING_PROMOTION), Phase.FAILED),
    (commanded("promote", Phase.WAITING_PROMOTION), Phase.PROMOTING),
    (
        snapshot(Phase.WAITING_PROMOTION, target=target(revision="v1:third", fence="u/3")),
        Phase.PROGRESSING,
    ),
    (snapshot(Phase.FAILED, last_promoted_spec=""), Phase.INITIALIZING),
    (deleted(snapshot(Phase.WAITING)), Phase.TERMINATING),
    (deleted(snapshot(Phase.WAITING_PROMOTION)), Phase.TERMINATING),
    (
        deleted(
            snapshot(Phase.TERMINATING, restorable=True, routing=Routing(0, 100), apex="target", routed_at=ago(90))
        ),
        Phase.TERMINATED,
    ),
    (
        snapshot(
            Phase.FAILED, canary_weight=100, primary=primary(carries=NEW), run_ended_at=ago(9), analysis_passed=True
        ),
        Phase.PROMOTING,
    ),
)
"""Doors that open only to a status of Flagger's, to a closed gate or to a human's command."""

HELD = (Deed(do="hold", value=1, write=1), Deed(do="hold", value=0, second=900))
"""Another controller's finalizer: a canary that is deleted before we have scaled anything stays for a while."""

STIRRED: tuple[tuple[str, Faults], ...] = (
    ("begins, weighted", Faults(deeds=(Deed(do="hold", value=1, second=0), Deed(do="delete", second=0), *HELD[1:]))),
    ("begins, weighted", Faults(deeds=(*HELD, Deed(do="delete", second=1)))),
    *(("good, weighted", Faults(deeds=(Deed(do="delete", write=write),))) for write in range(1, 20)),
    *(("skipped, weighted", Faults(deeds=(Deed(do="release", value="1.5", write=write),))) for write in range(1, 8)),
    ("bad, weighted", Faults(deeds=(Deed(do="delete", second=200),))),
    ("good, weighted", Faults(deeds=(Deed(do="lose primary", value=600, second=27),))),
)
"""People and nodes at moments at which no scenario has them."""


def doors(run: Run) -> set[Door]:
    """The phases of the run's status, one after the other."""
    told = (event.manifest for event in run.world.log if event.ref == run.canary and event.manifest)
    phases = [Phase(str(canary.get("status", {}).get("phase", ""))) for canary in told]
    return {(one, other) for one, other in pairwise(phases) if one is not other}


def simulated() -> Iterator[tuple[str, Faults]]:
    yield from ((name, NONE) for name in ALL)
    yield from STIRRED


def test_the_table_of_doors_is_what_simulation_and_takeover_open() -> None:
    opened: set[Door] = set()
    for name, faults in simulated():
        opened |= doors(Case(ALL[name], faults).run().to_the_end())
    for s, to in TAKEN_OVER:
        plan = decide(s)
        assert isinstance(plan, Plan)
        assert plan.status.phase is to
        opened.add((s.canary.status.phase, to))
    assert opened == {(one, other) for one, others in TRANSITIONS.items() for other in others}


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("to", list(Phase))
def test_a_move_that_the_table_does_not_know_is_refused(
    phase: Phase, to: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = snapshot(phase, last_applied_spec=NEW)
    monkeypatch.setitem(PHASES, phase, lambda s, target: Move(replace(s.canary.status, phase=to)))
    monkeypatch.setattr(module, "outlook", lambda after: (Reason.MOVED, "", None))
    if to is phase or to in TRANSITIONS[phase]:
        assert isinstance(decide(s), Plan)
    else:
        with pytest.raises(IllegalMove, match="TRANSITIONS"):
            decide(s)


def test_answers_to_the_questions_of_this_step_are_judged() -> None:
    s = snapshot(**JUDGED)
    ask = decide(s)
    assert isinstance(ask, Ask)
    plan = decide(replace(s, answers={question.id: Answer(Value(100.0)) for question in ask.questions}))
    assert isinstance(plan, Plan)
    assert plan.status.canary_weight == 40


@pytest.mark.parametrize(
    "fields",
    [
        {"last_step_at": ago(20)},
        {"last_applied_spec": OLD, "target": target(revision=OLD)},
    ],
    ids=["another step", "another revision"],
)
def test_a_late_answer_to_another_steps_question_is_dropped(fields: dict[str, Any]) -> None:
    late = {check.id: Answer(Value(100.0)) for check in checks(snapshot(**JUDGED))}
    other = snapshot(**{**JUDGED, **fields, "answers": late})
    ask = decide(other)
    assert isinstance(ask, Ask)
    assert {question.id for question in ask.questions}.isdisjoint(late)


def test_while_it_asks_the_world_is_held() -> None:
    ask = decide(snapshot(**{**JUDGED, "routing": Routing(100, 0), "confirmation": snapshot().traffic.confirmation}))
    asking = decide(snapshot(**JUDGED))
    assert isinstance(asking, Ask)
    assert asking.desired.routing == Routing(80, 20)
    assert ask.desired.routing == Routing(80, 20)


def test_a_sentence_that_waits_is_said_once() -> None:
    missing = replace(snapshot(), target=None)
    first = decide(missing)
    assert isinstance(first, Plan)
    assert [said.action for said in first.says] == ["TargetMissing"]
    again = decide(replace(missing, canary=replace(missing.canary, status=first.status)))
    assert isinstance(again, Plan)
    assert not again.says
    assert again.status is first.status or again.status == first.status


def test_a_snapshot_is_plain_data() -> None:
    s = snapshot(**JUDGED, answers={"x": Answer(Value(1.0))})
    assert json.decode(json.encode(s), type=Snapshot) == s
