"""What the status tells people and tools: one sentence, and conditions as kstatus and Flagger have them."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from davy.api.status import CanaryStatus, Condition, Phase
from davy.core.messages import PROMOTED
from davy.core.reasons import Reason
from davy.core.snapshot import Snapshot
from davy.core.times import to_milliseconds, to_seconds

SETTLED = frozenset({Reason.AT_REST, Reason.ROLLED_BACK, Reason.SUSPENDED})
"""Reasons with which nothing is under way."""


def conditions(s: Snapshot, status: CanaryStatus, reason: Reason, message: str) -> tuple[Condition, ...]:
    """Promoted as in Flagger, Ready always; the others only while they are true."""
    now = to_seconds(s.now)
    generation = s.canary.metadata.generation
    found = [promoted(s, status.phase)] if status.phase is not Phase.NONE else []
    ready = "True" if reason is Reason.AT_REST else "Unknown" if reason is Reason.SUSPENDED else "False"
    found.append(Condition("Ready", ready, str(reason), message, observed_generation=generation))
    if reason not in SETTLED and not reason.stalled:
        found.append(Condition("Reconciling", "True", str(reason), message, observed_generation=generation))
    if reason.stalled:
        found.append(Condition("Stalled", "True", str(reason), message, observed_generation=generation))
    wrong = [f"{problem.path}: {problem.message}." for problem in s.problems if problem.severity == "error"]
    if wrong and s.valid:
        words = " ".join([*wrong, "The run under way goes on with the last valid spec."])
        found.append(Condition("SpecInvalid", "True", "InvalidSpec", words, observed_generation=generation))
    warnings = [f"{problem.path}: {problem.message}." for problem in s.problems if problem.severity == "warning"]
    if warnings:
        found.append(
            Condition("SpecWarning", "True", "SpecWarning", " ".join(warnings), observed_generation=generation)
        )
    if s.conflicts:
        words = " ".join(
            f"{each.manager or 'Another writer'} keeps changing {each.field} of {each.ref}." for each in s.conflicts
        )
        found.append(Condition("FieldConflict", "True", "FieldConflict", words, observed_generation=generation))
    return tuple(dated(condition, s.canary.status.condition(condition.type), now) for condition in found)


def promoted(s: Snapshot, phase: Phase) -> Condition:
    status, message = PROMOTED[phase]
    return Condition("Promoted", status, str(phase), message.format(kind=s.canary.spec.target_ref.kind))


def dated(condition: Condition, before: Condition | None, now: str) -> Condition:
    """Times move only with what they are about."""
    if before is None:
        return replace(condition, last_update_time=now, last_transition_time=now)
    same = undated(before) == undated(condition)
    return replace(
        condition,
        last_update_time=before.last_update_time if same else now,
        last_transition_time=before.last_transition_time if before.status == condition.status else now,
    )


def undated(condition: Condition) -> Condition:
    return replace(condition, last_update_time=None, last_transition_time=None)


def remembered(
    s: Snapshot, status: CanaryStatus, reason: Reason, message: str, next_at: datetime | None
) -> CanaryStatus:
    """The status to store; the old one itself if nothing but times would differ."""
    old = s.canary.status
    taken_up = s.target is not None and s.target.revision == status.last_applied_spec
    new = replace(
        status,
        observed_generation=s.canary.metadata.generation,
        target_fence=s.target.fence if taken_up and s.target else status.target_fence,
        message=message,
        next_step_at=to_milliseconds(next_at) if next_at else None,
        conditions=conditions(s, status, reason, message),
    )
    if new == old:
        return old
    progressed = milestones(new) != milestones(old)
    return replace(new, last_transition_time=to_seconds(s.now) if progressed else old.last_transition_time)


def milestones(status: CanaryStatus) -> tuple[object, ...]:
    """What counts as progress of the release, as against a new sentence about it."""
    return (status.phase, status.canary_weight, status.iterations, status.failed_checks, status.last_applied_spec)
