"""An embedded API server with our definitions, and what is needed to act on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from davy.api.schema import crds
from davy.cluster.server import ApiServer
from davy.controller.queue import Key
from davy.controller.world import World
from davy.kube.client import Client
from davy.kube.config import load_config

NAMESPACE = "test"
LONGEST_WAIT = 10.0
"""Seconds after which a condition that should come counts as one that does not."""

Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """Talks to a fresh API server as `davy`."""
    async with ApiServer() as server:
        server.write_kubeconfig(tmp_path / "kubeconfig")
        async with Client(load_config(str(tmp_path / "kubeconfig"))) as client:
            await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
            for definition in crds():
                await client.create(definition)
            yield client


@pytest.fixture
def woken() -> list[Key]:
    return []


@pytest.fixture
async def world(client: Client, woken: list[Key]) -> AsyncIterator[World]:
    made = World(client, None, woken.append)
    yield made
    await made.close()


@pytest.fixture
def until() -> Until:
    """Waits for a condition; its failure is the test's."""

    async def wait(condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(LONGEST_WAIT):
            while not await condition():
                await asyncio.sleep(0.01)

    return wait
