"""Answers on their way: none is lost, none of an earlier step is used, and no call is made twice."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from davy.api import codec
from davy.api.canary import Canary
from davy.api.status import Phase
from davy.controller.answer import Answers
from davy.controller.queue import Key
from davy.core.plan import AlertCheck, HookCheck, MetricCheck, Question
from davy.core.snapshot import Answer, Error, Passed, Value

from . import manifests

KEY = ("test", "app")
CANARY = codec.decode_canary(manifests.canary())


class Slow:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[Answer]] = {}
        self.asked: list[str] = []

    async def answer(self, canary: Canary, question: Question) -> Answer:
        self.asked.append(question.id)
        self.waiting[question.id] = asyncio.get_running_loop().create_future()
        return await self.waiting[question.id]


class Bench:
    """Answers, with a clock and a slow world that are the test's."""

    def __init__(self) -> None:
        self.slow = Slow()
        self.woken: list[Key] = []
        self.now = manifests.BEGIN
        self.answers = Answers(self.slow, self.woken.append, lambda: self.now)

    async def ask(self, *questions: Question) -> None:
        self.answers.ask(KEY, CANARY, questions)
        await turn()

    async def told(self, id_: str, answer: Answer) -> None:
        self.slow.waiting[id_].set_result(answer)
        await turn()

    @property
    def known(self) -> dict[str, Answer]:
        return dict(self.answers.known(KEY))


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def metric(id_: str, since: datetime | None = None) -> MetricCheck:
    return MetricCheck(id=id_, index=0, since=since)


def hook(id_: str, since: datetime | None = None) -> HookCheck:
    return HookCheck(id=id_, index=0, since=since, phase=Phase.PROGRESSING)


async def test_two_answers_that_come_one_after_the_other_are_both_kept(bench: Bench) -> None:
    """The first is not thrown away when the second is asked for again (a livelock once)."""
    for id_ in ("a", "b"):
        await bench.ask(metric("a"), metric("b"))
        await bench.told(id_, Answer(Value(1.0)))
    assert bench.known.keys() == {"a", "b"}
    assert bench.woken == [KEY, KEY]


async def test_an_answer_says_when_it_was_given(bench: Bench) -> None:
    await bench.ask(hook("a"))
    bench.now += timedelta(seconds=3)
    await bench.told("a", Answer(Passed()))
    assert bench.known == {"a": Answer(Passed(), at=manifests.BEGIN + timedelta(seconds=3))}


@pytest.mark.parametrize("question", [metric("a"), hook("a"), AlertCheck(id="a", severity="info", message="x")])
async def test_nothing_is_asked_twice_while_it_is_on_its_way(bench: Bench, question: Question) -> None:
    await bench.ask(question)
    await bench.ask(question)
    assert bench.slow.asked == ["a"]


async def test_an_answer_that_is_too_old_is_asked_for_anew(bench: Bench) -> None:
    await bench.ask(hook("a"))
    await bench.told("a", Answer(Passed()))
    await bench.ask(hook("a", since=manifests.BEGIN - timedelta(seconds=1)))
    assert bench.slow.asked == ["a"]
    await bench.ask(hook("a", since=manifests.BEGIN))
    assert bench.slow.asked == ["a", "a"]
    assert set(bench.known) == {"a"}, "an old answer is better than none until the new one is there"


async def test_an_answer_to_an_earlier_step_is_dropped_and_its_measurement_given_up(bench: Bench) -> None:
    await bench.ask(metric("old/0"), metric("old/1"))
    await bench.told("old/0", Answer(Value(1.0)))
    await bench.ask(metric("new/0"))
    assert bench.known == {}
    assert bench.slow.waiting["old/1"].cancelled()


async def test_a_call_that_was_answered_while_nobody_asked_is_not_made_again(bench: Bench) -> None:
    await bench.ask(hook("a"))
    await bench.ask()
    await bench.told("a", Answer(Passed()))
    assert bench.known == {}
    await bench.ask(hook("a"))
    assert bench.slow.asked == ["a"]
    assert set(bench.known) == {"a"}


async def test_a_call_that_has_left_us_is_not_made_twice_though_nobody_wanted_it_for_a_while(bench: Bench) -> None:
    await bench.ask(hook("a"))
    await bench.ask()
    await bench.ask(hook("a"))
    assert bench.slow.asked == ["a"]
    await bench.told("a", Answer(Passed()))
    assert bench.known.keys() == {"a"}


async def test_what_a_withdrawn_call_brings_is_dropped(bench: Bench) -> None:
    await bench.ask(hook("a"))
    await bench.ask()
    await bench.told("a", Answer(Passed()))
    assert bench.known == {}
    assert bench.woken == []


async def test_calls_of_a_canary_that_is_gone_are_given_up(bench: Bench) -> None:
    await bench.ask(hook("a"))
    bench.answers.forget(KEY)
    await turn()
    assert bench.slow.waiting["a"].cancelled()


class Faulty:
    async def answer(self, canary: Canary, question: Question) -> Answer:
        raise ZeroDivisionError("a fault for the test")


async def test_a_fault_of_ours_is_an_answer_too() -> None:
    answers = Answers(Faulty(), lambda _: None, lambda: manifests.BEGIN)
    answers.ask(KEY, CANARY, (metric("a"),))
    await turn()
    fault = Error("fault", "ZeroDivisionError: a fault for the test")
    assert answers.known(KEY) == {"a": Answer(fault, at=manifests.BEGIN)}
