"""Each phase, case by case: what it waits for, what it moves to, and which guard speaks first."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.snapshots import (
    ITERATED,
    NEW,
    OLD,
    READY,
    SLOW,
    STUCK,
    WEIGHTED,
    ago,
    deleted,
    primary,
    snapshot,
    target,
)

from davy.api.analysis import Analysis
from davy.api.status import Phase
from davy.api.validate import Problem
from davy.core.hold import hold
from davy.core.judgement import checks, pings
from davy.core.moves import Move, Questions, Stay, Step
from davy.core.phases import PHASES, TRANSITIONS, step
from davy.core.plan import PrimaryWish
from davy.core.snapshot import Answer, NoData, Routing, Snapshot, Unknown, Value


def said(step: Step) -> str:
    """Where it goes or why it stays, in one word."""
    match step:
        case Move(status):
            return str(status.phase)
        case Stay(reason=reason):
            return str(reason)
        case Questions():
            return "asks"


def answered(s: Snapshot, number: float | None) -> Snapshot:
    reading = NoData() if number is None else Value(number)
    return replace(s, answers={check.id: Answer(reading) for check in (*checks(s), *pings(s))})


PROGRESSING = Phase.PROGRESSING
DOWN = target(replicas=0, serving=0, readiness=SLOW)
COMING = target(serving=0, readiness=SLOW)
LOST = primary(serving=0, readiness=SLOW)
HALF_DEAD = primary(serving=1, readiness=STUCK)
DEAD = primary(serving=0, readiness=STUCK)
COPIED = primary(carries=NEW)
TO_COPY = {"canary_weight": 40, "routing": Routing(60, 40)}
ALL_BACK = {"routed_at": ago(10), "target": DOWN}

CASES: tuple[tuple[str, Snapshot, str], ...] = (
    ("a new canary asks whether the metrics servers are there", snapshot(Phase.NONE), "asks"),
    ("and goes on whatever they say", answered(snapshot(Phase.NONE), None), "Initializing"),
    ("without an analysis it asks nothing", snapshot(Phase.NONE, spec={"skip_analysis": True}), "Initializing"),
    ("no primary yet", snapshot(Phase.INITIALIZING, primary=None), "Initializing"),
    ("a primary unlike the target", snapshot(Phase.INITIALIZING), "Initializing"),
    (
        "a primary that starts for longer than an interval",
        snapshot(Phase.INITIALIZING, primary=primary(like_target=True, readiness=SLOW)),
        "PrimaryNotReady",
    ),
    (
        "a primary that cannot start",
        snapshot(Phase.INITIALIZING, primary=replace(DEAD, like_target=True)),
        "PrimaryStuck",
    ),
    (
        "all there, traffic being moved",
        snapshot(Phase.INITIALIZING, primary=primary(like_target=True), routing=None),
        "RoutingPending",
    ),
    (
        "traffic moved, pods still draining",
        snapshot(Phase.INITIALIZING, primary=primary(like_target=True), routed_at=ago(5)),
        "Draining",
    ),
    (
        "settled, target still up",
        snapshot(Phase.INITIALIZING, primary=primary(like_target=True), routed_at=ago(10)),
        "ScalingDown",
    ),
    (
        "settled and down",
        snapshot(Phase.INITIALIZING, primary=primary(like_target=True), **ALL_BACK),
        "Initialized",
    ),
    ("at rest", snapshot(Phase.INITIALIZED, target=target(revision=OLD, fence="u/1")), "AtRest"),
    ("a new revision", snapshot(Phase.INITIALIZED), "Progressing"),
    ("a new revision after a success", snapshot(Phase.SUCCEEDED), "Progressing"),
    ("a new revision, but nothing to compare it with", snapshot(Phase.SUCCEEDED, primary=None), "PrimaryNotReady"),
    ("a new revision while the primary is incomplete", snapshot(Phase.SUCCEEDED, primary=LOST), "PrimaryNotReady"),
    (
        "the target comes up",
        snapshot(PROGRESSING, target=COMING, run_started_at=ago(5), last_transition_time=ago(5)),
        "CanaryStarting",
    ),
    ("slowly", snapshot(PROGRESSING, target=COMING, run_started_at=ago(30)), "CanaryNotReady"),
    ("too slowly", snapshot(PROGRESSING, target=COMING, run_started_at=ago(60)), "Failed"),
    ("not at all", snapshot(PROGRESSING, target=target(serving=0, readiness=STUCK)), "Failed"),
    (
        "incomplete after its first step it is waited for",
        snapshot(PROGRESSING, target=COMING, run_started_at=ago(600), last_step_at=ago(60)),
        "CanaryNotReady",
    ),
    ("up: the first step is taken at once", snapshot(PROGRESSING), "Progressing"),
    ("a step lasts its interval", snapshot(PROGRESSING, last_step_at=ago(9.9), **TO_COPY), "StepRunning"),
    (
        "and counts only if its routing is in force",
        snapshot(PROGRESSING, last_step_at=ago(10), canary_weight=40, routing=Routing(100, 0)),
        "RoutingPending",
    ),
    ("at its end it is judged", snapshot(PROGRESSING, last_step_at=ago(10), **TO_COPY), "asks"),
    ("good: on", answered(snapshot(PROGRESSING, last_step_at=ago(10), **TO_COPY), 100), "Promoting"),
    ("bad: once more", answered(snapshot(PROGRESSING, last_step_at=ago(10), **TO_COPY), 80), "Progressing"),
    ("too often bad", snapshot(PROGRESSING, failed_checks=2, **TO_COPY), "Failed"),
    ("skipped", snapshot(PROGRESSING, spec={"skip_analysis": True}), "Promoting"),
    (
        "skipped, but not ready",
        snapshot(PROGRESSING, spec={"skip_analysis": True}, target=COMING, run_started_at=ago(30)),
        "CanaryNotReady",
    ),
    ("another revision in mid-run", snapshot(PROGRESSING, target=target(revision=OLD, fence="u/3")), "Progressing"),
    ("the primary is deleted in mid-run", snapshot(PROGRESSING, primary=None), "PrimaryNotReady"),
    ("the primary loses its pods in mid-run", snapshot(PROGRESSING, primary=LOST), "PrimaryNotReady"),
    ("the primary is broken, but serves", snapshot(PROGRESSING, primary=HALF_DEAD), "Failed"),
    ("the primary is dead: nothing to roll back to", snapshot(PROGRESSING, primary=DEAD), "PrimaryStuck"),
    (
        "too often bad, but the primary is dead and the canary lives",
        snapshot(PROGRESSING, failed_checks=2, primary=DEAD),
        "Failed",
    ),
    (
        "a gate that Flagger closed and that is gone",
        answered(snapshot(Phase.WAITING_PROMOTION, canary_weight=40, last_step_at=ago(10)), 100.0),
        "Promoting",
    ),
    (
        "a gate that Flagger closed before the start",
        snapshot(Phase.WAITING, target_fence="u/1", last_applied_spec=OLD),
        "Progressing",
    ),
    ("nothing waits behind the gate", snapshot(Phase.WAITING, target=target(revision=NEW)), "Initialized"),
    ("the copy is being made", snapshot(Phase.PROMOTING, **TO_COPY), "Copying"),
    (
        "the copy starts",
        snapshot(Phase.PROMOTING, primary=replace(COPIED, readiness=SLOW), last_transition_time=ago(5), **TO_COPY),
        "Copying",
    ),
    ("the copy cannot start", snapshot(Phase.PROMOTING, primary=replace(COPIED, readiness=STUCK), **TO_COPY), "Failed"),
    ("the copy is ready", snapshot(Phase.PROMOTING, primary=COPIED, **TO_COPY), "Finalising"),
    ("superseded before the copy", snapshot(Phase.PROMOTING, target=target(revision=OLD, fence="u/3")), "Progressing"),
    (
        "superseded after the copy: first to the end",
        snapshot(Phase.PROMOTING, primary=COPIED, target=target(revision=OLD, fence="u/3")),
        "Finalising",
    ),
    (
        "finalising: traffic moves",
        snapshot(Phase.FINALISING, primary=COPIED, routing=Routing(60, 40)),
        "RoutingPending",
    ),
    ("finalising: it settles", snapshot(Phase.FINALISING, primary=COPIED, routed_at=ago(1)), "Draining"),
    ("finalising: target goes down", snapshot(Phase.FINALISING, primary=COPIED, routed_at=ago(10)), "ScalingDown"),
    ("finalised", snapshot(Phase.FINALISING, primary=COPIED, **ALL_BACK), "Succeeded"),
    (
        "no success without the primary's pods",
        snapshot(Phase.FINALISING, primary=replace(COPIED, readiness=SLOW), **ALL_BACK),
        "PrimaryNotReady",
    ),
    ("no success with another copy", snapshot(Phase.FINALISING, **ALL_BACK), "Failed"),
    ("a copy that is gone is made again", snapshot(Phase.FINALISING, primary=None, **ALL_BACK), "PrimaryNotReady"),
    (
        "the primary breaks at the end, the canary lives",
        snapshot(Phase.FINALISING, primary=replace(COPIED, readiness=STUCK)),
        "Failed",
    ),
    ("rolling back: traffic first", snapshot(Phase.FAILED, routing=Routing(60, 40)), "RoutingPending"),
    ("rolling back: then time", snapshot(Phase.FAILED, routed_at=ago(1)), "Draining"),
    ("rolling back: then pods", snapshot(Phase.FAILED, routed_at=ago(10)), "ScalingDown"),
    ("rolling back without a primary", snapshot(Phase.FAILED, routed_at=ago(10), primary=DEAD), "PrimaryStuck"),
    ("rolled back", snapshot(Phase.FAILED, run_ended_at=ago(60), target=replace(DOWN, revision=NEW)), "RolledBack"),
    (
        "put back to what was promoted: no run",
        snapshot(Phase.FAILED, run_ended_at=ago(60), target=target(revision=OLD, fence="u/3")),
        "Failed",
    ),
    (
        "a fix, edited",
        snapshot(Phase.FAILED, run_ended_at=ago(60), target=target(revision="v1:fix", fence="u/3")),
        "Progressing",
    ),
    (
        "a failed promotion waits for a human",
        snapshot(Phase.FAILED, canary_weight=100, primary=replace(COPIED, readiness=STUCK)),
        "PromotionFailed",
    ),
    ("Flagger failed the first primary: start over", snapshot(Phase.FAILED, last_promoted_spec=""), "Initializing"),
    ("no target", replace(snapshot(), target=None), "TargetMissing"),
    ("suspended", snapshot(spec={"suspend": True}), "Suspended"),
    ("deleted", deleted(snapshot(Phase.SUCCEEDED, target=DOWN)), "Terminating"),
    ("deleted in mid-run", deleted(snapshot(PROGRESSING, **TO_COPY)), "Terminating"),
)


@pytest.mark.parametrize(("s", "word"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_next_step(s: Snapshot, word: str) -> None:
    assert said(step(s)) == word


@pytest.mark.parametrize("s", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_every_move_is_a_legal_one(s: Snapshot) -> None:
    move = step(s)
    if isinstance(move, Move):
        phase = s.canary.status.phase
        assert move.status.phase is phase or move.status.phase in TRANSITIONS[phase]


def test_every_phase_has_a_function_and_doors() -> None:
    assert set(PHASES) == set(TRANSITIONS) == set(Phase)


WRONG = Problem(path="spec.analysis.metrics[0]", reason="Unknown", message="knows no such metric", severity="error")


@pytest.mark.parametrize(
    ("phase", "valid", "word"),
    [
        (Phase.INITIALIZED, False, "InvalidSpec"),
        (Phase.FAILED, True, "RoutingPending"),
        (PROGRESSING, False, "InvalidSpec"),
        (PROGRESSING, True, "Progressing"),
        (Phase.FINALISING, True, "RoutingPending"),
    ],
    ids=["at rest", "in a rollback, last spec known", "in a run", "in a run, last spec known", "at the end of a run"],
)
def test_a_wrong_spec_starts_nothing_and_breaks_nothing_that_runs(phase: Phase, valid: bool, word: str) -> None:
    fields: dict[str, Any] = (
        {"primary": COPIED, "routing": Routing(60, 40)} if phase in (Phase.FINALISING, Phase.FAILED) else {}
    )
    s = replace(snapshot(phase, **fields), problems=(WRONG,), valid=valid)
    assert said(step(s)) == word


def test_a_run_consumes_its_hash_and_forgets_the_one_before() -> None:
    s = snapshot(
        Phase.FAILED, run_ended_at=ago(60), failed_checks=2, iterations=3, target=target(revision="v1:fix", fence="u/3")
    )
    move = step(s)
    assert isinstance(move, Move)
    new = move.status
    assert (new.last_applied_spec, new.last_promoted_spec) == ("v1:fix", OLD)
    assert (new.failed_checks, new.iterations, new.canary_weight, new.analysis) == (0, 0, 0, ())
    assert (new.run_started_at, new.run_ended_at, new.last_step_at) == (ago(0), None, None)


def test_a_run_after_a_failed_promotion_begins_with_all_traffic_on_the_only_copy_that_serves() -> None:
    s = snapshot(
        Phase.FAILED,
        canary_weight=100,
        run_ended_at=ago(60),
        routing=Routing(0, 100),
        primary=replace(COPIED, readiness=STUCK),
        target=target(revision="v1:fix", fence="u/3"),
    )
    move = step(s)
    assert isinstance(move, Move)
    assert (move.status.phase, move.status.canary_weight) == (PROGRESSING, 100)


@pytest.mark.parametrize(
    ("primary_", "weight", "kept"),
    [(primary(), 40, 0), (replace(COPIED, readiness=STUCK), 40, 100), (DEAD, 40, 100)],
    ids=["healthy", "changed by a promotion", "dead"],
)
def test_a_rollback_goes_only_to_a_primary_that_can_serve_it(primary_: Any, weight: int, kept: int) -> None:
    s = snapshot(PROGRESSING, failed_checks=2, primary=primary_, canary_weight=weight)
    move = step(s)
    assert isinstance(move, Move)
    assert (move.status.phase, move.status.canary_weight) == (Phase.FAILED, kept)


def test_traffic_is_given_back_by_steps_an_interval_apart() -> None:
    gradual = Analysis(interval="10s", step_weight=40, max_weight=40, step_weight_promotion=30)
    fields: dict[str, Any] = {"primary": COPIED, "analysis": gradual, **TO_COPY}
    first = step(snapshot(Phase.PROMOTING, **fields))
    assert isinstance(first, Move)
    assert (first.status.phase, first.status.canary_weight, first.status.last_step_at) == (Phase.PROMOTING, 10, ago(0))
    fields |= {"canary_weight": 10, "routing": Routing(90, 10)}
    assert said(step(snapshot(Phase.PROMOTING, last_step_at=ago(9), **fields))) == "StepRunning"
    assert said(step(snapshot(Phase.PROMOTING, last_step_at=ago(10), **fields))) == "Finalising"


def test_no_interval_is_waited_for_when_nobody_reports_but_the_settle_time_is() -> None:
    s = snapshot(Phase.FINALISING, primary=COPIED, confirmation=Unknown(), routed_at=ago(9))
    stay = step(s)
    assert isinstance(stay, Stay)
    assert stay.until is not None
    assert (stay.until - s.now).total_seconds() == 1


@pytest.mark.parametrize(
    ("target_", "asked", "waits"),
    [(COMING, 59, True), (COMING, 60, False), (DOWN, 60, True), (DOWN, 600, True)],
    ids=["coming", "not coming", "not asked for", "never asked for"],
)
def test_a_deleted_canary_waits_for_its_target_but_not_for_ever(target_: Any, asked: float, waits: bool) -> None:
    s = deleted(snapshot(Phase.TERMINATING, target=target_, last_step_at=ago(asked)), 600)
    desired = hold(s)
    assert (desired.finalizer is False) != waits
    assert waits or isinstance(step(s), Move)


def test_blue_green_and_weights_share_the_guards() -> None:
    for analysis in (WEIGHTED, ITERATED):
        for fields, word in (
            ({"failed_checks": 2}, "Failed"),
            ({"target": COMING, "run_started_at": ago(30)}, "CanaryNotReady"),
        ):
            assert said(step(snapshot(PROGRESSING, analysis=analysis, **fields))) == word
    assert primary().readiness == READY


def test_a_clock_that_was_set_back_costs_the_step_one_more_interval_and_no_more() -> None:
    s = snapshot(PROGRESSING, canary_weight=20, last_step_at=ago(-86_400), routing=Routing(80, 20))
    move = step(s)
    assert isinstance(move, Move)
    assert move.status.last_step_at == ago(0)
    assert move.status.canary_weight == 20


def test_a_primary_that_a_webhook_has_changed_counts_as_made_all_the_same() -> None:
    """It does not look like the target and never will, but it notes the target's revision."""
    revision = target().revision
    mutated = primary(like_target=False, carries=revision)
    s = snapshot(Phase.INITIALIZING, target=target(), primary=mutated, last_applied_spec="", last_promoted_spec="")
    assert hold(s).primary is PrimaryWish.EXIST
    move = step(s)
    assert isinstance(move, Move)  # it goes on: the routing is in force, and that is remembered
    assert move.status.routed_at
