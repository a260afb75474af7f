"""A scripted API server on loopback, and a client that never really sleeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest
from aiohttp import web
from tests.kube.scripted import Server

from davy.kube.client import Client
from davy.kube.identity import Config


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    scripted = Server()
    runner = web.ServerRunner(web.Server(scripted.handle, handler_cancellation=True), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield scripted
    await runner.cleanup()


@pytest.fixture
def pauses() -> list[float]:
    """The sleeps the client asked for, in seconds."""
    return []


@pytest.fixture
async def client(server: Server, pauses: list[float]) -> AsyncIterator[Client]:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with Client(Config(server.url), random=Random(1), sleep=sleep) as made:
        yield made
