"""Namespaces: one that is deleted takes its contents along, and goes when the last of them is gone."""

from __future__ import annotations

import asyncio

from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.graph import node
from davy.cluster.workloads.inventory import Inventory
from davy.cluster.workloads.kinds import NAMESPACE
from davy.cluster.workloads.objects import Manifest, is_leaving, name
from davy.cluster.workloads.queue import Queue, work
from davy.cluster.workloads.writes import Hand, Remove
from davy.kube.client import Client
from davy.kube.errors import NotFound
from davy.kube.objects import Change, Object

FINALIZER = "kubernetes"


def removals(contents: list[Object]) -> list[Remove]:
    """The deletions that a leaving namespace asks for; what is leaving already is waited for."""
    nodes = [node(each) for each in contents]
    return [Remove(n.kind, n.namespace, n.name, n.uid, "Background") for n in nodes if not n.is_leaving]


class Namespaces:
    """The controller: a leaving namespace → the end of its contents → its own."""

    def __init__(self, client: Client, caches: Caches, inventory: Inventory, hand: Hand) -> None:
        self._client, self._caches, self._inventory, self._hand = client, caches, inventory, hand
        self._queue: Queue[str] = Queue()
        caches.subscribe(NAMESPACE, lambda changed: self._queue.add(changed.name))
        inventory.subscribe(self._changed)

    def _changed(self, change: Change) -> None:
        if change.object.namespace and self._leaving(change.object.namespace):
            self._queue.add(change.object.namespace)

    def _leaving(self, namespace: str) -> Manifest | None:
        found = self._caches.get(NAMESPACE, "", namespace)
        return found if found and is_leaving(found) and found["spec"].get("finalizers") else None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work("namespace", self._queue, self.reconcile))

    async def reconcile(self, namespace: str) -> float | None:
        """One step towards the end of a leaving namespace."""
        await self._inventory.complete.wait()
        leaving = self._leaving(namespace)
        if leaving is None:
            return None
        contents = self._inventory.within(namespace)
        if not contents:
            await self._finalize(leaving)
            return None
        await self._hand.apply(removals(contents))
        return None

    async def _finalize(self, leaving: Manifest) -> None:
        """Events go last: everything before still told some."""
        await self._client.request("DELETE", f"/api/v1/namespaces/{name(leaving)}/events")
        kept = [each for each in leaving["spec"]["finalizers"] if each != FINALIZER]
        try:
            await self._client.replace({**leaving, "spec": {"finalizers": kept}}, subresource="finalize")
        except NotFound:
            return
