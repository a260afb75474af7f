"""Every request is sent once and counted once, whatever becomes of it."""

import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from davy.demo.load.generator import Generator, Lane
from davy.demo.load.tally import Progress
from davy.demo.load.target import Target

Serving = Callable[[Callable[[int], str]], AbstractAsyncContextManager[Any]]


def target(port: int, *, kept_alive: float = 0.5, rate: float = 2000) -> Target:
    return Target("shop", "127.0.0.1", port, "shop.local", rate, kept_alive=kept_alive)


async def send(requests: int, to: Target) -> Progress:
    generator = Generator(most_requests=requests, clock=time.monotonic)
    generator.aim(to)
    await generator.run()
    await generator.settle()
    return generator.progress(ended=True)


def ends(progress: Progress) -> dict[tuple[str, int, str], int]:
    return {(count.version, count.status, count.failure): count.count for count in progress.counts}


async def test_good_answers_are_counted_and_half_of_the_connections_are_kept(serving: Serving) -> None:
    async with serving(lambda _: "good") as served:
        progress = await send(60, target(served.port, rate=200))
    assert ends(progress) == {("1.0", 200, ""): 60}
    asked_to_close = sum(b"connection: close" in request for request in served.requests)
    assert asked_to_close == 30
    assert asked_to_close < served.connections < 60


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("error", ("3.0", 500, "")),
        ("proxy", ("", 503, "versionless")),
        ("half", ("", 0, "reset")),
        ("hang up", ("", 0, "reset")),
        ("noise", ("", 0, "malformed")),
    ],
)
@pytest.mark.parametrize("kept_alive", [0.0, 1.0])
async def test_every_third_request_goes_wrong(
    serving: Serving, word: str, end: tuple[str, int, str], kept_alive: float
) -> None:
    async with serving(lambda number: word if number % 3 == 0 else "good") as served:
        progress = await send(30, target(served.port, kept_alive=kept_alive))
    assert ends(progress) == {("1.0", 200, ""): 20, end: 10}
    assert len(served.requests) == 30, "a request that fails is not sent again"


async def test_where_nobody_listens_every_request_fails_to_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    progress = await send(10, target(port))
    assert ends(progress) == {("", 0, "connect"): 10}
    assert progress.trouble[0].failure == "connect"


async def test_an_answer_that_does_not_come_is_a_time_out(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.demo.load.generator.PATIENCE", 0.05)

    async with serving(lambda _: "silence") as served:
        progress = await send(5, target(served.port, kept_alive=1.0))
    assert ends(progress) == {("", 0, "timeout"): 5}


async def test_what_the_proxy_said_is_kept(serving: Serving) -> None:
    async with serving(lambda _: "proxy") as served:
        progress = await send(1, target(served.port))
    assert [(entry.status, entry.words) for entry in progress.trouble] == [(503, "no healthy upstream")]


async def test_a_rate_of_zero_stops_a_target_and_leaves_the_others(serving: Serving) -> None:
    async with serving(lambda _: "good") as served:
        generator = Generator(most_requests=20, clock=time.monotonic)
        generator.aim(Target("other", "127.0.0.1", served.port, "other.local", 2000))
        generator.aim(target(served.port))
        generator.aim(target(served.port, rate=0))
        await generator.run()
        await generator.settle()
    assert {count.target for count in generator.progress().counts} == {"other"}


def test_the_pace_is_kept_by_the_clock_and_connections_are_mixed_evenly() -> None:
    lane = Lane(target(1, rate=200, kept_alive=0.5), now=10.0)
    assert lane.due(10.0) == 0
    assert lane.due(10.1001) == 20
    kept = Counter(lane.next_kept() for _ in range(10))
    assert kept == {True: 5, False: 5}
    assert lane.due(10.1001) == 10
    lane.skip(10)
    assert lane.due(10.1001) == 0


def test_after_a_pause_there_is_no_burst() -> None:
    lane = Lane(target(1, rate=200), now=10.0)
    assert lane.due(13.0001) == 50
    lane.skip(50)
    assert lane.due(13.0001) == 0
    assert lane.due(13.1001) == 20
