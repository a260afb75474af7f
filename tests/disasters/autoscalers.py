"""Stand-in for the HPA controller and for KEDA: every quarter of a minute they set the replicas that the load asks
for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from tests.disasters.plane import Plane
from tests.disasters.workloads import DEPLOYMENTS, KINDS

from davy.kube.client import Client
from davy.kube.errors import NotFound

Manifest = dict[str, Any]

EVERY = 15.0
"""Seconds between two looks (the HPA controller's sync period)."""
PAUSED = "autoscaling.keda.sh/paused-replicas"


class Wish(NamedTuple):
    """What one autoscaler does with its Deployment."""

    namespace: str
    name: str
    least: int
    most: int
    held: int | None = None
    """KEDA: held at this number."""


class Autoscalers:
    """`load`: pods that the load on a Deployment asks for, by its name; where it says nothing, as many as there are."""

    def __init__(self, plane: Plane, client: Client) -> None:
        self.load: dict[str, int] = {}
        self._plane = plane
        self._client = client

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """One round."""
        for wish in list(self._wishes()):
            live = self._plane.get(DEPLOYMENTS, wish.namespace, wish.name)
            if live is None:
                continue
            replicas = int(live["spec"].get("replicas", 1))
            new = self._replicas(wish, replicas)
            if new != replicas:
                with suppress(NotFound):
                    await self._client.scale(KINDS[DEPLOYMENTS], wish.namespace, wish.name, new)

    def _replicas(self, wish: Wish, replicas: int) -> int:
        """At zero an HPA is switched off; KEDA brings back what it does not hold."""
        if wish.held is not None:
            return wish.held
        if not replicas and wish.held is None and not self._keda(wish):
            return 0
        return min(max(self.load.get(wish.name, replicas), wish.least), wish.most)

    def _keda(self, wish: Wish) -> bool:
        return any(each[:2] == wish[:2] for each in self._scaled_objects())

    def _wishes(self) -> Iterator[Wish]:
        for (namespace, _), entry in self._plane.items("horizontalpodautoscalers.autoscaling").items():
            spec = entry.manifest["spec"]
            name = spec["scaleTargetRef"]["name"]
            yield Wish(namespace, name, int(spec.get("minReplicas") or 1), int(spec["maxReplicas"]))
        yield from self._scaled_objects()

    def _scaled_objects(self) -> Iterator[Wish]:
        for (namespace, _), entry in self._plane.items("scaledobjects.keda.sh").items():
            spec, notes = entry.manifest["spec"], entry.manifest["metadata"].get("annotations") or {}
            held = int(notes[PAUSED]) if PAUSED in notes else None
            least, most = int(spec.get("minReplicaCount") or 0), int(spec.get("maxReplicaCount") or 100)
            yield Wish(namespace, spec["scaleTargetRef"]["name"], least, most, held)
