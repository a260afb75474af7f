"""The drain gate: a pod that serves is told to go only after the gateway has seen its last request answered."""

from __future__ import annotations

import asyncio

from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.endpointslice import is_served
from davy.cluster.workloads.kinds import POD, SERVICE
from davy.cluster.workloads.objects import Manifest, annotations_of, is_ready, labels, name, namespace, uid
from davy.cluster.workloads.selectors import matches
from davy.kube.objects import Object

DRAINED = "gateway.davy.dev/drained"
PATIENCE = 30.0  # seconds after which a pod is told to go in any case


def is_waited_for(pod: Manifest, services: list[Manifest]) -> bool:
    """Does a gateway have to let go of this pod first? Only of one that is ready and that a Service selects."""
    if DRAINED in annotations_of(pod) or not is_ready(pod):
        return False
    return any(
        is_served(service) and matches({"matchLabels": service["spec"]["selector"]}, labels(pod))
        for service in services
    )


class DrainGate:
    """Holds leaving pods back. With `patience` 0 (no gateway in this cluster) nobody is held."""

    def __init__(self, caches: Caches, patience: float = PATIENCE) -> None:
        self._caches, self._patience = caches, patience
        self._waiting: dict[str, asyncio.Event] = {}
        caches.subscribe(POD, self._pod_changed)
        caches.subscribe(SERVICE, self._service_changed)

    async def passed(self, pod: Manifest) -> bool:
        """Wait until the pod may be told to go; False if patience ended first."""
        moved = self._waiting.setdefault(uid(pod), asyncio.Event())
        try:
            async with asyncio.timeout(self._patience):
                while self._is_held(pod):
                    moved.clear()
                    await moved.wait()
            return True
        except TimeoutError:
            return self._patience == 0
        finally:
            del self._waiting[uid(pod)]

    def _is_held(self, pod: Manifest) -> bool:
        now = self._caches.get(POD, namespace(pod), name(pod))
        if now is None or uid(now) != uid(pod):
            return False
        services = [each.manifest() for each in self._caches.of(SERVICE).list(namespace(pod))]
        return self._patience > 0 and is_waited_for(now, services)

    def _pod_changed(self, changed: Object) -> None:
        if moved := self._waiting.get(changed.uid):
            moved.set()

    def _service_changed(self, _: Object) -> None:
        for moved in self._waiting.values():
            moved.set()
