"""The outside of the model: metrics servers, hooks, receivers of alerts; and the desk at which the mind asks them.

The desk is the twin of controller/answer.py: what is asked and not known is begun, what is still asked is kept, and the
answers to all else are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never

from davy.api.canary import Canary
from davy.api.status import Phase
from davy.core.plan import AlertCheck, HookCheck, MetricCheck, PingCheck, Question, answer_to
from davy.core.snapshot import Answer, Error, NoData, Passed, Reading, Refused, Reply
from davy.sim.world import World

Readings = Callable[[World, Canary, str], Reading]
"""What the metrics server says about a metric of the canary, by the metric's name."""

NOT_THERE = Error("unreachable", "connection refused")
DARK: Mapping[str, Reading] = {"no-data": NoData(), "error": NOT_THERE}


class Manner(NamedTuple):
    """How somebody answers."""

    reply: Reply
    seconds: float = 0


MANNERS: Mapping[str, Manner] = {
    "open": Manner(Passed()),
    "closed": Manner(Refused("not yet")),
    "broken": Manner(Error("unavailable", "HTTP 500")),
    "gone": Manner(NOT_THERE),
    "silent": Manner(Error("unreachable", "timed out after 10 s"), 10),
    "slow": Manner(Passed(), 8),
    "slowly closed": Manner(Refused("not yet"), 8),
}
"""How hooks and receivers of alerts answer, by the word that a deed says."""

USUAL: Mapping[str, str] = {"rollback": "closed"}
"""Manners of a hook that nobody has said anything about; all others are open."""


class Call(NamedTuple):
    """One call that was really made."""

    at: datetime
    id: str
    type: str
    """Of the hook; or `alert`."""
    place: int
    """Among the hooks of the spec."""
    phase: Phase
    revision: str
    """`lastAppliedSpec` at that moment."""
    reply: Reply
    due: datetime
    """When the answer is there."""
    message: str = ""
    """Of an alert."""


class UnderWay(NamedTuple):
    """An answer on its way."""

    due: datetime
    answer: Answer
    call: bool
    """It cannot be taken back."""


@dataclass
class Desk:
    """Answers at hand and on their way."""

    known: dict[str, Answer] = field(default_factory=dict)
    coming: dict[str, UnderWay] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    """Ids of what is asked now."""
    calls: list[Call] = field(default_factory=list)
    """All hooks and alerts; they are never forgotten, unlike what the operator knows."""

    def fork(self) -> Desk:
        return replace(self, known=self.known.copy(), coming=self.coming.copy(), calls=self.calls.copy())

    def forget(self) -> None:
        """The operator dies."""
        self.known.clear()
        self.coming.clear()
        self.wanted = frozenset()

    def ask(
        self, questions: tuple[Question, ...], begin: Callable[[Question], tuple[Answer, float]], now: datetime
    ) -> bool:
        """Whether an answer came at once. A call that was made goes on, whether or not anybody still wants to know."""
        wanted = {question.id: question for question in questions}
        self.wanted = frozenset(wanted)
        for id_ in self.known.keys() - wanted.keys():
            del self.known[id_]  # of what is asked for an answer that is too old is better than none meanwhile
        for id_ in [id_ for id_, way in self.coming.items() if id_ not in wanted and not way.call]:
            del self.coming[id_]
        for id_, question in wanted.items():
            if id_ not in self.coming and answer_to(question, self.known) is None:
                answer, seconds = begin(question)
                call = isinstance(question, HookCheck | AlertCheck)
                self.coming[id_] = UnderWay(now + timedelta(seconds=seconds), answer, call)
        return self.come(now)

    def come(self, now: datetime) -> bool:
        """Answers whose time has come; whether anybody wanted one."""
        come = {id_: way for id_, way in self.coming.items() if way.due <= now}
        for id_, way in come.items():
            del self.coming[id_]
            if id_ in self.wanted:
                self.known[id_] = Answer(way.answer.reading, way.answer.query, way.due)
        return not self.wanted.isdisjoint(come)


@dataclass(frozen=True)
class Outside:
    """Those who are asked, at one moment."""

    world: World
    canary: Canary
    readings: Readings
    dark: Mapping[str, str]
    """Who answers something else now: `metrics`, `hooks` or `alerts` → what."""
    note: Callable[[Call], None]
    slowness: float = 0
    """Seconds that every answer takes."""

    def answer(self, question: Question) -> tuple[Answer, float]:
        """What comes of it, and after how many seconds."""
        match question:
            case MetricCheck(index=index) | PingCheck(index=index):
                metric = self.canary.analysis.metrics[index].name
                reading = DARK[self.dark["metrics"]] if "metrics" in self.dark else None
                found = reading or self.readings(self.world, self.canary, metric)
                return Answer(found, f"query of {metric}"), self.slowness
            case HookCheck(index=index, phase=phase):
                kind = self.canary.analysis.webhooks[index].kind
                return self._called("hooks", question, kind, index, phase, "")
            case AlertCheck(message=message):
                return self._called("alerts", question, "alert", 0, self.canary.status.phase, message)
            case _:
                assert_never(question)

    def _called(
        self, who: str, question: Question, kind: str, index: int, phase: Phase, message: str
    ) -> tuple[Answer, float]:
        usual = self.world.manners.get(kind) or USUAL.get(kind, "open")
        reply, seconds = MANNERS[self.dark.get(who, usual)]
        now, seconds = self.world.now, seconds + self.slowness
        due = now + timedelta(seconds=seconds)
        self.note(Call(now, question.id, kind, index, phase, self.canary.status.last_applied_spec, reply, due, message))
        return Answer(reply), seconds
