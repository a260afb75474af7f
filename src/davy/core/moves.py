"""What a phase can answer: ask first, move on, or stay and say what is waited for."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from davy.api.status import CanaryStatus
from davy.core.plan import Alert, Announcement, Question
from davy.core.reasons import Reason


class Questions(Struct, frozen=True):
    """Nothing can be decided before these are answered."""

    questions: tuple[Question, ...]


class Move(Struct, frozen=True):
    """The release is somewhere else now: another phase, another weight, another count."""

    status: CanaryStatus
    says: tuple[Announcement, ...] = ()
    alerts: tuple[Alert, ...] = ()


class Stay(Struct, frozen=True, kw_only=True):
    """The release stands where it stood. Its `says` are said once, when the reason or the message is new."""

    reason: Reason
    message: str
    """One plain sentence: what happened, what is waited for, what to do."""
    until: datetime | None = None
    """When to look again, if nothing happens before."""
    says: tuple[Announcement, ...] = ()


Step = Questions | Move | Stay
