"""HTTP both ways: what providers are lent, and what the operator serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge

from davy.controller.web import LONGEST_BODY, Calls, Readiness, served
from davy.providers.base import Unreachable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    async with aiohttp.ClientSession() as session:
        yield Calls(session)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_a_call_brings_back_status_and_body(calls: Calls, serve: Callable[[Handler], Awaitable[str]]) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=418, text=f"{request.method} {request.query['q']} {request.headers['x-a']}")

    url = await serve(echo)
    answer = await calls("GET", f"{url}/x", headers={"x-a": "1"}, params={"q": "up"})
    assert (answer.status, answer.body) == (418, b"GET up 1")


async def test_no_listener_is_unreachable(calls: Calls) -> None:
    with pytest.raises(Unreachable):
        await calls("GET", "http://127.0.0.1:1/")


async def test_an_address_that_is_none_is_unreachable(calls: Calls) -> None:
    with pytest.raises(Unreachable):
        await calls("GET", "not a url")


async def test_silence_is_unreachable_and_says_for_how_long(
    calls: Calls, serve: Callable[[Handler], Awaitable[str]]
) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await request.content.read()
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.01)
        return answer

    with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
        await calls("GET", await serve(silent), timeout=timedelta(seconds=0.05))


async def test_an_endless_answer_is_cut_off(calls: Calls, serve: Callable[[Handler], Awaitable[str]]) -> None:
    async def endless(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (LONGEST_BODY + 1))

    with pytest.raises(Unreachable, match="longer than"):
        await calls("GET", await serve(endless))


@pytest.mark.parametrize(
    ("readiness", "status"),
    [(Readiness(True, "OK"), 200), (Readiness(False, "the schema would drop status.message"), 503)],
)
async def test_readyz_says_how_it_is(readiness: Readiness, status: int) -> None:
    registry = CollectorRegistry()
    Gauge("flagger_info", "x", registry=registry).set(1)
    runner = await served(registry, lambda: readiness, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/readyz") as ready:
            assert (ready.status, await ready.text()) == (status, readiness.words)
        async with session.get(f"{url}/healthz") as health:
            assert (health.status, await health.text()) == (200, "OK")
        async with session.get(f"{url}/metrics") as metrics:
            assert "flagger_info 1.0" in await metrics.text()
    await runner.cleanup()


async def test_a_taken_port_is_an_error_of_the_operating_system() -> None:
    first = await served(CollectorRegistry(), lambda: Readiness(True, "OK"), "127.0.0.1", 0)
    with pytest.raises(OSError, match="address already in use"):
        await served(CollectorRegistry(), lambda: Readiness(True, "OK"), "127.0.0.1", first.addresses[0][1])
    await first.cleanup()
