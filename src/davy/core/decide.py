"""The only door to the mind: `decide(snapshot) -> Ask | Plan`. Pure; nothing in it is random."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from davy.api.status import CanaryStatus, Phase
from davy.core.affinity import with_cookies
from davy.core.conditions import remembered
from davy.core.hold import held_until, hold
from davy.core.hooks import polled
from davy.core.moves import Move, Questions, Stay
from davy.core.outbox import owed, questions
from davy.core.phases import TRANSITIONS, step
from davy.core.plan import Ask, Decision, Desired, Plan, PrimaryWish, Question, answer_to
from davy.core.progressing import rollback_hooks
from davy.core.reasons import Reason
from davy.core.runs import seen
from davy.core.snapshot import Snapshot, Workload


class IllegalMove(Exception):  # noqa: N818 - h11's rule: a move that the table does not know is a bug of ours
    """The mind wanted to go where TRANSITIONS has no door."""


def decide(s: Snapshot) -> Decision:
    """What to ask, or how things should be. Raises `IllegalMove` if a phase function is wrong."""
    desired = hold(s)
    match step(s):
        case Questions(questions):
            asks = distinct(questions + standing(s))
            return Ask(questions=asks, desired=desired, again_at=soonest(s, asks, [held_until(s)]))
        case Move() as move:
            return moved(s, desired, move)
        case Stay() as stay:
            return stayed(s, desired, stay)


def moved(s: Snapshot, desired: Desired, move: Move) -> Plan:
    refuse_illegal(s.canary.status, move.status)
    if move.status == s.canary.status:
        return Plan(desired=desired, status=move.status, says=move.says, asks=standing(s))
    if s.canary.status.phase is Phase.PROMOTING and move.status.phase is Phase.FAILED:
        desired = replace(desired, primary=PrimaryWish.LEAVE, configs=False)  # else the way back would be overwritten
    status = owed(s, with_cookies(s, move.status), move.alerts)
    after = replace(s, canary=replace(s.canary, status=status), answers=s.answers)
    status = remembered(s, status, *outlook(after))
    return Plan(desired=desired, status=status, says=move.says, again_at=s.now, asks=standing(after))


def stayed(s: Snapshot, desired: Desired, stay: Stay) -> Plan:
    """A sentence is said when it is remembered: once."""
    status = remembered(s, s.canary.status, stay.reason, stay.message, next_step(stay))
    says = stay.says if status != s.canary.status else ()
    asks = standing(s)
    until = soonest(s, asks, [stay.until, held_until(s)])
    return Plan(desired=desired, status=status, says=says, again_at=until, asks=asks)


def standing(s: Snapshot) -> tuple[Question, ...]:
    """Questions that nothing waits for: calls that are owed, and hooks that are polled once per interval."""
    if s.canary.metadata.deletion_timestamp or s.canary.spec.suspend or not s.valid or s.target is None:
        return questions(s)
    return (*questions(s), *polls(s, s.target))


def polls(s: Snapshot, target: Workload) -> tuple[Question, ...]:
    """As the phases ask them; the answers must be kept for as long as they count."""
    match s.canary.status.phase:
        case Phase.WAITING:
            about = seen(s, target)
            gate = polled(s, "confirm-rollout", about)
            return (*polled(s, "rollback", about, ends_with=True).asked, *gate.asked)
        case Phase.PROGRESSING | Phase.WAITING_PROMOTION | Phase.PROMOTING:
            return rollback_hooks(s).asked
        case _:
            return ()


def soonest(s: Snapshot, asks: tuple[Question, ...], until: list[datetime | None]) -> datetime | None:
    """When to look again: also when the answer to a poll is too old to count. What is past waits for an event."""
    answers = (answer_to(question, s.answers) for question in asks if question.since)
    ends = [answer.at + s.interval for answer in answers if answer and answer.at]
    return min((moment for moment in [*ends, *until] if moment and moment >= s.now), default=None)


def distinct(asked: tuple[Question, ...]) -> tuple[Question, ...]:
    return tuple({question.id: question for question in asked}.values())


def next_step(stay: Stay) -> datetime | None:
    return stay.until if stay.reason is Reason.STEP_RUNNING else None


def outlook(after: Snapshot) -> tuple[Reason, str, datetime | None]:
    """What will be waited for after the move, if that is plain already: it saves a second write of the status."""
    match step(after):
        case Stay(reason=reason, message=message, says=()) as stay:
            return reason, message, next_step(stay)
        case _:
            return Reason.MOVED, "A step was just taken.", None


def refuse_illegal(old: CanaryStatus, new: CanaryStatus) -> None:
    if new.phase is not old.phase and new.phase not in TRANSITIONS[old.phase]:
        raise IllegalMove(f"{old.phase or 'nothing'} → {new.phase} is not a legal move; see core/phases.py TRANSITIONS")
