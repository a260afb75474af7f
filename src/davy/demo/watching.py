"""Feeds the scene from the cluster: one cache for each kind that the story needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from davy.api.canary import Canary
from davy.demo.manifests import NAMESPACE
from davy.demo.scene import Scene
from davy.demo.seen import Deployment, EndpointSlice, KubeEvent, Pod
from davy.kube.cache import Cache, Change
from davy.kube.client import Client
from davy.kube.kinds import Kind

CANARY = Kind("flagger.app/v1beta1", "Canary")
T = TypeVar("T")
Take = Callable[[Scene, Change], None]


def caches(client: Client, scene: Scene) -> list[Cache]:
    """Caches whose changes go to the scene; the caller runs them."""
    return [_cache(client, scene, kind, take) for kind, take in TAKES.items()]


def _cache(client: Client, scene: Scene, kind: Kind, take: Take) -> Cache:
    cache = Cache(client, kind, NAMESPACE)
    cache.subscribe(lambda change: take(scene, change))
    return cache


def _canary(scene: Scene, change: Change) -> None:
    canary = _read(change, Canary)
    if canary and change.type != "DELETED":
        scene.take_canary(canary)


def _deployment(scene: Scene, change: Change) -> None:
    deployment = _read(change, Deployment)
    if deployment and change.type != "DELETED":
        scene.take_deployment(deployment)


def _endpoints(scene: Scene, change: Change) -> None:
    piece = _read(change, EndpointSlice)
    if piece:
        service = piece.metadata.labels.get("kubernetes.io/service-name", "")
        scene.take_endpoints(service, 0 if change.type == "DELETED" else piece.ready)


def _event(scene: Scene, change: Change) -> None:
    event = _read(change, KubeEvent)
    if event and change.type != "DELETED" and event.involved_object.kind == "Canary":
        scene.take_event(event.involved_object.name, event.message, warning=event.type != "Normal")


def _pod(scene: Scene, change: Change) -> None:
    pod = _read(change, Pod)
    if pod and pod.ready and not scene.first_pod:
        scene.first_pod = scene.clock()
        scene.take_event("cluster", f"the first pod serves: {pod.metadata.name}", warning=False)


def _read(change: Change, type_: type[T]) -> T | None:
    try:
        return msgspec.json.decode(change.object.raw, type=type_)
    except msgspec.DecodeError:
        return None  # whoever wrote that hears of it from the operator


TAKES: Mapping[Kind, Take] = {
    CANARY: _canary,
    Kind("apps/v1", "Deployment"): _deployment,
    Kind("discovery.k8s.io/v1", "EndpointSlice"): _endpoints,
    Kind("v1", "Event"): _event,
    Kind("v1", "Pod"): _pod,
}
