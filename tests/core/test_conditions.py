"""The status for people and tools: conditions, their times, and that nothing is written for nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.snapshots import NOW, snapshot, target

from davy.api.status import Phase
from davy.api.validate import Problem
from davy.core.conditions import SETTLED, conditions, remembered
from davy.core.messages import PROMOTED
from davy.core.reasons import Reason

REASONS = st.sampled_from(list(Reason))
PHASES = st.sampled_from(list(Phase))


@given(REASONS, PHASES)
def test_conditions_say_exactly_one_of_rest_progress_and_stall(reason: Reason, phase: Phase) -> None:
    s = snapshot(phase)
    found = {item.type: item for item in conditions(s, s.canary.status, reason, "why")}
    assert found["Ready"].reason == str(reason)
    assert ("Reconciling" in found) + ("Stalled" in found) + (reason in SETTLED) == 1
    assert (found["Ready"].status == "True") == (reason is Reason.AT_REST)
    assert ("Promoted" in found) == (phase is not Phase.NONE)
    assert all(item.observed_generation == 1 for item in found.values() if item.type != "Promoted")


@given(REASONS, PHASES, REASONS)
def test_what_is_remembered_twice_is_written_once(reason: Reason, phase: Phase, other: Reason) -> None:
    s = snapshot(phase)
    first = remembered(s, s.canary.status, reason, "why", None)
    later = replace(s, now=NOW + timedelta(hours=1), canary=replace(s.canary, status=first))
    assert remembered(later, first, reason, "why", None) is first
    assert (remembered(later, first, other, "why", None) is first) == (other is reason)


def test_times_move_only_with_what_they_are_about() -> None:
    s = snapshot(Phase.PROGRESSING)
    first = remembered(s, s.canary.status, Reason.STEP_RUNNING, "one", None)
    later = replace(s, now=NOW + timedelta(minutes=1), canary=replace(s.canary, status=first))
    second = remembered(later, first, Reason.STEP_RUNNING, "another", None)
    before, after = first.condition("Ready"), second.condition("Ready")
    assert before is not None
    assert after is not None
    assert after.last_transition_time == before.last_transition_time
    assert after.last_update_time != before.last_update_time
    assert second.last_transition_time == first.last_transition_time
    third = remembered(later, replace(first, canary_weight=20), Reason.STEP_RUNNING, "one", None)
    assert third.last_transition_time != first.last_transition_time


def test_the_fence_is_remembered_only_with_the_revision_it_is_of() -> None:
    taken = snapshot(Phase.PROGRESSING, target_fence="u/1")
    assert remembered(taken, taken.canary.status, Reason.MOVED, "", None).target_fence == "u/2"
    other = snapshot(Phase.PROGRESSING, target_fence="u/1", target=target(revision="v1:else"))
    assert remembered(other, other.canary.status, Reason.MOVED, "", None).target_fence == "u/1"


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_flaggers_condition(phase: Phase) -> None:
    assert PROMOTED[phase][0] in ("True", "False", "Unknown")


def test_warnings_stand_in_a_condition_of_their_own() -> None:
    problem = Problem(path="spec.analysis.maxWeight", reason="Odd", message="is met by no step", severity="warning")
    s = replace(snapshot(), problems=(problem,))
    found = {item.type: item.message for item in conditions(s, s.canary.status, Reason.AT_REST, "")}
    assert found["SpecWarning"] == "spec.analysis.maxWeight: is met by no step."


def test_a_spec_that_became_invalid_during_a_run_is_told_of_while_the_run_goes_on() -> None:
    wrong = Problem("spec.provider", "UnknownProvider", "is unknown", "error")
    s = replace(snapshot(Phase.PROGRESSING), problems=(wrong,), valid=True)
    found = {each.type: each.message for each in conditions(s, s.canary.status, Reason.STEP_RUNNING, "x")}
    assert found["SpecInvalid"] == "spec.provider: is unknown. The run under way goes on with the last valid spec."
