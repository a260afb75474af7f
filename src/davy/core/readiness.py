"""What is said, and how long is waited, while a side is not ready."""

from __future__ import annotations

from datetime import datetime, timedelta

from davy.core import messages, times
from davy.core.moves import Stay
from davy.core.reasons import Reason
from davy.core.snapshot import Progressing, Ready, Snapshot, Stuck, Workload

PATIENCE = timedelta(seconds=10)
"""Flagger looks every ten seconds at most: what is over sooner is neither told in detail nor said aloud."""


def patient_until(s: Snapshot) -> datetime | None:
    """Until when what is waited for is ordinary; None if it has lasted too long for that."""
    until = times.after(s.canary.status.last_transition_time, max(s.interval, PATIENCE))
    return until if until and s.now < until else None


def unready(s: Snapshot, primary: Workload, soon: Reason) -> Stay | None:
    """Why the primary's rollout is not complete."""
    match primary.readiness:
        case Ready():
            return None
        case Progressing(why):
            if patience := patient_until(s):
                return Stay(reason=soon, message=f"Waiting for {primary.name} to become ready.", until=patience)
            said = messages.primary_not_ready(s.canary, why)
            message = f"{primary.name} is not ready: {why}."
            return Stay(reason=Reason.PRIMARY_NOT_READY, message=message, says=(said,), until=s.now + s.interval)
        case Stuck(why):
            said = messages.primary_not_ready(s.canary, why)
            message = f"{primary.name} is not ready: {why}. The traffic stays where it is; look at its pods."
            return Stay(reason=Reason.PRIMARY_STUCK, message=message, says=(said,))


def missing(s: Snapshot) -> Stay:
    return Stay(reason=Reason.PRIMARY_NOT_READY, message=f"{s.canary.primary_name} is missing and being made again.")


def comparable(s: Snapshot) -> Stay | None:
    """Why the new revision cannot be compared with the primary; None if it can."""
    return missing(s) if s.primary is None else unready(s, s.primary, Reason.PRIMARY_NOT_READY)


def unread(s: Snapshot) -> Stay | None:
    """What the target's configs hold is not known: no revision can be taken up or copied."""
    if not s.unread:
        return None
    if s.missing:
        message = f"{s.unread}. Create it, mark the reference as optional, or take it out of the target."
        return Stay(reason=Reason.CONFIG_MISSING, message=message)
    return Stay(reason=Reason.CONFIG_UNREAD, message=f"{s.unread}. It is read again.", until=s.now + s.interval)
