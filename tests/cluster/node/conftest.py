"""A node with real processes, against the embedded API server; no gateway, no controllers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from davy.cluster.node.node import Node
from davy.cluster.server import ApiServer
from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.kinds import EVENT, POD, SERVICE
from davy.cluster.workloads.objects import Manifest, is_ready
from davy.kube.client import Client
from davy.kube.config import Config
from davy.kube.objects import Object

T = TypeVar("T")
Container = dict[str, Any]


class Machine:
    """A running node; `until` waits for what the watches show."""

    def __init__(self, client: Client, caches: Caches, node: Node) -> None:
        self.client, self.caches, self.node = client, caches, node
        self._moved = asyncio.Event()
        for kind in (POD, SERVICE):
            caches.subscribe(kind, self._saw)

    def _saw(self, _: Object) -> None:
        self._moved.set()

    async def until(self, seen: Callable[[], T | None], timeout: float = 15.0) -> T:
        """Wait until `seen` gives something true."""
        async with asyncio.timeout(timeout):
            while not (found := seen()):
                self._moved.clear()
                await self._moved.wait()
            return found

    def pod(self, name: str = "app") -> Manifest | None:
        return self.caches.get(POD, "default", name)

    def container(self, name: str = "app") -> Container:
        status = (self.pod(name) or {}).get("status") or {}
        return next(iter(status.get("containerStatuses") or ()), {})

    def state(self, name: str = "app") -> str:
        """running, waiting or terminated; "" while nothing is known."""
        return next(iter(self.container(name).get("state") or {}), "")

    async def run(
        self, container: Container, *, name: str = "app", labels: dict[str, str] | None = None, **spec: Any
    ) -> None:
        meta = {"name": name, "namespace": "default", "labels": labels or {}}
        full = {"containers": [{"name": "main", "image": "none", **container}], **spec}
        await self.client.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": full})

    async def ready(self, name: str = "app") -> Manifest:
        return await self.until(lambda: pod if (pod := self.pod(name)) and is_ready(pod) else None)

    async def delete(self, name: str = "app", grace: int | None = None) -> None:
        await self.client.delete(POD, "default", name, grace=grace)

    async def gone(self, name: str = "app") -> None:
        await self.until(lambda: self.pod(name) is None)

    async def log(self, name: str = "app", **wish: Any) -> str:
        return b"".join([line async for line in self.node.logs("default", name, **wish)]).decode()

    async def logged(self, text: str, name: str = "app") -> None:
        """Wait until the program has written this."""
        await self.until(lambda: self.state(name))
        async with asyncio.timeout(15), contextlib.aclosing(self.node.logs("default", name, follow=True)) as lines:  # type: ignore[type-var]
            async for line in lines:
                if text in line.decode():
                    return
        raise AssertionError(f"the log ended without {text!r}")

    async def events(self) -> list[str]:
        found = (await self.client.list(EVENT, "default")).items
        return [f"{each['reason']}: {each['message']}" for each in found]


@contextlib.asynccontextmanager
async def machine_in(directory: Path, drain: float = 0.0) -> AsyncIterator[Machine]:
    async with ApiServer() as server, Client(Config(server=server.url)) as client:
        caches = Caches(client)
        node = Node(client, caches, directory, now=lambda: datetime.now(UTC), random=Random(), drain=drain)
        made = Machine(client, caches, node)
        running = [asyncio.create_task(part.run()) for part in (caches, node)]
        await caches.synced()
        try:
            yield made
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine_in(tmp_path) as made:
        yield made


@pytest.fixture
async def gated(tmp_path: Path) -> AsyncIterator[Machine]:
    """A node in a cluster that has a gateway."""
    async with machine_in(tmp_path, drain=30.0) as made:
        yield made
