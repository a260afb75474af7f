"""Probes: when a verdict turns, and the three ways of trying."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.node import probes
from davy.cluster.node.probes import FAST, Outcome, Pace, Tally

PACE = Pace(initial_delay=0, period=10, timeout=1, successes=1, failures=3)


@pytest.mark.parametrize(
    ("outcomes", "turns"),
    [
        ("+", [0]),
        ("++", [0]),
        ("+--", [0]),
        ("+---", [0, 3]),
        ("+--+---", [0, 6]),
        ("---+", [2, 3]),
        ("--+--+", [2]),
    ],
)
def test_a_verdict_turns_after_enough_in_a_row(outcomes: str, turns: list[int]) -> None:
    tally = Tally(PACE)
    assert [n for n, outcome in enumerate(outcomes) if tally.add(outcome == "+")] == turns


@given(st.lists(st.booleans(), max_size=50), st.integers(1, 4), st.integers(1, 4))
def test_verdicts_alternate(outcomes: list[bool], successes: int, failures: int) -> None:
    tally = Tally(PACE._replace(successes=successes, failures=failures))
    turns = [ok for ok in outcomes if tally.add(ok)]
    assert all(a is not b for a, b in pairwise(turns))


async def _turns(
    answers: dict[float, bool], seconds: float, pace: Pace = PACE, *, eager: bool
) -> list[tuple[float, bool]]:
    """When the verdict turned to what; `answers` says from which moment on the attempts succeed or fail."""
    loop = asyncio.get_running_loop()
    began, turns = loop.time(), []

    async def attempt() -> Outcome:
        return Outcome([ok for since, ok in answers.items() if since <= loop.time() - began][-1])

    async def watch() -> None:
        async for outcome in probes.verdicts(attempt, pace, eager=eager):
            turns.append((round(loop.time() - began, 2), outcome.ok))

    watching = asyncio.create_task(watch())
    await asyncio.sleep(seconds)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return turns


@pytest.mark.looptime
async def test_a_start_is_noticed_at_once_whatever_the_period() -> None:
    (turn,) = await _turns({0: False, 3.02: True}, 9, eager=True)
    assert turn[1]
    assert 3.02 <= turn[0] <= 3.02 + FAST + 0.01


@pytest.mark.looptime
async def test_eager_failures_count_as_if_they_had_been_slow() -> None:
    ((moment, ok),) = await _turns({0: False}, 40, eager=True)
    assert (round(moment), ok) == (30, False)


@pytest.mark.looptime
async def test_after_the_first_success_the_period_rules() -> None:
    assert await _turns({0: True, 5: False}, 60, eager=True) == [(0, True), (30, False)]


@pytest.mark.looptime
async def test_a_patient_probe_waits_for_its_delay_and_its_period() -> None:
    pace = PACE._replace(initial_delay=7)
    assert await _turns({0: False}, 60, pace, eager=False) == [(27, False)]


@pytest.mark.looptime
async def test_no_answer_is_a_failure() -> None:
    async def never() -> Outcome:
        await asyncio.Event().wait()
        return Outcome(True)

    assert await probes.within(never, 2) == Outcome(False, "no answer within 2 s")


@asynccontextmanager
async def _server(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], seen


def _http(port: int, **more: Any) -> probes.Attempt:
    container = {"ports": [{"name": "web", "containerPort": port}]}

    async def run(_: Any) -> Any:
        raise AssertionError("no command here")

    return probes.attempt({"httpGet": {"port": "web", "path": "/ok", **more}}, container, "127.0.0.1", run)


@pytest.mark.parametrize(
    ("answer", "ok", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True, ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", True, ""),
        (b"HTTP/1.1 503 Busy\r\n\r\n", False, "HTTP probe failed with statuscode: 503"),
        (b"SSH-2.0\r\n", False, "the answer is no HTTP"),
        (b"", False, "the answer is no HTTP"),
    ],
)
async def test_http_statuses(answer: bytes, ok: bool, why: str) -> None:
    async with _server(answer) as (port, _):
        assert await probes.within(_http(port), 5) == Outcome(ok, why)


async def test_http_sends_path_and_headers() -> None:
    async with _server(b"HTTP/1.1 200 OK\r\n\r\n") as (port, seen):
        await probes.within(_http(port, httpHeaders=[{"name": "X-A", "value": "b"}]), 5)
    assert seen[0].startswith(b"GET /ok HTTP/1.1\r\n")
    assert b"\r\nX-A: b\r\n" in seen[0]


async def test_a_closed_port_and_an_unknown_port_are_failures() -> None:
    async with _server(b"") as (port, _):
        pass
    assert not (await probes.within(_http(port), 5)).ok
    unknown = probes.attempt({"tcpSocket": {"port": "nope"}}, {}, "127.0.0.1", lambda _: _none())
    assert await probes.within(unknown, 5) == Outcome(False, "the container has no port named 'nope'")


async def _none() -> Any:
    raise AssertionError("no command here")


async def test_tcp_is_satisfied_with_a_connection() -> None:
    async with _server(b"") as (port, _):
        attempt = probes.attempt({"tcpSocket": {"port": port}}, {}, "127.0.0.1", lambda _: _none())
        assert await probes.within(attempt, 5) == Outcome(True)


async def test_an_unknown_kind_of_probe_fails_in_words() -> None:
    attempt = probes.attempt({"grpc": {"port": 1}}, {}, "127.0.0.1", lambda _: _none())
    assert "knows the probes httpGet, tcpSocket and exec" in (await probes.within(attempt, 5)).why
