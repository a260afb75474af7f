"""All workload controllers together: built on one set of caches, run as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.deployment import Deployments
from davy.cluster.workloads.endpointslice import EndpointSlices
from davy.cluster.workloads.events import Events
from davy.cluster.workloads.garbage import Garbage
from davy.cluster.workloads.inventory import Inventory
from davy.cluster.workloads.namespace import Namespaces
from davy.cluster.workloads.replicaset import ReplicaSets
from davy.cluster.workloads.writes import Hand
from davy.kube.client import Client


class Controllers:
    """The workload controllers of one cluster. The caller runs `caches`, which may be shared with others."""

    def __init__(self, client: Client, caches: Caches, now: Callable[[], datetime]) -> None:
        self._caches = caches
        self._events = Events(client, "davy-controllers", now)
        hand = Hand(client, caches, self._events)
        inventory = Inventory(client, caches)
        self._first = (
            Deployments(caches, hand, now),
            ReplicaSets(caches, hand, now),
            EndpointSlices(caches, hand),
            self._events,
        )
        self._later = (Garbage(client, inventory, hand), Namespaces(client, caches, inventory, hand), inventory)

    async def run(self) -> None:
        """Run for ever. Nobody acts before all caches are filled: a cache that is half full looks like a loss."""
        await self._caches.synced()
        async with asyncio.TaskGroup() as tasks:
            for each in (*self._first, *self._later):
                tasks.create_task(each.run())
