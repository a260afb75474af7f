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
from davy.core.plan import AlertCheck, HookCheck, MetricCheck, PingCheck, Question
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


@dataclass
class Desk:
    """Answers at hand and on their way."""

    known: dict[str, Answer] = field(default_factory=dict)
    coming: dict[str, tuple[datetime, Answer]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    """All hooks and alerts; they are never forgotten, unlike what the operator knows."""

    def fork(self) -> Desk:
        return replace(self, known=self.known.copy(), coming=self.coming.copy(), calls=self.calls.copy())

    def forget(self) -> None:
        """The operator dies."""
        self.known.clear()
        self.coming.clear()

    def ask(
        self, questions: tuple[Question, ...], begin: Callable[[Question], tuple[Answer, float]], now: datetime
    ) -> bool:
        """Whether an answer came at once."""
        wanted = {question.id: question for question in questions}
        for id_ in self.known.keys() - wanted.keys():
            del self.known[id_]
        for id_ in self.coming.keys() - wanted.keys():
            del self.coming[id_]
        for id_, question in wanted.items():
            if id_ not in self.coming and not fresh(self.known.get(id_), question):
                answer, seconds = begin(question)
                self.coming[id_] = now + timedelta(seconds=seconds), answer
        return self.come(now)

    def come(self, now: datetime) -> bool:
        """Answers whose time has come; whether there were any."""
        come = [id_ for id_, (due, _) in self.coming.items() if due <= now]
        for id_ in come:
            due, answer = self.coming.pop(id_)
            self.known[id_] = Answer(answer.reading, answer.query, due)
        return bool(come)


def fresh(answer: Answer | None, question: Question) -> bool:
    """There is an answer, and it is not too old for the question."""
    if answer is None:
        return False
    return question.since is None or (answer.at is not None and answer.at > question.since)


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
