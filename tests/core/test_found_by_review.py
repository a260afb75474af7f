"""Holes that a review found, one test each: what would be left waiting for ever, or lead people to nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.snapshots import (
    ITERATED,
    NEW,
    NOW,
    OLD,
    SLOW,
    STUCK,
    WEIGHTED,
    ago,
    deleted,
    primary,
    snapshot,
    target,
)

from davy.api.analysis import Webhook
from davy.api.match import AnalysisMatch
from davy.api.status import Phase
from davy.api.words import Metadata
from davy.core.decide import decide
from davy.core.hold import hold
from davy.core.moves import Move, Stay
from davy.core.names import COMMAND
from davy.core.phases import step
from davy.core.plan import LEAVE_ALL, Ask, Plan, PrimaryWish
from davy.core.reasons import Reason
from davy.core.snapshot import Answer, Refused, Routing, Snapshot

MATCHED = replace(ITERATED, match=(AnalysisMatch(),))
DEAD = primary(serving=0, readiness=SLOW)
FLAGGERS: dict[str, Any] = {"last_applied_spec": "5f8fd4f546", "last_promoted_spec": "7bbcb7cf48", "target_fence": ""}
"""What Flagger wrote."""


def plan(s: Snapshot) -> Plan:
    decision = decide(s)
    assert isinstance(decision, Plan)
    return decision


def matched(**fields: Any) -> Snapshot:
    """An A/B test whose provider can tell the requests apart."""
    return snapshot(Phase.PROGRESSING, analysis=MATCHED, matches=True, last_step_at=ago(3), **fields)


# Taking over from Flagger


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.WAITING_PROMOTION, Phase.PROMOTING])
def test_no_traffic_moves_before_the_weight_that_flagger_left_was_read(phase: Phase) -> None:
    s = snapshot(phase, canary_weight=0, routing=Routing(60, 40), primary=primary(carries=""), **FLAGGERS)
    first = plan(s)
    assert first.desired == LEAVE_ALL
    assert (first.status.canary_weight, first.status.last_applied_spec) == (40, NEW)


@pytest.mark.parametrize("fields", [{"phase": Phase.PROMOTING}, {"phase": Phase.FAILED, "canary_weight": 100}])
def test_what_flagger_has_copied_is_noted_with_the_first_status(fields: dict[str, Any]) -> None:
    known = dict(fields)
    s = snapshot(known.pop("phase"), primary=primary(carries="", like_target=True), **known, **FLAGGERS)
    first = plan(s)
    assert (first.desired.primary, first.desired.run) == (PrimaryWish.NOTE, NEW)
    assert first.desired.routing is None


def test_a_target_that_was_edited_while_flagger_finished_is_a_revision_afterwards() -> None:
    """Taken for what was analysed, it would be waited for that the primary carries it: for ever."""
    s = snapshot(
        Phase.FINALISING,
        primary=primary(carries="", like_target=False),
        target=target(replicas=0, serving=0, readiness=SLOW),
        routed_at=ago(30),
        **FLAGGERS,
    )
    ended = plan(s)
    assert ended.status.phase is Phase.SUCCEEDED
    begun = plan(replace(s, canary=replace(s.canary, status=ended.status)))
    assert (begun.status.phase, begun.status.last_applied_spec) == (Phase.PROGRESSING, NEW)


def test_a_deletion_that_flagger_began_is_bounded_too() -> None:
    s = deleted(snapshot(Phase.TERMINATING, target=target(serving=0, readiness=STUCK), **FLAGGERS))
    assert plan(s).status.last_step_at == ago(0)


# A/B tests


@pytest.mark.parametrize("iterations", [0, 1])
def test_in_a_test_without_a_primary_everybody_goes_to_the_canary(iterations: int) -> None:
    desired = hold(matched(iterations=iterations, primary=DEAD))
    assert (desired.routing, desired.everyone) == (Routing(0, 100), True)


def test_in_a_test_only_those_who_match_go_to_the_canary() -> None:
    assert not hold(matched(iterations=1)).everyone


def test_a_test_after_a_failed_promotion_keeps_everybody_with_the_canary() -> None:
    s = matched(canary_weight=100, primary=primary(carries="v1:broken", readiness=STUCK))
    assert (hold(s).routing, hold(s).everyone) == (Routing(0, 100), True)


def test_everybody_stays_with_the_canary_while_an_emptied_primary_starts() -> None:
    s = snapshot(
        Phase.PROMOTING,
        analysis=MATCHED,
        matches=True,
        canary_weight=100,
        primary=primary(carries=NEW, empties=True, serving=1, readiness=SLOW),
    )
    assert hold(s).everyone


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.PROMOTING])
def test_all_of_those_who_match_are_not_everybody(phase: Phase) -> None:
    carried = OLD if phase is Phase.PROGRESSING else NEW
    analysis = replace(WEIGHTED, match=(AnalysisMatch(),))
    s = snapshot(phase, analysis=analysis, matches=True, canary_weight=100, primary=primary(carries=carried))
    assert not hold(s).everyone


# A primary without pods


def test_a_rollback_that_could_not_be_done_is_done_when_the_primary_serves_again() -> None:
    s = snapshot(Phase.FAILED, canary_weight=100, run_ended_at=ago(60), routing=Routing(0, 100))
    back = step(s)
    assert isinstance(back, Move)
    assert (back.status.phase, back.status.canary_weight, back.status.run_ended_at) == (Phase.FAILED, 0, None)


def test_until_then_the_canary_keeps_all_traffic() -> None:
    waits = step(snapshot(Phase.FAILED, canary_weight=100, run_ended_at=ago(60), primary=DEAD))
    assert isinstance(waits, Stay)
    assert "has no pod that serves" in waits.message


def test_a_primary_that_somebody_deleted_after_a_failed_promotion_is_made_again() -> None:
    s = snapshot(Phase.FAILED, canary_weight=100, run_ended_at=ago(60), primary=None)
    assert (hold(s).primary, hold(s).run) == (PrimaryWish.EXIST, NEW)


@pytest.mark.parametrize("routing", [Routing(100, 0), Routing(0, 100)])
def test_a_primary_that_a_copy_would_empty_is_left_alone_while_the_target_does_not_serve(routing: Routing) -> None:
    s = snapshot(
        Phase.PROMOTING,
        canary_weight=100,
        routing=routing,
        routed_at=ago(60),
        target=target(serving=0, readiness=SLOW),
        primary=primary(empties=True),
    )
    assert hold(s).primary is PrimaryWish.EXIST
    waits = step(s)
    assert isinstance(waits, Stay)
    assert waits.reason is Reason.CANARY_NOT_READY


def test_a_dead_primary_is_copied_to_all_the_same() -> None:
    s = snapshot(Phase.PROMOTING, canary_weight=40, primary=primary(empties=True, serving=0, readiness=SLOW))
    assert hold(replace(s, target=target(serving=0, readiness=SLOW))).primary is PrimaryWish.CARRY


def test_a_primary_that_was_put_back_while_finishing_ends_the_run_as_failed() -> None:
    """`kubectl rollout undo` of the primary: it carries again what was promoted before."""
    ended = step(snapshot(Phase.FINALISING, primary=primary(carries=OLD), routed_at=ago(3)))
    assert isinstance(ended, Move)
    assert (ended.status.phase, ended.status.canary_weight) == (Phase.FAILED, 0)


def test_a_primary_that_was_made_anew_from_an_edited_target_is_no_way_back() -> None:
    other = primary(carries="v1:other")
    ended = step(snapshot(Phase.FINALISING, primary=other, target=target(revision="v1:other", fence="u/3")))
    assert isinstance(ended, Move)
    assert (ended.status.phase, ended.status.canary_weight) == (Phase.FAILED, 100)


# Commands


@pytest.mark.parametrize("carries", [OLD, NEW])
def test_a_promotion_that_a_human_holds_is_held(carries: str) -> None:
    s = snapshot(Phase.PROMOTING, canary_weight=40, paused_at=ago(5), primary=primary(carries=carries))
    assert hold(s).primary is PrimaryWish.EXIST
    held = step(s)
    assert isinstance(held, Stay)
    assert held.reason is Reason.PAUSED


# Time


def test_what_is_past_is_no_reason_to_look_again_at_once() -> None:
    """The settle time is over, but the target has lost its pods: only a watch can tell the next."""
    going = snapshot(
        Phase.TERMINATING,
        routing=Routing(0, 100),
        apex="target",
        routed_at=ago(30),
        last_step_at=ago(40),
        target=target(serving=0, readiness=SLOW),
    )
    decided = plan(deleted(going))
    settled = plan(replace(deleted(going), canary=replace(deleted(going).canary, status=decided.status)))
    assert settled.status == decided.status
    assert settled.again_at is None or settled.again_at > NOW - timedelta(milliseconds=1)


def test_a_slow_hook_keeps_no_rollback_hook_from_being_polled() -> None:
    hooks = (
        Webhook(name="load", type="pre-rollout", url="http://h/"),
        Webhook(name="back", type="rollback", url="http://h/"),
    )
    s = snapshot(Phase.PROGRESSING, analysis=replace(WEIGHTED, webhooks=hooks), routing=Routing(100, 0))
    asked = decide(s)
    assert isinstance(asked, Ask)
    refused = {asked.questions[0].id: Answer(Refused("no"), at=NOW - timedelta(seconds=4))}
    waits = decide(replace(s, answers=refused))
    assert isinstance(waits, Ask)
    assert waits.again_at == NOW + timedelta(seconds=6)


@pytest.mark.parametrize(("fields", "begun"), [({}, False), ({"iterations": 1}, True), ({"canary_weight": 20}, True)])
def test_a_run_of_flaggers_that_has_taken_no_step_still_has_all_before_it(fields: dict[str, Any], begun: bool) -> None:
    weight = fields.get("canary_weight", 0)
    s = snapshot(
        Phase.PROGRESSING, routing=Routing(100 - weight, weight), primary=primary(carries=""), **fields, **FLAGGERS
    )
    status = plan(s).status
    assert (status.pre_rollout_passed, status.last_step_at is not None) == (begun, begun)
    assert (status.ready_by is None) is begun


# Waiting at a gate after a failed promotion


def waits_after_a_failed_promotion(**fields: Any) -> Snapshot:
    return snapshot(
        Phase.WAITING,
        canary_weight=100,
        run_ended_at=ago(60),
        routing=Routing(0, 100),
        primary=primary(carries=NEW, readiness=STUCK),
        **fields,
    )


def test_the_canary_keeps_its_traffic_while_the_next_revision_waits() -> None:
    desired = hold(waits_after_a_failed_promotion(target=target(revision="v1:fix", fence="u/3")))
    assert (desired.routing, desired.everyone) == (Routing(0, 100), True)


def test_a_revision_withdrawn_at_the_gate_leaves_the_promotion_failed() -> None:
    back = step(waits_after_a_failed_promotion())
    assert isinstance(back, Move)
    assert (back.status.phase, back.status.canary_weight) == (Phase.FAILED, 100)


def test_a_revision_called_off_at_the_gate_ends_there() -> None:
    s = waits_after_a_failed_promotion(
        target=target(revision="v1:fix", fence="u/3"), annotations={COMMAND: "abort by=alice"}
    )
    status = plan(s).status
    assert (status.phase, status.canary_weight, status.run_ended_at) == (Phase.FAILED, 100, ago(0))
    assert status.ended_because == "aborted by alice"


# Restarts


@pytest.mark.parametrize(("rested", "kept"), [(60.0, True), (7200.0, False)])
def test_restarts_of_long_ago_say_nothing_about_a_new_run(rested: float, kept: bool) -> None:
    s = snapshot(
        Phase.FAILED,
        run_ended_at=ago(rested),
        restarts=("v1:a>v1:b",) * 2,
        target=target(revision="v1:fix", fence="u/3"),
    )
    begun = step(s)
    assert isinstance(begun, Move)
    assert bool(begun.status.restarts) is kept


# Why a run ended


@pytest.mark.parametrize(
    ("s", "why"),
    [
        (snapshot(run_started_at=ago(61), target=target(serving=0, readiness=SLOW)), "0 of 2"),
        (snapshot(target=target(serving=0, readiness=STUCK)), "exceeded its deadline"),
        (snapshot(annotations={COMMAND: "abort by=alice"}, last_step_at=ago(3)), "aborted by alice"),
        (snapshot(Phase.PROMOTING, primary=primary(carries=NEW, readiness=STUCK)), "app-primary: exceeded"),
        (snapshot(failed_checks=2), "2 failed checks"),
    ],
    ids=["slow", "stuck", "aborted", "promotion", "checks"],
)
def test_the_status_tells_why_a_run_failed(s: Snapshot, why: str) -> None:
    ended = plan(s).status
    assert why in ended.ended_because
    again = replace(
        s, canary=replace(s.canary, status=replace(ended, run_ended_at=ago(0)), metadata=Metadata(name="app"))
    )
    told = plan(again).status
    assert why in told.message


# Two writers of one number


@pytest.mark.parametrize(("seconds", "wanted"), [(5, 8), (60, None)])
@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.FAILED])
def test_an_autoscaler_of_the_primary_has_the_last_word(phase: Phase, seconds: float, wanted: int | None) -> None:
    """All traffic is on the canary, for the primary has no pods: it is not made larger again and again for ever."""
    s = snapshot(
        phase,
        routing=Routing(0, 100),
        run_started_at=ago(seconds),
        last_transition_time=ago(seconds),
        primary=replace(DEAD, replicas=2),
        target=target(replicas=8, serving=8),
        scaler_floor=2,
    )
    assert hold(s).primary_replicas == wanted


# Nobody edited it


def test_a_template_that_the_primary_runs_already_is_no_revision() -> None:
    """The server spells it anew in the instant in which we scale the target: hash and generation have both moved."""
    s = snapshot(
        Phase.SUCCEEDED,
        primary=primary(like_target=True),
        target=target(revision="v1:anew", fence="u/9", replicas=0, serving=0),
    )
    same = step(s)
    assert isinstance(same, Move)
    assert (same.status.phase, same.status.last_applied_spec) == (Phase.SUCCEEDED, "v1:anew")


def test_a_rejected_revision_that_is_served_anew_while_it_goes_is_still_that_one() -> None:
    going = step(snapshot(Phase.FAILED, target=target(revision="v1:anew"), routed_at=ago(10)))
    assert isinstance(going, Move)
    assert (going.status.phase, going.status.last_applied_spec) == (Phase.FAILED, "v1:anew")
