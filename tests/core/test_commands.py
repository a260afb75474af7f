"""Commands of a human: carried out once, refused with a sentence where they make no sense (argo-rollouts#1292)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from tests.core.snapshots import NEW, NOW, OLD, ago, primary, snapshot, target

from davy.api.status import Phase
from davy.core.decide import decide
from davy.core.names import COMMAND
from davy.core.phases import COMMANDS
from davy.core.plan import Plan
from davy.core.snapshot import Progressing, Routing, Snapshot

DONE: dict[tuple[str, Phase], Phase] = {
    ("abort", Phase.WAITING): Phase.FAILED,
    ("abort", Phase.PROGRESSING): Phase.FAILED,
    ("abort", Phase.WAITING_PROMOTION): Phase.FAILED,
    ("abort", Phase.PROMOTING): Phase.FAILED,
    ("promote", Phase.PROGRESSING): Phase.PROMOTING,
    ("promote", Phase.WAITING_PROMOTION): Phase.PROMOTING,
    ("retry", Phase.FAILED): Phase.PROGRESSING,
    ("pause", Phase.WAITING): Phase.WAITING,
    ("pause", Phase.PROGRESSING): Phase.PROGRESSING,
    ("pause", Phase.WAITING_PROMOTION): Phase.WAITING_PROMOTION,
    ("pause", Phase.PROMOTING): Phase.PROMOTING,
}
"""Where a command makes sense, and where it leads."""

STEADY = (Phase.INITIALIZED, Phase.WAITING, Phase.PROGRESSING, Phase.WAITING_PROMOTION)
ALIVE = [phase for phase in Phase if phase not in (Phase.NONE, Phase.TERMINATING, Phase.TERMINATED)]


def given(text: str, phase: Phase, **fields: object) -> Snapshot:
    known: dict[str, object] = {"run_ended_at": ago(30)} if phase is Phase.FAILED else {}
    if phase in (Phase.WAITING, Phase.INITIALIZED, Phase.SUCCEEDED):
        known |= {"last_applied_spec": OLD, "target_fence": "u/1"}
    return snapshot(phase, annotations={COMMAND: text}, **{**known, **fields})


@pytest.mark.parametrize("phase", ALIVE)
@pytest.mark.parametrize("word", [*COMMANDS, "explode"])
def test_each_command_in_each_phase(word: str, phase: Phase) -> None:
    plan = decide(given(f"{word} by=alice", phase))
    assert isinstance(plan, Plan)
    handled = plan.status.command
    assert handled is not None
    assert handled.command == f"{word} by=alice"
    if (word, phase) in DONE:
        assert plan.status.phase is DONE[word, phase]
        assert "refused" not in handled.outcome
    else:
        assert plan.status.phase is phase
        assert "by alice was refused: " in handled.outcome
        assert [said.action for said in plan.says] == ["CommandRefused"]


@pytest.mark.parametrize("phase", ALIVE)
def test_a_command_is_carried_out_once(phase: Phase) -> None:
    s = given("abort", phase)
    first = decide(s)
    assert isinstance(first, Plan)
    again = decide(replace(s, canary=replace(s.canary, status=first.status)))
    assert again.desired is not None
    if isinstance(again, Plan):
        assert again.status.command == first.status.command


def test_a_command_for_another_revision_is_refused() -> None:
    plan = decide(given("abort revision=v1:0123", Phase.PROGRESSING))
    assert isinstance(plan, Plan)
    assert plan.status.phase is Phase.PROGRESSING
    assert plan.status.command is not None
    assert f"it was given for revision v1:0123, and now it is {NEW}" in plan.status.command.outcome


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.WAITING])
def test_a_command_for_this_revision_may_name_its_beginning(phase: Phase) -> None:
    plan = decide(given(f"abort revision={NEW[:12]}", phase))
    assert isinstance(plan, Plan)
    assert plan.status.phase is Phase.FAILED


def test_the_same_words_count_again_after_they_were_taken_away() -> None:
    s = given("abort", Phase.INITIALIZED)
    refused = decide(s)
    assert isinstance(refused, Plan)
    bare = replace(s.canary, status=refused.status, metadata=replace(s.canary.metadata, annotations={}))
    forgotten = decide(replace(s, canary=bare))
    assert isinstance(forgotten, Plan)
    assert forgotten.status.command is None


def test_nothing_is_promoted_that_has_not_come_up() -> None:
    plan = decide(given("promote", Phase.PROGRESSING, target=target(readiness=Progressing("0 of 2"))))
    assert isinstance(plan, Plan)
    assert plan.status.phase is Phase.PROGRESSING
    assert plan.status.command is not None
    assert "app is not ready: 0 of 2" in plan.status.command.outcome


def test_a_copied_primary_cannot_be_aborted() -> None:
    plan = decide(given("abort", Phase.PROMOTING, canary_weight=40, primary=primary(carries=NEW)))
    assert isinstance(plan, Plan)
    assert plan.status.phase is Phase.PROMOTING
    assert plan.status.command is not None
    assert "carries the new revision already" in plan.status.command.outcome


def test_the_only_copy_that_serves_is_not_aborted() -> None:
    plan = decide(given("abort", Phase.PROGRESSING, canary_weight=20, primary=primary(serving=0)))
    assert isinstance(plan, Plan)
    assert plan.status.phase is Phase.PROGRESSING


def test_a_pause_counts_against_no_deadline_and_takes_no_step() -> None:
    slow = target(readiness=Progressing("0 of 2"), serving=0)
    s = given("pause", Phase.PROGRESSING, target=slow, run_started_at=ago(30), routing=Routing(100, 0))
    paused = decide(s)
    assert isinstance(paused, Plan)
    held = replace(s, now=NOW + timedelta(hours=12), canary=replace(s.canary, status=paused.status))
    still = decide(held)
    assert isinstance(still, Plan)
    assert still.status.phase is Phase.PROGRESSING
    metadata = replace(s.canary.metadata, annotations={COMMAND: "resume"})
    resumed = decide(replace(held, canary=replace(held.canary, status=still.status, metadata=metadata)))
    assert isinstance(resumed, Plan)
    assert resumed.status.paused_at is None
    assert resumed.status.ready_by is not None
    assert resumed.status.ready_by > paused.status.ready_by  # type: ignore[operator]


def test_resume_without_a_pause_is_refused() -> None:
    plan = decide(given("resume", Phase.PROGRESSING))
    assert isinstance(plan, Plan)
    assert plan.status.command is not None
    assert plan.status.command.outcome == "resume was refused: it is not held"
