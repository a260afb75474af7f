"""Answers the mind's questions: begins to find out what is asked, keeps what is known while it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol, assert_never

import structlog
from msgspec import Struct
from msgspec.structs import replace

from davy.api.canary import Canary
from davy.controller.alerts import Alerts
from davy.controller.hooks import Hooks
from davy.controller.measure import Meter
from davy.controller.queue import Key
from davy.core.plan import AlertCheck, HookCheck, MetricCheck, PingCheck, Question, answer_to
from davy.core.snapshot import Answer, Error

log = structlog.get_logger("davy")


class Answering(Protocol):
    """Whoever can find an answer."""

    async def answer(self, canary: Canary, question: Question) -> Answer: ...


class Answerer(Struct, frozen=True):
    """Passes each question to the one who knows."""

    meter: Meter
    hooks: Hooks
    alerts: Alerts

    async def answer(self, canary: Canary, question: Question) -> Answer:
        match question:
            case MetricCheck() | PingCheck():
                return await self.meter.answer(canary, question)
            case HookCheck():
                return await self.hooks.answer(canary, question)
            case AlertCheck():
                return await self.alerts.answer(canary, question)
            case _:
                assert_never(question)


KEPT = 16
"""Answers to calls that are kept for a canary; their ids name run and step, so a late one counts where it belongs."""


class UnderWay(NamedTuple):
    """An answer on its way."""

    task: asyncio.Task[None]
    question: Question


class Answers:
    """Answers at hand and on their way, by canary. An answer to a question that is asked no more does not count."""

    def __init__(self, answerer: Answering, wake: Callable[[Key], None], clock: Callable[[], datetime]) -> None:
        self._answerer = answerer
        self._wake = wake
        self._clock = clock
        self._wanted: dict[Key, frozenset[str]] = {}
        self._known: dict[Key, dict[str, Answer]] = {}
        self._asked: dict[Key, dict[str, UnderWay]] = {}
        self._made: dict[Key, dict[str, Answer]] = {}
        """The last answers to calls, wanted or not: a call whose question comes back is not made a second time."""

    def known(self, key: Key) -> Mapping[str, Answer]:
        return self._known.get(key, {})

    def ask(self, key: Key, canary: Canary, questions: tuple[Question, ...]) -> None:
        """Begins to find out what is not known, or known too long, and not asked yet; each answer wakes the key.

        Of what is not among the questions, answers are dropped and measurements given up. A call cannot be taken back
        once it has left us: it goes on, and is not made a second time if it is asked for again meanwhile.
        """
        wanted = {question.id: question for question in questions}
        known, asked = self._known.setdefault(key, {}), self._asked.setdefault(key, {})
        self._wanted[key] = frozenset(wanted)
        known = self._known[key] = {**self._made.get(key, {}), **known}  # too old is better than none meanwhile
        for id_ in known.keys() - wanted.keys():
            del known[id_]
        for id_ in [id_ for id_, each in asked.items() if id_ not in wanted and harmless(each.question)]:
            asked.pop(id_).task.cancel()
        for id_, question in wanted.items():
            if answer_to(question, known) is None and id_ not in asked:
                asked[id_] = UnderWay(asyncio.create_task(self._find(key, canary, question)), question)

    def forget(self, key: Key) -> None:
        """The canary is gone."""
        for each in self._asked.pop(key, {}).values():
            each.task.cancel()
        self._known.pop(key, None)
        self._wanted.pop(key, None)
        self._made.pop(key, None)

    def close(self) -> None:
        for key in list(self._asked):
            self.forget(key)

    async def _find(self, key: Key, canary: Canary, question: Question) -> None:
        try:
            answer = await self._answerer.answer(canary, question)
        except Exception as error:
            log.exception("a fault in davy; please report it")
            answer = Answer(Error("fault", f"{type(error).__name__}: {error}"))
        del self._asked[key][question.id]
        dated = replace(answer, at=self._clock())
        if not harmless(question):
            self._keep(key, question.id, dated)
        if question.id in self._wanted[key]:
            self._known[key][question.id] = dated
            self._wake(key)

    def _keep(self, key: Key, id_: str, answer: Answer) -> None:
        made = self._made.setdefault(key, {})
        made.pop(id_, None)
        made[id_] = answer
        for oldest in list(made)[:-KEPT]:
            del made[oldest]


def harmless(question: Question) -> bool:
    """Nobody minds if it is asked in vain, or twice."""
    return isinstance(question, MetricCheck | PingCheck)
