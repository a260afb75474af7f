"""Stand-in for scheduler and kubelet: pods run nothing, and the tag of their image tells when they become ready.

    1.2        at once
    slow12-x   after 12 seconds
    bad-x      never
    pbad-x     never in a primary's pods, at once in others

All else is real: what a Deployment's or DaemonSet's status says is its controller's own.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.errors import Conflict, NotFound
from davy.kube.kinds import Kind
from davy.kube.objects import Change

POD = Kind("v1", "Pod")
NODE = "node-1"
LEAST = 0.2
"""Seconds from its making until a good pod is ready."""
FATES = re.compile(r"(slow(?P<seconds>\d+)|bad|pbad)-")

Manifest = dict[str, Any]


class Pods:
    """All pods of a cluster; `run` until it is cancelled. A pod's readiness may also be set by hand."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._cache = Cache(client, POD)
        self._cache.subscribe(self._changed)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._count = 0

    async def run(self) -> None:
        await self._client.apply(node())
        # A new node gets a taint until its kubelet says that it is ready; DaemonSets pass it by until then.
        await self._client.patch(Kind("v1", "Node"), None, NODE, {"spec": {"taints": None}}, content="merge")
        try:
            await self._cache.run()
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def set_ready(self, pod: Manifest, ready: bool) -> None:
        """What a probe of it says from now on."""
        metadata = pod["metadata"]
        await self._report(metadata["namespace"], metadata["name"], pod, self._address(), ready)

    def _changed(self, change: Change) -> None:
        found = change.object
        if change.type == "DELETED":
            return
        pod = found.manifest()
        if pod["metadata"].get("deletionTimestamp"):
            self._begin(f"{found.uid} ends", lambda: self._end(pod))
        elif not pod["spec"].get("nodeName"):
            self._begin(found.uid, lambda: self._live(pod))

    def _begin(self, name: str, work: Callable[[], Any]) -> None:
        if name not in self._busy:
            self._busy[name] = task = asyncio.create_task(work())
            task.add_done_callback(lambda _: self._busy.pop(name, None))

    async def _live(self, pod: Manifest) -> None:
        metadata = pod["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        delay, address = fate(pod), self._address()
        with suppress(NotFound, Conflict):  # deleted meanwhile
            await self._bind(namespace, name)
            if delay is None or delay > LEAST:
                await self._report(namespace, name, pod, address, ready=False)
            if delay is not None:
                await asyncio.sleep(delay)
                await self._report(namespace, name, pod, address, ready=True)

    async def _bind(self, namespace: str, name: str) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/binding"
        await self._client.request("POST", path, body=msgspec.json.encode(binding))

    async def _report(self, namespace: str, name: str, pod: Manifest, address: str, ready: bool) -> None:
        body = {"status": status(pod, address, ready)}
        await self._client.patch(POD, namespace, name, body, content="strategic", subresource="status")

    async def _end(self, pod: Manifest) -> None:
        metadata = pod["metadata"]
        with suppress(NotFound, Conflict):
            await self._client.delete(POD, metadata["namespace"], metadata["name"], uid=metadata["uid"], grace=0)

    def _address(self) -> str:
        self._count += 1
        return f"10.1.{self._count // 250 % 250}.{1 + self._count % 250}"


def fate(pod: Manifest) -> float | None:
    """Seconds until the pod is ready; None: never."""
    tag = pod["spec"]["containers"][0]["image"].rpartition(":")[2]
    found = FATES.match(tag)
    if found is None:
        return LEAST
    if found["seconds"]:
        return float(found["seconds"])
    return LEAST if tag.startswith("pbad-") and not is_primary(pod) else None


def is_primary(pod: Manifest) -> bool:
    """Whether it is a primary's: its labels say so, for a ReplicaSet or DaemonSet gives it no other name."""
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return any(value.endswith("-primary") for value in labels.values())


def is_ready(pod: Manifest) -> bool:
    """Whether it can take a request."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return not pod["metadata"].get("deletionTimestamp") and any(
        each["type"] == "Ready" and each["status"] == "True" for each in conditions
    )


def status(pod: Manifest, address: str, ready: bool) -> Manifest:
    """What a kubelet would say of it."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    word = "True" if ready else "False"
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
            {"type": "Initialized", "status": "True", "lastTransitionTime": now},
            {"type": "ContainersReady", "status": word, "lastTransitionTime": now},
            {"type": "Ready", "status": word, "lastTransitionTime": now},
        ],
        "containerStatuses": [container(each, now, ready) for each in pod["spec"]["containers"]],
    }


def container(spec: Manifest, now: str, ready: bool) -> Manifest:
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": spec["image"],
        "ready": ready,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": now}},
    }


def node() -> Manifest:
    """The one node, which is as large as anybody wants."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
