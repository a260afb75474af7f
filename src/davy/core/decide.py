"""The only door to the mind: `decide(snapshot) -> Ask | Plan`. Pure; nothing in it is random."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from davy.api.status import CanaryStatus
from davy.core.conditions import remembered
from davy.core.hold import hold
from davy.core.moves import Move, Questions, Stay
from davy.core.phases import TRANSITIONS, step
from davy.core.plan import Ask, Decision, Desired, Plan
from davy.core.reasons import Reason
from davy.core.snapshot import Snapshot


class IllegalMove(Exception):  # noqa: N818 - h11's rule: a move that the table does not know is a bug of ours
    """The mind wanted to go where TRANSITIONS has no door."""


def decide(s: Snapshot) -> Decision:
    """What to ask, or how things should be. Raises `IllegalMove` if a phase function is wrong."""
    desired = hold(s)
    match step(s):
        case Questions(questions):
            return Ask(questions=questions, desired=desired)
        case Move() as move:
            return moved(s, desired, move)
        case Stay() as stay:
            return stayed(s, desired, stay)


def moved(s: Snapshot, desired: Desired, move: Move) -> Plan:
    refuse_illegal(s.canary.status, move.status)
    if move.status == s.canary.status:
        return Plan(desired=desired, status=move.status, says=move.says)
    status = remembered(s, move.status, *outlook(s, move.status))
    return Plan(desired=desired, status=status, says=move.says, again_at=s.now)


def stayed(s: Snapshot, desired: Desired, stay: Stay) -> Plan:
    """A sentence is said when it is remembered: once."""
    status = remembered(s, s.canary.status, stay.reason, stay.message, next_step(stay))
    says = stay.says if status != s.canary.status else ()
    return Plan(desired=desired, status=status, says=says, again_at=stay.until)


def next_step(stay: Stay) -> datetime | None:
    return stay.until if stay.reason is Reason.STEP_RUNNING else None


def outlook(s: Snapshot, status: CanaryStatus) -> tuple[Reason, str, datetime | None]:
    """What will be waited for after the move, if that is plain already: it saves a second write of the status."""
    after = replace(s, canary=replace(s.canary, status=status), answers={})
    match step(after):
        case Stay(reason=reason, message=message, says=()) as stay:
            return reason, message, next_step(stay)
        case _:
            return Reason.MOVED, "A step was just taken.", None


def refuse_illegal(old: CanaryStatus, new: CanaryStatus) -> None:
    if new.phase is not old.phase and new.phase not in TRANSITIONS[old.phase]:
        raise IllegalMove(f"{old.phase or 'nothing'} → {new.phase} is not a legal move; see core/phases.py TRANSITIONS")
