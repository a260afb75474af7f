"""EndpointSlices: for each Service with a selector, the addresses of its pods and what can be expected of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from davy.cluster.workloads.caches import Caches, key_of
from davy.cluster.workloads.kinds import ENDPOINT_SLICE, POD, SERVICE
from davy.cluster.workloads.objects import (
    Manifest,
    controller,
    is_ended,
    is_leaving,
    is_ready,
    labels,
    name,
    namespace,
    owned_by,
    uid,
)
from davy.cluster.workloads.queue import Queue, work
from davy.cluster.workloads.selectors import matches
from davy.cluster.workloads.writes import Create, Hand, Write, merge, remove
from davy.kube.objects import Object

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"


@dataclass(frozen=True, slots=True)
class Backing:
    """A Service, the pods of its namespace, and the slices it has."""

    service: Manifest
    pods: tuple[Manifest, ...]
    slices: tuple[Manifest, ...]


class Port(NamedTuple):
    """One port of a slice, as one group of pods offers it."""

    name: str
    port: int
    protocol: str


Ports = tuple[Port, ...]


def is_served(service: Manifest) -> bool:
    """Does a Service get slices from us? Without a selector somebody else writes them."""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def desired(seen: Backing) -> tuple[Write, ...]:
    """The next writes for a Service's slices; none if all is as it should be."""
    if not is_served(seen.service) or is_leaving(seen.service):
        return ()
    wanted = {name(each): each for each in slices(seen.service, seen.pods)}
    found = {name(each): each for each in seen.slices}
    return (*_written(wanted, found), *(remove(each) for key, each in found.items() if key not in wanted))


def _written(wanted: dict[str, Manifest], found: dict[str, Manifest]) -> Iterator[Write]:
    for key, each in wanted.items():
        if key not in found:
            yield Create(each)
        elif changes := {
            field: each[field] for field in ("endpoints", "ports") if each[field] != found[key].get(field)
        }:
            yield merge(found[key], changes)


def slices(service: Manifest, pods: Sequence[Manifest]) -> list[Manifest]:
    """One slice for all pods; more only where pods resolve a named port differently."""
    groups: dict[Ports, list[Manifest]] = {}
    for pod in pods:
        if _is_backing(service, pod):
            groups.setdefault(ports(service, pod), []).append(pod)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])) or [((), [])]
    return [_slice(service, resolved, members, place) for place, (resolved, members) in enumerate(ordered)]


def _is_backing(service: Manifest, pod: Manifest) -> bool:
    has_address = bool((pod.get("status") or {}).get("podIP"))
    return has_address and not is_ended(pod) and matches({"matchLabels": service["spec"]["selector"]}, labels(pod))


def ports(service: Manifest, pod: Manifest) -> Ports:
    """The Service's ports on this pod; one whose name the pod does not know is left out."""
    return tuple(
        Port(port.get("name", ""), number, port.get("protocol", "TCP"))
        for port in service["spec"].get("ports") or ()
        if (number := _resolved(port, pod)) is not None
    )


def _resolved(port: Manifest, pod: Manifest) -> int | None:
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    offered = [each for container in pod["spec"]["containers"] for each in container.get("ports") or ()]
    return next((each["containerPort"] for each in offered if each.get("name") == target), None)


def _slice(service: Manifest, resolved: Ports, pods: Sequence[Manifest], place: int) -> Manifest:
    digest = hashlib.sha256(f"{uid(service)}/{place}".encode()).hexdigest()[:5]
    early = bool(service["spec"].get("publishNotReadyAddresses"))
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name(service)}-{digest}",
            "namespace": namespace(service),
            "labels": {SERVICE_NAME: name(service), MANAGED_BY: CONTROLLER},
            "ownerReferences": [owned_by(service)],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod, early=early) for pod in sorted(pods, key=name)],
        "ports": [each._asdict() for each in resolved],
    }


def _endpoint(pod: Manifest, *, early: bool) -> Manifest:
    serving, terminating = is_ready(pod), is_leaving(pod)
    place = {"nodeName": pod["spec"]["nodeName"]} if pod["spec"].get("nodeName") else {}
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": early or (serving and not terminating), "serving": serving, "terminating": terminating},
        **place,
        "targetRef": {"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)},
    }


class EndpointSlices:
    """The controller: what changed → which Services → their next writes."""

    def __init__(self, caches: Caches, hand: Hand) -> None:
        self._caches, self._hand = caches, hand
        self._queue: Queue[tuple[str, str]] = Queue()
        caches.subscribe(SERVICE, lambda changed: self._queue.add(key_of(changed)))
        caches.subscribe(POD, self._pod_changed)
        caches.subscribe(ENDPOINT_SLICE, self._slice_changed)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(work("endpointslice", self._queue, self.reconcile))

    async def reconcile(self, key: tuple[str, str]) -> float | None:
        """Bring one Service's slices up to date."""
        service = self._caches.get(SERVICE, *key)
        if service is None:
            return None  # its slices are collected with their owner
        mine = [each for each in self._caches.list(ENDPOINT_SLICE, key[0]) if _belongs(each, service)]
        seen = Backing(service, tuple(pod.manifest() for pod in self._caches.of(POD).list(key[0])), tuple(mine))
        await self._hand.apply(desired(seen))
        return None

    def _pod_changed(self, pod: Object) -> None:
        for service in self._caches.of(SERVICE).list(pod.namespace):
            selector = service.manifest()["spec"].get("selector")
            if selector and matches({"matchLabels": selector}, pod.labels):
                self._queue.add(key_of(service))

    def _slice_changed(self, changed: Object) -> None:
        if changed.labels.get(MANAGED_BY) == CONTROLLER:
            self._queue.add((changed.namespace, changed.labels.get(SERVICE_NAME, "")))


def _belongs(each: Manifest, service: Manifest) -> bool:
    owner = controller(each)
    return labels(each).get(MANAGED_BY) == CONTROLLER and owner is not None and owner["uid"] == uid(service)
