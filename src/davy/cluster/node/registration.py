"""The Node object: what the cluster knows of this node, and the pods that are bound to it."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable
from datetime import datetime

import msgspec

from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.kinds import NODE, POD
from davy.cluster.workloads.objects import Manifest, format_time, name, namespace, uid
from davy.kube.client import Client
from davy.kube.errors import AlreadyExists, Conflict, NotFound

VERSION = "v1.34.0"
PODS = 250


async def register(client: Client, node: str, now: Callable[[], datetime]) -> None:
    """Create the Node, or take over the one of this name, and say that it is ready."""
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node, "labels": {"kubernetes.io/hostname": node, "kubernetes.io/os": "linux"}},
        "spec": {},
    }
    with contextlib.suppress(AlreadyExists):
        await client.create(manifest)
    await client.patch(NODE, None, node, {"status": _status(now())}, content="merge", subresource="status")


def _status(now: datetime) -> Manifest:
    capacity = {"cpu": str(os.cpu_count() or 1), "pods": str(PODS)}
    times = {"lastHeartbeatTime": format_time(now), "lastTransitionTime": format_time(now)}
    ready = {"type": "Ready", "status": "True", "reason": "NodeReady", "message": "pods run as processes", **times}
    return {
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": [ready],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": platform.node()}],
        "nodeInfo": {
            "architecture": platform.machine(),
            "operatingSystem": platform.system().lower(),
            "osImage": platform.platform(),
            "kernelVersion": platform.release(),
            "kubeletVersion": VERSION,
            "containerRuntimeVersion": "davy://processes",
        },
    }


async def bind(client: Client, caches: Caches, pod: Manifest, node: str) -> None:
    """Give a pod to a node, as a scheduler does; nothing happens if somebody else was quicker, or the pod is gone."""
    path = f"/api/v1/namespaces/{namespace(pod)}/pods/{name(pod)}/binding"
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    metadata = {"name": name(pod), "namespace": namespace(pod), "uid": uid(pod)}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
    try:
        await client.request("POST", path, body=msgspec.json.encode(binding))
    except Conflict:
        return
    except NotFound:
        await _claim(client, caches, pod, node)


async def _claim(client: Client, caches: Caches, pod: Manifest, node: str) -> None:
    body = {"metadata": {"uid": uid(pod)}, "spec": {"nodeName": node}}
    try:
        raw = await client.patch(POD, namespace(pod), name(pod), body, content="merge", type=msgspec.Raw)
    except (Conflict, NotFound):
        return
    caches.put(POD, bytes(raw))
