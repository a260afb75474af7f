"""Hooks of the spec: in order, once a step, and what their answers do to the release."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.snapshots import ITERATED, NEW, NOW, OLD, WEIGHTED, ago, primary, snapshot, target

from davy.api.analysis import Analysis, Webhook
from davy.api.status import ClosedGate, Phase
from davy.core.decide import decide
from davy.core.plan import Ask, HookCheck, Plan, Question
from davy.core.reasons import Reason
from davy.core.snapshot import Answer, Error, Passed, Progressing, Refused, Reply, Routing, Snapshot, Value

YES, NO, AWAY = Passed(), Refused("not yet"), Error("unreachable", "connection refused")


def hook(kind: str, name: str = "", **fields: Any) -> Webhook:
    return Webhook(name or kind, f"http://{kind}.test/", type=kind, **fields)


def with_hooks(*hooks: Webhook, analysis: Analysis = WEIGHTED) -> Analysis:
    return replace(analysis, webhooks=hooks)


class Outside:
    """Answers by the hook's name, and counts the calls."""

    def __init__(self, **replies: Reply) -> None:
        self.replies = replies
        self.called: list[tuple[str, Phase]] = []

    def answer(self, s: Snapshot, asked: tuple[Question, ...]) -> Snapshot:
        known = {question.id: s.answers[question.id] for question in asked if question.id in s.answers}
        for question in asked:
            stale = question.since is not None and question.id in known and not fresh(known[question.id], question)
            if question.id in known and not stale:
                continue
            known[question.id] = Answer(self._reply(s, question), at=s.now)
        return replace(s, answers=known)

    def _reply(self, s: Snapshot, question: Question) -> Any:
        if not isinstance(question, HookCheck):
            return Value(100.0)
        name = s.canary.analysis.webhooks[question.index].name
        self.called.append((name, question.phase))
        return self.replies.get(name.replace("-", "_"), YES)

    def decide(self, s: Snapshot) -> tuple[Snapshot, Plan]:
        """All that is asked is answered, until there is a plan."""
        for _ in range(10):
            decision = decide(s)
            if isinstance(decision, Plan):
                return self.answer(s, decision.asks), decision
            s = self.answer(s, decision.questions)
        raise AssertionError(f"it never stops asking: {decision}")

    def through(self, s: Snapshot, moves: int) -> Plan:
        for _ in range(moves):
            s, plan = self.decide(s)
            s = replace(s, canary=replace(s.canary, status=plan.status))
        return plan


def fresh(answer: Answer, question: Question) -> bool:
    return question.since is None or (answer.at is not None and answer.at > question.since)


def at_rest(*hooks: Webhook, **fields: Any) -> Snapshot:
    known = {"last_applied_spec": OLD, "target_fence": "u/1", **fields}
    return snapshot(Phase.INITIALIZED, analysis=with_hooks(*hooks), **known)


def at_weight(weight: int, *hooks: Webhook, **fields: Any) -> Snapshot:
    known = {"canary_weight": weight, "routing": Routing(100 - weight, weight), "last_step_at": ago(10), **fields}
    return snapshot(fields.pop("phase", Phase.PROGRESSING), analysis=with_hooks(*hooks), **known)


def test_a_run_begins_only_when_every_gate_before_it_is_open() -> None:
    gates = (hook("confirm-rollout", "first"), hook("confirm-rollout", "second"), hook("confirm-rollout", "third"))
    outside = Outside(second=NO)
    _, plan = outside.decide(at_rest(*gates))
    assert plan.status.phase is Phase.WAITING
    assert plan.status.last_applied_spec == OLD
    assert plan.status.closed_gate == ClosedGate("second", "confirm-rollout", ago(0))
    assert [name for name, _ in outside.called] == ["first", "second"]
    assert [said.message for said in plan.says] == [
        "Confirm-rollout check first passed",
        "Halt app.test advancement waiting for approval second",
    ]


def test_a_gate_that_opens_lets_the_run_begin_and_says_so() -> None:
    waiting = replace(at_rest(hook("confirm-rollout")), canary=waits(at_rest(hook("confirm-rollout"))).canary)
    _, plan = Outside().decide(waiting)
    assert plan.status.phase is Phase.PROGRESSING
    assert plan.status.last_applied_spec == NEW
    assert plan.status.closed_gate is None
    assert [said.action for said in plan.says] == ["HookPassed", "NewRevision"]


def waits(s: Snapshot, gate: str = "confirm-rollout") -> Snapshot:
    closed = replace(s.canary.status, phase=Phase.WAITING, closed_gate=ClosedGate(gate, gate, ago(60)))
    return replace(s, canary=replace(s.canary, status=closed))


def test_a_closed_gate_is_asked_once_an_interval_and_said_once() -> None:
    outside = Outside(confirm_rollout=NO)
    s = waits(at_rest(hook("confirm-rollout")))
    for second in range(31):
        s, plan = outside.decide(replace(s, now=NOW + timedelta(seconds=second)))
        s = replace(s, canary=replace(s.canary, status=plan.status))
        assert plan.again_at is not None
        assert plan.again_at <= s.now + s.interval
    assert len(outside.called) == 4
    assert {phase for _, phase in outside.called} == {Phase.WAITING}


def test_a_gate_that_cannot_be_reached_is_shown_as_that() -> None:
    _, plan = Outside(confirm_rollout=AWAY).decide(at_rest(hook("confirm-rollout")))
    assert plan.status.phase is Phase.WAITING
    gate = plan.status.closed_gate
    assert gate is not None
    assert gate.unreachable == "connection refused"
    ready = plan.status.condition("Ready")
    assert ready is not None
    assert "cannot be reached: connection refused" in plan.status.message


def test_what_happens_before_the_first_step_is_in_order_and_once() -> None:
    hooks = tuple(map(hook, ("confirm-traffic-increase", "pre-rollout", "rollback", "rollout")))
    outside = Outside(rollback=NO)
    s = snapshot(analysis=with_hooks(*hooks), routing=Routing(100, 0))
    plan = outside.through(s, 2)
    assert plan.status.canary_weight == 20
    assert [name for name, _ in outside.called] == ["rollback", "pre-rollout", "confirm-traffic-increase"]


def test_a_pre_rollout_hook_that_fails_counts_and_is_asked_again_a_step_later() -> None:
    _, plan = Outside(pre_rollout=Refused("smoke test failed")).decide(
        snapshot(analysis=with_hooks(hook("pre-rollout")), routing=Routing(100, 0))
    )
    assert plan.status.failed_checks == 1
    assert plan.status.last_step_at == ago(0)
    assert not plan.status.pre_rollout_passed
    assert plan.says[-1].message == ("Halt app.test advancement pre-rollout check pre-rollout failed smoke test failed")


def test_a_passed_pre_rollout_hook_is_not_asked_again_while_a_gate_is_closed() -> None:
    outside = Outside(confirm_traffic_increase=NO)
    s = snapshot(analysis=with_hooks(hook("pre-rollout"), hook("confirm-traffic-increase")), routing=Routing(100, 0))
    plan = outside.through(s, 2)
    later = replace(s, canary=replace(s.canary, status=plan.status), now=NOW + timedelta(seconds=10), answers={})
    outside.through(later, 1)
    assert [name for name, _ in outside.called] == [
        "pre-rollout",
        "confirm-traffic-increase",
        "confirm-traffic-increase",
    ]
    assert plan.status.canary_weight == 0


def test_a_step_asks_for_load_then_for_numbers_then_for_leave() -> None:
    hooks = tuple(map(hook, ("confirm-traffic-increase", "rollout", "rollback")))
    outside = Outside(rollback=NO)
    _, plan = outside.decide(at_weight(20, *hooks))
    assert plan.status.canary_weight == 40
    assert [name for name, _ in outside.called] == ["rollback", "rollout", "confirm-traffic-increase"]


def test_without_load_nothing_is_measured_and_the_check_has_failed() -> None:
    _, plan = Outside(rollout=AWAY).decide(at_weight(20, hook("rollout")))
    assert plan.status.failed_checks == 1
    assert not plan.status.analysis
    assert plan.says[-1].message == ("Halt app.test advancement external check rollout failed connection refused")


def test_a_closed_traffic_gate_holds_the_weight_while_the_analysis_goes_on() -> None:
    outside = Outside(confirm_traffic_increase=NO)
    _, plan = outside.decide(at_weight(20, hook("rollout"), hook("confirm-traffic-increase")))
    assert (plan.status.canary_weight, plan.status.last_step_at) == (20, ago(0))
    assert plan.status.analysis
    assert plan.status.closed_gate == ClosedGate("confirm-traffic-increase", "confirm-traffic-increase", ago(0))
    assert plan.status.failed_checks == 0
    s = snapshot(canary_weight=20, routing=Routing(80, 20), last_step_at=ago(1))
    held = decide(replace(s, canary=replace(s.canary, status=replace(plan.status, last_step_at=ago(1)))))
    assert isinstance(held, Plan)
    ready = held.status.condition("Ready")
    assert ready is not None
    assert ready.reason == Reason.GATE_CLOSED


def test_a_promotion_waits_in_a_phase_of_its_own_and_is_judged_on() -> None:
    outside = Outside(confirm_promotion=NO)
    s, plan = outside.decide(at_weight(40, hook("confirm-promotion")))
    assert plan.status.phase is Phase.WAITING_PROMOTION
    assert plan.status.canary_weight == 40
    bad = replace(s, canary=replace(s.canary, status=replace(plan.status, failed_checks=2)))
    _, back = outside.decide(bad)
    assert back.status.phase is Phase.FAILED


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.WAITING_PROMOTION])
def test_an_open_gate_lets_the_promotion_through(phase: Phase) -> None:
    s = at_weight(40, hook("confirm-promotion"))
    held = replace(s, canary=replace(s.canary, status=replace(s.canary.status, phase=phase)))
    _, plan = Outside().decide(held)
    assert plan.status.phase is Phase.PROMOTING
    assert [said.action for said in plan.says] == ["HookPassed", "PromotionStarted"]


def test_blue_green_asks_before_all_traffic_moves_and_before_the_copy() -> None:
    outside = Outside()
    s = snapshot(analysis=with_hooks(hook("confirm-promotion"), analysis=ITERATED), iterations=2, last_step_at=ago(10))
    s, first = outside.decide(replace(s, traffic=replace(s.traffic, routing=Routing(100, 0))))
    assert (first.status.canary_weight, first.status.phase) == (100, Phase.PROGRESSING)
    later = replace(
        s,
        canary=replace(s.canary, status=first.status),
        now=NOW + timedelta(seconds=10),
        traffic=replace(s.traffic, routing=Routing(0, 100)),
    )
    _, second = outside.decide(later)
    assert second.status.phase is Phase.PROMOTING
    assert len(outside.called) == 2


ROLLBACKS = {
    "pods starting": {"target": target(readiness=Progressing("0 of 2"), serving=0)},
    "at a step": {"canary_weight": 20, "routing": Routing(80, 20), "last_step_at": ago(3)},
    "nothing copied yet": {"canary_weight": 40, "routing": Routing(60, 40), "phase": Phase.PROMOTING},
    "at a gate": {"canary_weight": 40, "routing": Routing(60, 40), "phase": Phase.WAITING_PROMOTION},
}


@pytest.mark.parametrize("fields", ROLLBACKS.values(), ids=ROLLBACKS)
def test_a_rollback_hook_is_asked_in_every_state_of_a_run(fields: dict[str, Any]) -> None:
    known = dict(fields)
    s = snapshot(known.pop("phase", Phase.PROGRESSING), analysis=with_hooks(hook("rollback")), **known)
    plan = Outside().through(s, 2)
    assert plan.status.phase is Phase.FAILED
    assert plan.status.canary_weight == 0


def test_a_revision_that_waits_can_be_called_off() -> None:
    s = waits(at_rest(hook("confirm-rollout"), hook("rollback")))
    plan = Outside(confirm_rollout=NO).through(s, 1)
    assert plan.status.phase is Phase.FAILED
    assert plan.status.last_applied_spec == NEW


def test_the_first_rollback_hook_that_says_yes_wins_and_all_before_it_are_told() -> None:
    hooks = (hook("rollback", "a"), hook("rollback", "b"), hook("rollback", "c"))
    outside = Outside(a=NO)
    _, plan = outside.decide(at_weight(20, *hooks))
    assert plan.status.phase is Phase.FAILED
    assert [name for name, _ in outside.called] == ["a", "b"]
    assert "Rolling back app.test manual webhook invoked" in [said.message for said in plan.says]


def test_a_copied_primary_is_not_called_back_by_a_hook() -> None:
    copied = primary(carries=NEW)
    s = snapshot(Phase.PROMOTING, analysis=with_hooks(hook("rollback")), canary_weight=40, primary=copied)
    plan = Outside().through(s, 1)
    assert plan.status.phase is Phase.FINALISING


def test_every_question_has_an_id_of_its_own_and_the_same_one_when_it_is_asked_again() -> None:
    s = at_weight(20, hook("rollout", "a"), hook("rollout", "b"))
    first, again = decide(s), decide(s)
    assert isinstance(first, Ask)
    assert first == again
    assert len({question.id for question in first.questions}) == len(first.questions)


@pytest.mark.parametrize("reply", [YES, NO, AWAY])
def test_post_rollout_hooks_are_owed_until_they_are_called_and_the_end_is_told_after_them(reply: Reply) -> None:
    hooks = (hook("post-rollout", "one"), hook("post-rollout", "two"))
    outside = Outside(one=reply)
    s = snapshot(
        Phase.FINALISING,
        analysis=with_hooks(*hooks),
        primary=primary(carries=NEW),
        target=target(replicas=0, serving=0),
        routing=Routing(100, 0),
        routed_at=ago(30),
    )
    s, plan = outside.decide(s)
    assert plan.status.phase is Phase.SUCCEEDED
    assert [call.type for call in plan.status.pending] == ["post-rollout"]
    assert not plan.says
    after = replace(s, canary=replace(s.canary, status=plan.status))
    last = outside.through(after, 3)
    assert not last.status.pending
    names = [name for name, _ in outside.called]
    assert names == (["one", "two"] if reply is YES else ["one"])
    assert {phase for _, phase in outside.called} == {Phase.SUCCEEDED}
