"""Stand-ins for the controllers that a bare control plane lacks: Deployments, DaemonSets and Knative Services.

A workload's fate is written in its first container's image tag:
  1.2          ready READY_SECONDS after the change
  slow12-x     ready after 12 seconds
  bad-x        never becomes ready
  pbad-x       never becomes ready in objects named *-primary, fine elsewhere
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from tests.oracle.kinds import Json
from tests.oracle.kube import Kube, RefusedError

READY_SECONDS = 1.5
NOTICE_SECONDS = 0.3
"""How long a controller takes to notice a change."""
DEADLINE_SECONDS = 600


class Key(NamedTuple):
    """Whose status it is."""

    kind: str
    namespace: str
    name: str


class Workloads:
    """Plays the controllers for all namespaces at once; told of changes by the watches of the recording."""

    def __init__(self, kube: Kube, tell: Callable[[str], None]) -> None:
        self._kube = kube
        self._tell = tell
        self._generations: dict[Key, int] = {}
        self._served: dict[Key, Served] = {}
        self._revisions: dict[Key, list[tuple[str, str]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._roles: Mapping[str, Callable[[Key, Json], Awaitable[None]]] = {
            "Deployment": self._deployment,
            "DaemonSet": self._daemonset,
            "Service@knative": self._knative,
        }

    def seen(self, kind: str, change: str, manifest: Json) -> None:
        """A workload was changed: a roll-out begins unless this generation has one already."""
        meta = manifest["metadata"]
        key = Key(kind, meta.get("namespace", ""), meta["name"])
        if kind not in self._roles or change == "DELETED" or self._generations.get(key) == meta["generation"]:
            return
        self._generations[key] = meta["generation"]
        task = asyncio.create_task(self._roll(key, manifest))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends the roll-outs under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _roll(self, key: Key, manifest: Json) -> None:
        await asyncio.sleep(NOTICE_SECONDS)
        try:
            if self._current(key, manifest):
                await self._roles[key.kind](key, manifest)
        except RefusedError as error:
            self._tell(f"stand-in of {key.kind} {key.namespace}/{key.name}: {error}")

    def _current(self, key: Key, manifest: Json) -> bool:
        return bool(self._generations[key] == manifest["metadata"]["generation"])

    async def _put(self, key: Key, status: Json) -> None:
        await self._kube.merge(key.kind, key.namespace, key.name, {"status": status}, "status")

    async def _deployment(self, key: Key, manifest: Json) -> None:
        rollout = Rollout(manifest, self._served.get(key, Served(0, "")))
        if rollout.instant:
            return await self._finished(key, rollout)
        await self._put(key, rollout.under_way())
        wait, deadline = seconds_to_ready(manifest), rollout.deadline
        await asyncio.sleep(min(wait, deadline))
        if not self._current(key, manifest):
            return None
        if wait > deadline:
            return await self._put(key, rollout.overdue())
        return await self._finished(key, rollout)

    async def _finished(self, key: Key, rollout: "Rollout") -> None:
        self._served[key] = Served(rollout.wanted, rollout.template)
        await self._put(key, rollout.finished())

    async def _daemonset(self, key: Key, manifest: Json) -> None:
        pods = 0 if manifest["spec"]["template"]["spec"].get("nodeSelector") else 1
        wait = seconds_to_ready(manifest)
        if pods:
            await self._put(key, daemons(manifest, pods, ready=0))
            if wait == float("inf"):
                return
            await asyncio.sleep(wait)
        if self._current(key, manifest):
            await self._put(key, daemons(manifest, pods, ready=pods))

    async def _knative(self, key: Key, manifest: Json) -> None:
        latest = await self._revision(key, manifest)
        traffic = manifest["spec"].get("traffic") or [{"latestRevision": True, "percent": 100}]
        status = {
            "observedGeneration": manifest["metadata"]["generation"],
            "latestCreatedRevisionName": latest,
            "latestReadyRevisionName": latest,
            "traffic": [each | ({"revisionName": latest} if each.get("latestRevision") else {}) for each in traffic],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now()}],
        }
        await self._put(key, status)

    async def _revision(self, key: Key, manifest: Json) -> str:
        """The name of the template's Revision, made if the template is a new one."""
        template = json.dumps(manifest["spec"]["template"], sort_keys=True)
        revisions = self._revisions.setdefault(key, [])
        if not revisions or revisions[-1][1] != template:
            name = f"{key.name}-{len(revisions) + 1:05d}"
            revisions.append((name, template))
            await self._make_revision(key, name, manifest)
        return revisions[-1][0]

    async def _make_revision(self, key: Key, name: str, manifest: Json) -> None:
        revision = {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Revision",
            "metadata": {"name": name, "namespace": key.namespace},
            "spec": manifest["spec"]["template"]["spec"],
        }
        await self._kube.create(revision, key.namespace)
        ready = "False" if seconds_to_ready(manifest) == float("inf") else "True"
        ready_condition = {"type": "Ready", "status": ready, "lastTransitionTime": now()}
        status = {"observedGeneration": 1, "conditions": [ready_condition]}
        await self._kube.merge("Revision@knative", key.namespace, name, {"status": status}, "status")


class Served(NamedTuple):
    """What of a Deployment was ready last: so many pods of that template."""

    pods: int
    template: str


class Rollout:
    """One generation of a Deployment, from the pods that served before to its own; its statuses."""

    def __init__(self, manifest: Json, before: Served) -> None:
        self.wanted = int(manifest["spec"].get("replicas", 1))
        self.template = json.dumps(manifest["spec"]["template"], sort_keys=True)
        self.deadline = float(manifest["spec"].get("progressDeadlineSeconds", DEADLINE_SECONDS))
        self._generation = manifest["metadata"]["generation"]
        self._same = before.template == self.template
        self._old = min(before.pods, self.wanted)

    @property
    def instant(self) -> bool:
        """Whether no pod has to become ready."""
        return self.wanted == 0 or (self._same and self._old == self.wanted)

    def under_way(self) -> Json:
        return {
            "observedGeneration": self._generation,
            "replicas": self.wanted + (0 if self._same else self._old),
            "updatedReplicas": self.wanted,
            "readyReplicas": self._old,
            "availableReplicas": self._old,
            "unavailableReplicas": self.wanted,
            "conditions": [self._available(), condition("Progressing", "True", "ReplicaSetUpdated")],
        }

    def overdue(self) -> Json:
        return {"conditions": [self._available(), condition("Progressing", "False", "ProgressDeadlineExceeded")]}

    def finished(self) -> Json:
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        return {
            "observedGeneration": self._generation,
            **dict.fromkeys(counts, self.wanted),
            "unavailableReplicas": None,
            "conditions": [
                condition("Available", "True", "MinimumReplicasAvailable"),
                condition("Progressing", "True", "NewReplicaSetAvailable"),
            ],
        }

    def _available(self) -> Json:
        """Old pods count as available until the new ones are ready."""
        if self._old:
            return condition("Available", "True", "MinimumReplicasAvailable")
        return condition("Available", "False", "MinimumReplicasUnavailable")


def daemons(manifest: Json, pods: int, *, ready: int) -> Json:
    """The status of a DaemonSet that wants so many pods and has so many ready."""
    return {
        "observedGeneration": manifest["metadata"]["generation"],
        "desiredNumberScheduled": pods,
        "currentNumberScheduled": pods,
        "numberMisscheduled": 0,
        "updatedNumberScheduled": pods,
        "numberReady": ready,
        "numberAvailable": ready,
        "numberUnavailable": pods - ready,
    }


def seconds_to_ready(manifest: Json) -> float:
    """The fate that the image's tag tells; infinite for what never becomes ready."""
    tag = manifest["spec"]["template"]["spec"]["containers"][0]["image"].rsplit(":", 1)[-1]
    primary = manifest["metadata"]["name"].endswith("-primary")
    if tag.startswith("bad") or (tag.startswith("pbad") and primary):
        return float("inf")
    slow = re.match(r"slow(\d+)", tag)
    return float(slow.group(1)) if slow else READY_SECONDS


def condition(kind: str, status: str, reason: str) -> Json:
    at = now()
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": reason,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
