"""Calls to the outside that are owed: kept in the status until they are made, made one after another.

A crash between a call and the status that forgets it repeats the call, with the same id.
"""

from __future__ import annotations

from msgspec.structs import replace

from davy.api.status import Call, CanaryStatus, Phase
from davy.core import hooks, messages
from davy.core.hooks import Called
from davy.core.moves import Move
from davy.core.plan import Alert, AlertCheck, Announcement, Question, answer_to
from davy.core.snapshot import Snapshot
from davy.core.times import to_milliseconds

POST_ROLLOUT = "post-rollout"
MOST = 16
"""Calls that are kept; of a longer queue the oldest are dropped: a receiver that is away for good must not fill the
status."""


def owed(s: Snapshot, status: CanaryStatus, alerts: tuple[Alert, ...]) -> CanaryStatus:
    """The status with what the move to it owes to the outside."""
    post = (POST_ROLLOUT,) if ended(s, status) and s.canary.analysis.hooks(POST_ROLLOUT) else ()
    told = alerts if s.alerts else ()
    things: tuple[Alert | str, ...] = (*post, *told) if status.phase is Phase.SUCCEEDED else (*told, *post)
    calls = tuple(call(s, status, index, thing) for index, thing in enumerate(things))
    return replace(status, pending=(*status.pending, *calls)[-MOST:]) if calls else status


def ended(s: Snapshot, status: CanaryStatus) -> bool:
    """The move ends a run of ours: the last of its effects is in place."""
    old = s.canary.status
    over = status.phase in (Phase.SUCCEEDED, Phase.FAILED) and status.run_ended_at is not None
    return over and old.run_ended_at is None and old.run_started_at is not None


def call(s: Snapshot, status: CanaryStatus, index: int, thing: Alert | str) -> Call:
    id_ = f"{to_milliseconds(s.now)}/{status.phase}/{status.last_applied_spec}/{index}"
    if isinstance(thing, Alert):
        return Call(id_, "alert", status.phase, thing.severity, thing.message, thing.fields)
    return Call(id_, thing, status.phase)


def questions(s: Snapshot) -> tuple[Question, ...]:
    """The call that is under way now, and those of its list that were made before it."""
    if not s.canary.status.pending:
        return ()
    first = s.canary.status.pending[0]
    return post_rollout(s, first).asked if first.type == POST_ROLLOUT else (alert(first),)


def alert(pending: Call) -> AlertCheck:
    return AlertCheck(
        id=f"alert/{pending.id}", severity=pending.severity, message=pending.message, fields=pending.fields
    )


def post_rollout(s: Snapshot, pending: Call) -> Called:
    return hooks.called(s, POST_ROLLOUT, pending.id, phase=pending.phase)


def delivered(s: Snapshot) -> Move | None:
    """The first of the calls has been made: forget it."""
    status = s.canary.status
    if not status.pending:
        return None
    first, *rest = status.pending
    without = replace(status, pending=tuple(rest))
    if first.type != POST_ROLLOUT:
        return Move(without) if answer_to(alert(first), s.answers) else None
    result = post_rollout(s, first)
    if result.waits:
        return None
    return Move(without, (*said(result), *ending(s, first)))


def said(result: Called) -> tuple[Announcement, ...]:
    passed = tuple(messages.gate_passed(POST_ROLLOUT, hook.name) for hook in result.passed)
    if result.stopped is None:
        return passed
    return (*passed, messages.post_rollout_failed(result.stopped.name, result.words))


def ending(s: Snapshot, pending: Call) -> tuple[Announcement, ...]:
    """That all went well is said last, after the hooks that follow it, as in Flagger."""
    if pending.phase is not Phase.SUCCEEDED:
        return ()
    skipped = s.canary.skips_analysis
    return (messages.promoted_unanalysed(s.canary) if skipped else messages.promoted(s.canary),)


def announced_later(s: Snapshot) -> bool:
    """The end of a successful run is announced after its post-rollout hooks."""
    return bool(s.canary.analysis.hooks(POST_ROLLOUT))
