"""Answers on their way: none is lost, none of an earlier step is used, whatever goes wrong is a reading."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from davy.api import codec
from davy.api.canary import Canary
from davy.controller.answer import Answerer, Answers
from davy.controller.queue import Key
from davy.controller.world import METRIC_TEMPLATE, World
from davy.core.plan import LEAVE_ALL, Ask, MetricCheck, PingCheck, Question
from davy.core.snapshot import Answer, Error, NoData, Reading, Value
from davy.kube.client import Client
from davy.providers.base import Response, Unreachable
from davy.settings import Settings
from davy.sim import scenarios

KEY = ("test", "app")
SETTINGS = Settings(metrics_server="http://prometheus.test:9090")


def canary(*metrics: dict[str, Any]) -> Canary:
    return codec.decode_canary(scenarios.canary(analysis={"iterations": 1, "metrics": list(metrics)}))


class Slow:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[Answer]] = {}

    async def answer(self, canary: Canary, question: Question) -> Answer:
        self.waiting[question.id] = asyncio.get_running_loop().create_future()
        return await self.waiting[question.id]


def ask(*ids: str) -> Ask:
    return Ask(questions=tuple(MetricCheck(id=id_, index=0) for id_ in ids), desired=LEAVE_ALL)


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_two_answers_that_come_one_after_the_other_are_both_kept() -> None:
    """The first is not thrown away when the second is asked for again (a livelock once)."""
    slow, woken = Slow(), list[Key]()
    answers = Answers(slow, woken.append)  # type: ignore[arg-type]
    for id_ in ("a", "b"):
        answers.ask(KEY, canary(scenarios.METRIC), ask("a", "b"))
        await turn()
        slow.waiting[id_].set_result(Answer(Value(1.0)))
        await turn()
    assert set(answers.known(KEY)) == {"a", "b"}
    assert woken == [KEY, KEY]


async def test_nothing_is_asked_twice_while_it_is_on_its_way() -> None:
    slow = Slow()
    answers = Answers(slow, lambda _: None)  # type: ignore[arg-type]
    answers.ask(KEY, canary(scenarios.METRIC), ask("a"))
    await turn()
    first = slow.waiting["a"]
    answers.ask(KEY, canary(scenarios.METRIC), ask("a"))
    await turn()
    assert slow.waiting["a"] is first
    answers.close()


async def test_an_answer_to_an_earlier_step_is_dropped_and_its_question_withdrawn() -> None:
    slow = Slow()
    answers = Answers(slow, lambda _: None)  # type: ignore[arg-type]
    answers.ask(KEY, canary(scenarios.METRIC), ask("old/0", "old/1"))
    await turn()
    slow.waiting["old/0"].set_result(Answer(Value(1.0)))
    await turn()
    answers.ask(KEY, canary(scenarios.METRIC), ask("new/0"))
    await turn()
    assert answers.known(KEY) == {}
    assert slow.waiting["old/1"].cancelled()
    answers.close()


class Server:
    """A metrics server in the shape of the `Http` that providers are lent."""

    def __init__(self, body: str = "", status: int = 200) -> None:
        self.body, self.status = body, status
        self.asked: list[str] = []

    async def __call__(self, method: str, url: str, *, params: Mapping[str, str] = {}, **_: object) -> Response:
        self.asked.append(params.get("query", "") or url)
        if not self.status:
            raise Unreachable("connection refused")
        return Response(self.status, self.body.encode())


def vector(*values: str) -> str:
    result = [{"metric": {"n": str(n)}, "value": [0, value]} for n, value in enumerate(values)]
    return msgspec.json.encode({"status": "success", "data": {"resultType": "vector", "result": result}}).decode()


async def reading(client: Client, world: World, server: Server, metric: dict[str, Any], question: Question) -> Answer:
    world.watch(METRIC_TEMPLATE)
    await world.watch(METRIC_TEMPLATE).synced.wait()
    answerer = Answerer(client, world, server, SETTINGS, lambda: datetime(2030, 1, 1, tzinfo=UTC))
    return await answerer.answer(canary(metric), question)


CHECK = MetricCheck(id="x", index=0)
DURATION = {"name": "request-duration", "thresholdRange": {"max": 500}}


@pytest.mark.parametrize(
    ("server", "metric", "expected"),
    [
        (Server(vector("99.5")), scenarios.METRIC, Value(99.5, 1)),
        (Server(vector("0.25")), DURATION, Value(250.0, 1)),
        (Server(vector()), scenarios.METRIC, NoData()),
        (Server(vector("NaN")), scenarios.METRIC, NoData()),
    ],
)
async def test_a_built_in_metric_is_a_number_in_its_unit_or_no_data(
    client: Client, world: World, server: Server, metric: dict[str, Any], expected: Reading
) -> None:
    assert (await reading(client, world, server, metric, CHECK)).reading == expected


@pytest.mark.parametrize(
    ("server", "metric", "kind"),
    [
        (Server(status=0), scenarios.METRIC, "unreachable"),
        (Server("<html>", 503), scenarios.METRIC, "refused"),
        (Server(vector("1")), {"name": "x", "templateRef": {"name": "gone"}}, "configuration"),
        (Server(vector("1")), {"name": "x", "query": "{{ nonsense }}"}, "configuration"),
    ],
)
async def test_whatever_goes_wrong_is_a_reading(
    client: Client, world: World, server: Server, metric: dict[str, Any], kind: str
) -> None:
    found = (await reading(client, world, server, metric, CHECK)).reading
    assert isinstance(found, Error)
    assert found.kind == kind


async def test_a_template_is_rendered_and_asked_of_its_own_server(client: Client, world: World) -> None:
    query = 'sum(rate(hits{ns="{{ namespace }}",app="{{ target }}",k="{{ variables.k }}"}[{{ interval }}]))'
    template = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "hits", "namespace": "test"},
        "spec": {"provider": {"type": "prometheus", "address": "http://elsewhere.test"}, "query": query},
    }
    await client.create(template)
    metric = {"name": "hits", "interval": "30s", "templateRef": {"name": "hits"}, "templateVariables": {"k": "v"}}
    server = Server(vector("7"))
    answer = await reading(client, world, server, metric, CHECK)
    assert answer.reading == Value(7.0, 1)
    assert answer.query == 'sum(rate(hits{ns="test",app="app",k="v"}[30s]))'


async def test_a_ping_asks_whether_the_server_is_there(client: Client, world: World) -> None:
    server = Server(vector("1"))
    answer = await reading(client, world, server, scenarios.METRIC, PingCheck(id="p", index=0))
    assert answer.reading == Value(1.0, 1)
    assert server.asked == ["vector(1)"]
