"""ReplicaSets: keep as many pods as asked for; where there are too many, the least useful go first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from davy.cluster.workloads.caches import Caches, key_of
from davy.cluster.workloads.deployment import claims
from davy.cluster.workloads.events import Tell
from davy.cluster.workloads.kinds import POD, REPLICA_SET
from davy.cluster.workloads.objects import (
    Manifest,
    annotations_of,
    available_in,
    changed,
    condition,
    controller,
    created,
    is_active,
    is_leaving,
    is_ready,
    labels,
    name,
    namespace,
    owned_by,
)
from davy.cluster.workloads.queue import Queue, work
from davy.cluster.workloads.selectors import claim, matches
from davy.cluster.workloads.writes import Create, Hand, Write, merge, remove
from davy.kube.objects import Object

WORKERS = 2
AT_ONCE = 100  # pods created or deleted in one go
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


@dataclass(frozen=True, slots=True)
class Crew:
    """A ReplicaSet with its active pods."""

    replicaset: Manifest
    pods: tuple[Manifest, ...]
    now: datetime

    @property
    def want(self) -> int:
        return int(self.replicaset["spec"].get("replicas", 1))

    @property
    def min_ready_seconds(self) -> int:
        return int(self.replicaset["spec"].get("minReadySeconds", 0))


def desired(seen: Crew) -> tuple[Write, ...]:
    """The next writes for a ReplicaSet; none if all is as it should be."""
    crew = () if is_leaving(seen.replicaset) else (*_hired(seen), *_fired(seen))
    return (*crew, *_status(seen))


def _hired(seen: Crew) -> Iterator[Write]:
    for _ in range(min(AT_ONCE, seen.want - len(seen.pods))):
        yield Create(pod(seen.replicaset))


def _fired(seen: Crew) -> Iterator[Write]:
    surplus = min(AT_ONCE, len(seen.pods) - seen.want)
    if surplus <= 0:
        return
    victims = sorted(seen.pods, key=usefulness)[:surplus]
    yield from map(remove, victims)
    for each in victims:
        yield Tell(seen.replicaset, "SuccessfulDelete", f"Deleted pod: {name(each)}")


def usefulness(pod: Manifest) -> tuple[Any, ...]:
    """Pods are deleted from the lowest up: unplaced, pending, not ready, cheap to delete, young in service, young."""
    cost = annotations_of(pod).get(DELETION_COST, "0")
    ready = condition(pod, "Ready") or {}
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return (
        bool(pod["spec"].get("nodeName")),
        PHASES.get((pod.get("status") or {}).get("phase", "Pending"), 0),
        is_ready(pod),
        int(cost) if cost.lstrip("-").isdigit() else 0,
        _youth(ready.get("lastTransitionTime") or "") if is_ready(pod) else (),
        -max((each.get("restartCount", 0) for each in statuses), default=0),
        _youth(created(pod)),
    )


def _youth(moment: str) -> tuple[int, ...]:
    """Orders moments from the latest to the earliest."""
    return tuple(-ord(letter) for letter in moment)


def pod(replicaset: Manifest) -> Manifest:
    """A new pod for a ReplicaSet."""
    template = replicaset["spec"]["template"]
    metadata = template.get("metadata") or {}
    kept = {key: metadata[key] for key in ("labels", "annotations", "finalizers") if metadata.get(key)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{name(replicaset)}-",
            "namespace": namespace(replicaset),
            "ownerReferences": [owned_by(replicaset)],
            **kept,
        },
        "spec": template["spec"],
    }


def status(seen: Crew) -> Manifest:
    """The status that fits the pods there are."""
    template = seen.replicaset["spec"]["template"]
    marks = {"matchLabels": (template.get("metadata") or {}).get("labels") or {}}
    waits = [available_in(each, seen.min_ready_seconds, seen.now) for each in seen.pods]
    numbers = {
        "fullyLabeledReplicas": sum(matches(marks, labels(each)) for each in seen.pods),
        "readyReplicas": sum(map(is_ready, seen.pods)),
        "availableReplicas": sum(wait == 0 for wait in waits),
    }
    generation = seen.replicaset["metadata"].get("generation", 0)
    kept = {field: number for field, number in numbers.items() if number}
    return {"observedGeneration": generation, "replicas": len(seen.pods), **kept}


def next_available(seen: Crew) -> float | None:
    """Seconds until the next ready pod has been ready long enough; None if none is waiting."""
    waits = [available_in(each, seen.min_ready_seconds, seen.now) for each in seen.pods]
    return min((wait for wait in waits if wait), default=None)


def _status(seen: Crew) -> Iterator[Write]:
    if changes := changed(seen.replicaset.get("status") or {}, status(seen)):
        yield merge(seen.replicaset, {"status": changes}, "status")


class ReplicaSets:
    """The controller: what changed → which ReplicaSet → its next writes."""

    def __init__(self, caches: Caches, hand: Hand, now: Callable[[], datetime]) -> None:
        self._caches, self._hand, self._now = caches, hand, now
        self._queue: Queue[tuple[str, str]] = Queue()
        caches.subscribe(REPLICA_SET, lambda changed: self._queue.add(key_of(changed)))
        caches.subscribe(POD, self._pod_changed)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(work("replicaset", self._queue, self.reconcile))

    async def reconcile(self, key: tuple[str, str]) -> float | None:
        """One step for one ReplicaSet; returns when to look again if nothing changes until then."""
        replicaset = self._caches.get(REPLICA_SET, *key)
        if replicaset is None:
            return None
        found = claim(replicaset, filter(is_active, self._caches.list(POD, key[0])))
        if found.adopt or found.release:
            await self._hand.apply(claims(found, replicaset))
            return 0.0
        seen = Crew(replicaset, found.owned, self._now())
        writes = desired(seen)
        await self._hand.apply(writes)
        if any(isinstance(write, Create) for write in writes):
            return 0.0  # count again, with the pods that are there now
        return next_available(seen)

    def _pod_changed(self, changed: Object) -> None:
        owner = controller(changed.manifest())
        if owner and owner["kind"] == "ReplicaSet":
            self._queue.add((changed.namespace, owner["name"]))
        elif not owner:
            for replicaset in self._caches.of(REPLICA_SET).list(changed.namespace):
                self._queue.add(key_of(replicaset))
