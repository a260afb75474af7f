"""The demo app as a process: starts fast and small, keeps connections, finishes what is in flight."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp


class Running:
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _running(**env: str) -> AsyncIterator[Running]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "davy.demo_app"),
        env={**os.environ, "PORT": str(port), "APP_VERSION": "7", **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=[int(env["DAVY_LIFELINE"])] if "DAVY_LIFELINE" in env else [],
    )
    try:
        assert process.stdout is not None
        assert b"version 7 serves" in await process.stdout.readline()
        yield Running(process, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _get(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
    async with session.get(url) as response:
        await response.read()
        return response


async def test_a_connection_is_kept_for_many_requests() -> None:
    async with _running() as app, aiohttp.TCPConnector(limit=1) as connector:
        opened: list[Any] = []
        trace = aiohttp.TraceConfig()

        async def note(*args: Any) -> None:
            opened.append(args)

        trace.on_connection_create_end.append(note)
        async with aiohttp.ClientSession(connector=connector, trace_configs=[trace]) as session:
            for _ in range(20):
                response = await _get(session, app.url)
                assert response.headers["x-app-version"] == "7"
        assert len(opened) == 1


async def test_a_request_in_flight_is_finished_after_sigterm() -> None:
    async with _running(APP_LATENCY_MS="300") as app, aiohttp.ClientSession() as session:
        request = asyncio.ensure_future(_get(session, app.url))
        await _until_served(session, app, inflight=True)
        app.process.send_signal(signal.SIGTERM)
        response = await request
        assert response.status == 200
        assert response.headers["connection"] == "close"
        assert await app.process.wait() == 0


async def test_abrupt_means_at_once() -> None:
    async with _running(APP_LATENCY_MS="60000", APP_EXIT="abrupt") as app, aiohttp.ClientSession() as session:
        request = asyncio.ensure_future(_get(session, app.url))
        await _until_served(session, app, inflight=True)
        app.process.send_signal(signal.SIGTERM)
        assert await app.process.wait() == 143
        results = await asyncio.gather(request, return_exceptions=True)
        assert isinstance(results[0], aiohttp.ClientError)


async def test_it_dies_when_its_lifeline_is_cut() -> None:
    ours, theirs = os.pipe()
    async with _running(DAVY_LIFELINE=str(ours)) as app:
        os.close(ours)
        os.close(theirs)
        assert await app.process.wait() == 1


async def test_it_is_small() -> None:
    async with _running() as app, aiohttp.ClientSession() as session:
        await _get(session, app.url)
        with open(f"/proc/{app.process.pid}/status") as status:
            (size,) = (int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        assert size < 25 * 1024


async def _until_served(session: aiohttp.ClientSession, app: Running, *, inflight: bool) -> None:
    """Wait until a probe, sent after the request, was answered: the request before it has then been read too."""
    assert inflight
    for _ in range(3):
        await _get(session, app.url + "/healthz")
