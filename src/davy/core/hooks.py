"""Hooks of the spec: which are to be called, in which order, and what their answers together mean."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from davy.api.analysis import Webhook
from davy.api.status import ClosedGate, Phase
from davy.core import messages
from davy.core.plan import Announcement, HookCheck, Question, answer_to
from davy.core.snapshot import Error, Passed, Refused, Reply, Snapshot
from davy.core.times import to_milliseconds

SHOWN = {"rollback": None, "confirm-rollout": None}
"""Types whose body names the phase as it is; all others say Progressing, as in Flagger."""

GATES = frozenset({"confirm-rollout", "confirm-traffic-increase", "confirm-promotion"})


SAID_YES = Passed()


class Called(Struct, frozen=True, kw_only=True):
    """All hooks of one type, as far as they have been called."""

    asked: tuple[Question, ...] = ()
    """Those whose turn has come, answered or not."""
    waits: bool = False
    """The last of them has not answered yet."""
    passed: tuple[Webhook, ...] = ()
    others: tuple[Webhook, ...] = ()
    """Those that did not pass."""
    stopped: Webhook | None = None
    """The one that ended the list."""
    reply: Reply = SAID_YES
    """What that one said."""

    @property
    def words(self) -> str:
        match self.reply:
            case Refused(words) | Error(_, words):
                return words
            case Passed():
                return ""


def called(
    s: Snapshot,
    kind: str,
    moment: str,
    *,
    since: datetime | None = None,
    phase: Phase | None = None,
    ends_with: bool = False,
) -> Called:
    """The hooks of one type in list order, one after another.

    `moment`: what tells this round of calls from others, the same when it is repeated after a crash. `since`: answers
    up to then do not count. `ends_with`: the answer that ends the list; a yes for rollback hooks, a no for all others.
    """
    asked: list[Question] = []
    sides: dict[bool, list[Webhook]] = {True: [], False: []}
    for index, hook in enumerate(s.canary.analysis.webhooks):
        if hook.kind != kind:
            continue
        question = HookCheck(
            id=f"{kind}/{index}/{hook.name}/{moment}",
            since=since,
            index=index,
            phase=phase or shown(s, kind),
            applied=s.canary.status.last_applied_spec,
        )
        asked.append(question)
        answer = answer_to(question, s.answers)
        if answer is None:
            return made(asked, sides, waits=True)
        reply = answer.reading if isinstance(answer.reading, Passed | Refused | Error) else Error("malformed", "")
        yes = isinstance(reply, Passed)
        sides[yes].append(hook)
        if yes is ends_with:
            return made(asked, sides, stopped=hook, reply=reply)
    return made(asked, sides)


def made(
    asked: list[Question],
    sides: dict[bool, list[Webhook]],
    *,
    waits: bool = False,
    stopped: Webhook | None = None,
    reply: Reply = SAID_YES,
) -> Called:
    passed, others = tuple(sides[True]), tuple(sides[False])
    return Called(asked=tuple(asked), waits=waits, passed=passed, others=others, stopped=stopped, reply=reply)


def shown(s: Snapshot, kind: str) -> Phase:
    return s.canary.status.phase if kind in SHOWN else Phase.PROGRESSING


def moment(s: Snapshot) -> str:
    """The step that the release is in."""
    status = s.canary.status
    return f"{status.last_applied_spec}/{status.run_started_at}/{status.last_step_at or 'begun'}"


def polled(s: Snapshot, kind: str, about: str, *, ends_with: bool = False) -> Called:
    """Hooks that are asked once per interval, whatever else happens. `about`: the run in question."""
    return called(s, kind, about, since=s.now - s.interval, ends_with=ends_with)


def gate(s: Snapshot, result: Called) -> ClosedGate | None:
    """The gate that is closed; since when is kept while it stays the same one."""
    if result.stopped is None:
        return None
    before = s.canary.status.closed_gate
    same = before is not None and (before.name, before.type) == (result.stopped.name, result.stopped.kind)
    since = before.since if before and same else to_milliseconds(s.now)
    unreachable = result.words if isinstance(result.reply, Error) else ""
    return ClosedGate(result.stopped.name, result.stopped.kind, since, unreachable)


def newly_closed(s: Snapshot, closed: ClosedGate | None) -> bool:
    before = s.canary.status.closed_gate
    return closed is not None and (before is None or (before.name, before.type) != (closed.name, closed.type))


def not_signalling(result: Called) -> tuple[Announcement, ...]:
    return tuple(messages.not_signalling(hook.name) for hook in result.others)
