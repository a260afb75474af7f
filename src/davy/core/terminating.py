"""The canary is deleted: the target gets its replicas and its traffic back first; then the finalizer goes."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from davy.api.status import Phase
from davy.core import messages, times
from davy.core.hold import gives_up_at, goes, released
from davy.core.moves import Move, Stay, Step
from davy.core.progressing import overslept
from davy.core.reasons import Reason
from davy.core.snapshot import Snapshot
from davy.core.times import to_milliseconds
from davy.core.traffic import pending, settle_time, settles_at, to_target


def terminating(s: Snapshot) -> Step:
    status, now = s.canary.status, to_milliseconds(s.now)
    if released(s):
        return Move(status, (messages.terminated(s.canary),))
    if status.phase is Phase.TERMINATED:
        wait = times.after(status.last_step_at, settle_time(s))
        message = "The user's own routes are as they were; the canary goes when that is in force."
        return Stay(reason=Reason.TERMINATING, message=message, until=wait)
    if status.phase is Phase.TERMINATING and s.restorable and goes(s):
        return Move(replace(status, phase=Phase.TERMINATED, last_step_at=now))
    if status.phase is not Phase.TERMINATING:
        begun = replace(status, phase=Phase.TERMINATING, iterations=0, routed_at=None, last_step_at=now)
        return Move(begun, (messages.terminating(s.canary),))
    if times.read(status.last_step_at) is None:
        return Move(replace(status, last_step_at=now))  # Flagger wrote the phase, and not since when
    in_force = pending(s, to_target(s), "target") is None
    if in_force != bool(status.routed_at):
        return Move(replace(status, routed_at=now if in_force else None))
    deadline = gives_up_at(s)
    if s.target is not None and s.target.scalable and s.target.replicas == 0 and overslept(s, status.last_step_at):
        return Move(replace(status, last_step_at=now))
    return letting_go(s, settles_at(s) if in_force else None, deadline)


def letting_go(s: Snapshot, due: datetime | None, deadline: datetime | None) -> Stay:
    moments = [moment for moment in (due, deadline) if moment]
    return Stay(
        reason=Reason.TERMINATING,
        message=f"{s.canary.spec.target_ref.name} gets its replicas and its traffic back before the canary goes.",
        until=min(moments, default=None),
    )
