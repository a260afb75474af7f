"""One tick after another: what becomes of answers, and what people are told when ticks fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from msgspec.structs import replace

from davy.api import codec
from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Phase
from davy.controller import reconciler
from davy.controller.announce import Subject
from davy.controller.answer import Answers
from davy.controller.apply import Refused, Stale
from davy.controller.drift import Drift
from davy.controller.queue import Key, Queue
from davy.controller.reconciler import Hands, Reconciler
from davy.controller.series import Series
from davy.core.plan import LEAVE_ALL, Announcement, Ask, Decision, MetricCheck, Plan, Question
from davy.core.snapshot import Answer, Value
from davy.kube.errors import Forbidden
from davy.perceive import Seen
from davy.render import Write
from davy.settings import Settings

from . import manifests

KEY: Key = ("test", "app")
CANARY = codec.decode_canary(manifests.canary())
ASK = Ask(questions=(MetricCheck(id="a", index=0),), desired=LEAVE_ALL)
PLAN = Plan(desired=LEAVE_ALL, status=CANARY.status)


class Prompt:
    """Answers at once."""

    async def answer(self, canary: Canary, question: Question) -> Answer:
        return Answer(Value(1.0))


class EventHooksOf:
    """Notes what event hooks would be told."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def say(self, canary: Canary, new: CanaryStatus, sentence: Announcement) -> None:
        self._bench.told.append((canary.status.phase, new.phase, sentence.message))


class Bench:
    """A reconciler whose world, mind and writes are the test's."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.decision: Decision = PLAN
        self.error: Exception | None = None
        self.said: list[str] = []
        patch.setattr(reconciler, "decide", lambda snapshot: self.decision)
        self.queue = Queue()
        self.answers = Answers(Prompt(), self.queue.add, lambda: manifests.BEGIN)
        self.drift = Drift("davy", asyncio.get_running_loop().time)
        self.told: list[tuple[Phase, Phase, str]] = []
        hands = Hands(
            Settings(),
            lambda: manifests.BEGIN,
            self.queue,
            asyncio.Event().wait,
            cast(Any, self),
            self.answers,
            cast(Any, self),
            self.drift,
            cast(Any, self),
            cast(Any, EventHooksOf(self)),
            Series("kubernetes"),
        )
        self.reconciler = Reconciler(hands)

    async def gather(self, key: Key, answers: Mapping[str, Answer]) -> Seen:
        return Seen(canary=CANARY, objects={}, answers=answers)

    def canary(self, key: Key) -> Canary:
        return CANARY

    async def apply(self, writes: tuple[Write, ...]) -> int:
        if self.error is not None:
            raise self.error
        return 0

    def say(self, subject: Subject, sentence: Announcement) -> None:
        self.said.append(sentence.message)

    async def tick(self, decision: Decision, error: Exception | None = None) -> None:
        self.decision, self.error = decision, error
        await self.reconciler._attempt(KEY)
        await asyncio.sleep(0)


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


async def test_an_answer_does_not_outlive_the_plan_that_made_no_use_of_it(bench: Bench) -> None:
    """Else a canary that is suspended or loses its pods is judged, hours later, by what was measured before."""
    await bench.tick(ASK)
    assert bench.answers.known(KEY).keys() == {"a"}
    await bench.tick(PLAN)
    assert bench.answers.known(KEY) == {}


async def test_an_answer_outlives_a_plan_that_could_not_be_carried_out(bench: Bench) -> None:
    await bench.tick(ASK)
    await bench.tick(PLAN, Stale("somebody wrote"))
    assert bench.answers.known(KEY).keys() == {"a"}


async def test_questions_that_nothing_waits_for_are_asked_too(bench: Bench) -> None:
    await bench.tick(Plan(desired=LEAVE_ALL, status=CANARY.status, asks=ASK.questions))
    assert bench.answers.known(KEY).keys() == {"a"}


async def test_event_hooks_hear_what_events_tell_with_the_status_before_and_after(bench: Bench) -> None:
    told = Announcement("Warning", "Canary failed!", "Failed")
    await bench.tick(Plan(desired=LEAVE_ALL, status=replace(CANARY.status, phase=Phase.FAILED), says=(told,)))
    assert bench.told == [(Phase.NONE, Phase.FAILED, "Canary failed!")]
    for _ in range(2):
        await bench.tick(PLAN, Forbidden("denied"))
    assert bench.told[1:] == [(Phase.NONE, Phase.NONE, bench.said[-1])]


async def test_people_are_told_once_of_ticks_that_keep_failing(bench: Bench) -> None:
    refused = Forbidden("services is forbidden: exceeded quota")
    await bench.tick(PLAN, refused)
    assert bench.said == []
    for _ in range(8):
        await bench.tick(PLAN, refused)
    words = "Cannot go on with app.test, will keep trying: services is forbidden: exceeded quota"
    assert bench.said == [words]
    await bench.tick(PLAN)
    for _ in range(2):
        await bench.tick(PLAN, refused)
    assert bench.said == [words, words]


async def test_what_was_done_is_told_though_something_else_was_refused(bench: Bench) -> None:
    told = Announcement("Warning", "Rolling back", "RollingBack")
    plan = Plan(desired=LEAVE_ALL, status=CANARY.status, says=(told,))
    await bench.tick(plan, Refused(1, Forbidden("denied")))
    await bench.tick(PLAN, Refused(0, Forbidden("denied")))
    assert bench.said == ["Rolling back", "Cannot go on with app.test, will keep trying: denied"]
