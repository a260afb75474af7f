"""Stand-ins for the controllers of Deployments and DaemonSets, and for the collector of what lost its owner.

Pods are no objects here: they are the truth that statuses tell of and that the probe looks at. They follow a write
within that very write; the status comes by a request, as a controller's does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from tests.disasters.plane import Plane, Written
from tests.disasters.pods import NEVER, Crew

from davy.kube.client import Client
from davy.kube.errors import Conflict, NotFound
from davy.kube.kinds import Kind

Manifest = dict[str, Any]
Key = tuple[str, str, str]
"""Collection, namespace, name."""

DEPLOYMENTS, DAEMONS, NAMESPACES = "deployments.apps", "daemonsets.apps", "namespaces"
KINDS = {DEPLOYMENTS: Kind("apps/v1", "Deployment"), DAEMONS: Kind("apps/v1", "DaemonSet")}
NODES = 2
"""Nodes on which a DaemonSet runs that does not choose."""
FOREGROUND = "foregroundDeletion"
GRAIN = 1e-5
"""Seconds: what is due by then has come, however the clock was rounded."""


class Workloads:
    """`run` until it is cancelled. `changed` is called whenever a pod may have begun or ceased to serve."""

    def __init__(self, plane: Plane, client: Client, begin: datetime, changed: Callable[[], None]) -> None:
        self.crews: dict[Key, Crew] = {}
        self._plane = plane
        self._client = client
        self._begin = begin
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._dirty: asyncio.Queue[Key] = asyncio.Queue()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        for collection in KINDS:
            plane.hear(collection, self._heard)

    @property
    def _now(self) -> float:
        return self._loop.time() + GRAIN

    def crew(self, name: str, namespace: str = "test") -> Crew:
        """The pods of the Deployment or DaemonSet of that name, made or to be made."""
        held = [key for key in self.crews if key[1:] == (namespace, name)]
        key = held[0] if held else (DEPLOYMENTS, namespace, name)
        return self.crews.setdefault(key, Crew(primary=name.endswith("-primary")))

    def ready(self, name: str) -> int:
        """How many of its pods serve now."""
        return len(self.crew(name).serving(self._now))

    def kill(self, name: str, seconds: float, count: int = 1_000) -> None:
        """So many of its pods die; the pods in their place serve after so many seconds."""
        now = self._now
        self.crew(name).lose(count, now, seconds)
        for key in [key for key in self.crews if key[2] == name]:
            self._look(key)

    def hold(self, name: str, held: bool = True) -> None:
        """No node takes new pods of it (or all do again, and those that waited start)."""
        crew = self.crew(name)
        crew.held = held
        if not held:
            crew.pods = [pod for pod in crew.pods if pod.ready_at is not NEVER]
        for key in [key for key in self.crews if key[2] == name]:
            self._look(key)

    def serving(self, namespace: str, selector: Manifest) -> int:
        """Pods that serve and have these labels."""
        now, found = self._now, 0
        for (_, place, _), crew in self.crews.items():
            if place == namespace:
                found += sum(matches(selector, pod.template) for pod in crew.serving(now))
        return found

    async def run(self) -> None:
        while True:
            key = await self._dirty.get()
            await self._show(key)

    # -- what happens to pods

    def _heard(self, written: Written) -> None:
        key = (written.event.collection, *written.event.key)
        if written.event.type == "DELETED":
            self.crews.pop(key, None)
            self._changed()
        else:
            self._look(key)

    def _look(self, key: Key) -> None:
        """The pods become what the object says."""
        live = self._plane.get(*key)
        if live is None:
            return
        crew = self.crews.setdefault(key, Crew(primary=key[2].endswith("-primary")))
        before, now = crew.started, self._now
        recreate = live["spec"].get("strategy", {}).get("type") == "Recreate"
        crew.ordered(live["spec"]["template"], wanted(key, live), now, recreate=recreate)
        if status_of(key, live, crew, now, self._time) != live.get("status") or crew.started != before:
            self._dirty.put_nowait(key)
        self._arm(key, crew.next_change(live, now))
        self._changed()

    def _arm(self, key: Key, moment: float) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if moment < NEVER:
            self._timers[key] = self._loop.call_at(moment, self._look, key, context=self._plane.nobodys)

    def _time(self, second: float) -> str:
        return (self._begin + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _show(self, key: Key) -> None:
        live, crew = self._plane.get(*key), self.crews.get(key)
        if live is None or crew is None:
            return
        status = status_of(key, live, crew, self._now, self._time)
        if status != live.get("status"):
            body = [{"op": "add", "path": "/status", "value": status}]
            with suppress(NotFound, Conflict):
                await self._client.patch(KINDS[key[0]], key[1], key[2], body, content="json", subresource="status")


def wanted(key: Key, live: Manifest) -> int:
    """Pods that the object asks for."""
    if key[0] == DEPLOYMENTS:
        return int(live["spec"].get("replicas", 1))
    return 0 if live["spec"]["template"]["spec"].get("nodeSelector") else NODES


def matches(selector: Manifest, template: Manifest) -> bool:
    labels = template["metadata"].get("labels") or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def status_of(key: Key, live: Manifest, crew: Crew, now: float, time: Callable[[float], str]) -> Manifest:
    counts = {"observedGeneration": live["metadata"]["generation"]}
    ready, fresh = len(crew.serving(now)), crew.fresh()
    if key[0] == DAEMONS:
        pods = len(fresh)
        return {
            **counts,
            "desiredNumberScheduled": pods,
            "currentNumberScheduled": pods,
            "numberMisscheduled": 0,
            "updatedNumberScheduled": pods,
            "numberReady": ready,
            **nonzero(numberAvailable=ready, numberUnavailable=max(pods - ready, 0)),
        }
    return {
        **counts,
        **nonzero(
            replicas=len(crew.pods),
            updatedReplicas=len(fresh),
            readyReplicas=ready,
            availableReplicas=ready,
            unavailableReplicas=len(crew.pods) - ready,
        ),
        "conditions": [available(crew, time), progressing(live, crew, now, time)],
    }


def nonzero(**counts: int) -> Manifest:
    """As the real server shows them: zeros are left out."""
    return {name: count for name, count in counts.items() if count}


def available(crew: Crew, time: Callable[[float], str]) -> Manifest:
    if crew.short_since is None:
        return condition("Available", "True", "MinimumReplicasAvailable", time(crew.progress_at))
    return condition("Available", "False", "MinimumReplicasUnavailable", time(crew.short_since))


def progressing(live: Manifest, crew: Crew, now: float, time: Callable[[float], str]) -> Manifest:
    if crew.complete:
        return condition("Progressing", "True", "NewReplicaSetAvailable", time(crew.progress_at))
    if now >= crew.overdue_at(live):
        return condition("Progressing", "False", "ProgressDeadlineExceeded", time(crew.overdue_at(live)))
    return condition("Progressing", "True", "ReplicaSetUpdated", time(crew.progress_at))


def condition(kind: str, status: str, reason: str, at: str) -> Manifest:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": reason,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }


class Collector:
    """Removes what lost its last owner, and what stands in a namespace that is being deleted."""

    def __init__(self, plane: Plane, client: Client, collections: dict[str, Kind]) -> None:
        self._plane = plane
        self._client = client
        self._collections = collections
        self._news: asyncio.Queue[Written] = asyncio.Queue()
        for collection in (*collections, NAMESPACES):
            plane.hear(collection, self._news.put_nowait)

    async def run(self) -> None:
        while True:
            news = await self._news.get()
            manifest = news.event.entry.manifest
            if news.event.type == "DELETED":
                await self._remove(self._orphans(manifest["metadata"]["uid"]))
            elif FOREGROUND in (manifest["metadata"].get("finalizers") or ()):
                await self._foreground(manifest)
            for (_, name), entry in list(self._plane.items(NAMESPACES).items()):
                if entry.manifest["metadata"].get("deletionTimestamp"):
                    await self._empty(entry.manifest, name)

    async def _empty(self, namespace: Manifest, name: str) -> None:
        left = list(self._within(name))
        if not left:
            with suppress(NotFound, Conflict):
                await self._client.replace({**namespace, "spec": {"finalizers": []}}, subresource="finalize")
        await self._remove(each for each in left if not self._leaves(*each))

    async def _foreground(self, owner: Manifest) -> None:
        """What blocks the owner's end goes before it."""
        metadata, kind = owner["metadata"], Kind(owner["apiVersion"], owner["kind"])
        await self._remove(self._blocking(metadata["uid"]))
        rest = [name for name in metadata["finalizers"] if name != FOREGROUND]
        with suppress(NotFound, Conflict):
            body = {"metadata": {"finalizers": rest, "resourceVersion": metadata["resourceVersion"]}}
            await self._client.patch(kind, metadata["namespace"], metadata["name"], body, content="merge")

    def _blocking(self, uid: str) -> Iterator[tuple[Kind, str, str]]:
        for kind, key, manifest in self._all():
            owners = manifest["metadata"].get("ownerReferences") or ()
            if any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in owners):
                yield kind, *key

    async def _remove(self, found: Iterable[tuple[Kind, str, str]]) -> None:
        for kind, namespace, name in list(found):
            with suppress(NotFound):
                await self._client.delete(kind, namespace, name, propagation="Background")

    def _all(self) -> Iterator[tuple[Kind, tuple[str, str], Manifest]]:
        for collection, kind in self._collections.items():
            for key, entry in self._plane.items(collection).items():
                yield kind, key, entry.manifest

    def _within(self, namespace: str) -> Iterator[tuple[Kind, str, str]]:
        return ((kind, *key) for kind, key, _ in self._all() if key[0] == namespace)

    def _leaves(self, kind: Kind, namespace: str, name: str) -> bool:
        held = {(kind, *key): manifest for kind, key, manifest in self._all()}
        return "deletionTimestamp" in held[kind, namespace, name]["metadata"]

    def _orphans(self, uid: str) -> Iterator[tuple[Kind, str, str]]:
        uids = {manifest["metadata"]["uid"] for _, _, manifest in self._all()}
        for kind, key, manifest in self._all():
            owners = {owner["uid"] for owner in manifest["metadata"].get("ownerReferences") or ()}
            if uid in owners and not owners & uids:
                yield kind, *key
