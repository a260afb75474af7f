"""The workload controllers against the embedded API server, with a node that only says that pods are ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from davy.cluster.server import ApiServer
from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.controllers import Controllers
from davy.cluster.workloads.kinds import DEPLOYMENT, ENDPOINT_SLICE, NAMESPACE, POD, REPLICA_SET, SERVICE
from davy.cluster.workloads.objects import Manifest, is_ready, name
from davy.kube.client import Client
from davy.kube.config import Config
from davy.kube.kinds import Kind
from davy.kube.objects import Object

T = TypeVar("T")
CONFIG_MAP = Kind("v1", "ConfigMap")


class Bench:
    """A running API server with controllers; `until` waits for what the watches show."""

    def __init__(self, server: ApiServer, client: Client, caches: Caches) -> None:
        self.server, self.client, self.caches = server, client, caches
        self.obliging = True  # pods become ready as soon as they are there
        self._moved = asyncio.Event()
        self._readying: set[asyncio.Task[None]] = set()
        for kind in (DEPLOYMENT, REPLICA_SET, POD, SERVICE, ENDPOINT_SLICE, NAMESPACE, CONFIG_MAP):
            caches.subscribe(kind, self._saw)

    def _saw(self, changed: Object) -> None:
        self._moved.set()
        if changed.kind == POD and self.obliging:
            pod = self.caches.get(POD, changed.namespace, changed.name)
            if pod and not is_ready(pod):
                task = asyncio.create_task(self.ready(pod))
                self._readying.add(task)
                task.add_done_callback(self._readying.discard)

    async def ready(self, pod: Manifest, *, ready: bool = True) -> None:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": moment}
        status = {"phase": "Running", "podIP": "127.16.0.9", "conditions": [condition]}
        namespace = pod["metadata"]["namespace"]
        await self.client.patch(POD, namespace, name(pod), {"status": status}, content="merge", subresource="status")

    async def until(self, seen: Callable[[], T | None], timeout: float = 10.0) -> T:
        """Wait until `seen` gives something true."""
        async with asyncio.timeout(timeout):
            while not (found := seen()):
                self._moved.clear()
                await self._moved.wait()
            return found

    def get(self, kind: Kind, of: str, namespace: str = "default") -> Manifest | None:
        return self.caches.get(kind, namespace, of)

    def all(self, kind: Kind, namespace: str = "default") -> list[Manifest]:
        return [each.manifest() for each in self.caches.of(kind).list(namespace)]

    async def deploy(self, image: str = "app:1", **spec: Any) -> None:
        await self.client.create(deployment(image, **spec))

    async def change(self, spec: dict[str, Any]) -> None:
        await self.client.patch(DEPLOYMENT, "default", "app", {"spec": spec}, content="strategic")

    async def update(self, image: str) -> None:
        await self.change({"template": {"spec": {"containers": [{"name": "app", "image": image}]}}})

    def images(self) -> list[str]:
        return sorted(pod["spec"]["containers"][0]["image"] for pod in self.all(POD))

    def complete(self, image: str = "", replicas: int = 3) -> Manifest | None:
        """The Deployment, if it runs so many replicas of this image and says so."""
        found = self.get(DEPLOYMENT, "app")
        status = (found or {}).get("status") or {}
        numbers = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        if not found or numbers != [replicas] * 3:
            return None
        seen = status["observedGeneration"] == found["metadata"]["generation"]
        return found if seen and (not image or self.images() == [image] * replicas) else None

    def progressing(self) -> str:
        conditions = ((self.get(DEPLOYMENT, "app") or {}).get("status") or {}).get("conditions") or []
        return next((str(each["reason"]) for each in conditions if each["type"] == "Progressing"), "")


def deployment(image: str = "app:1", **spec: Any) -> Manifest:
    container = {"name": "app", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "default"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "app"}},
            "template": {"metadata": {"labels": {"app": "app"}}, "spec": {"containers": [container]}},
            **spec,
        },
    }


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with ApiServer() as server, Client(Config(server=server.url)) as client:
        caches = Caches(client)
        controllers = Controllers(client, caches, lambda: datetime.now(UTC))
        made = Bench(server, client, caches)
        running = [asyncio.create_task(part.run()) for part in (caches, controllers)]
        await caches.synced()
        yield made
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
