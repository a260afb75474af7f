"""The objects that the gateway follows, decoded once per change, and the world they make up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Set
from itertools import groupby
from typing import Generic, TypeVar

import msgspec
import structlog

from davy.cluster.gateway.backends import ServiceKey
from davy.cluster.gateway.endpoints import PodKey
from davy.cluster.gateway.objects import EndpointSlice, Gateway, GatewayClass, HTTPRoute, Service
from davy.cluster.gateway.status import CONTROLLER
from davy.cluster.gateway.translate import Socket, World
from davy.kube.cache import Cache, Change
from davy.kube.client import Client
from davy.kube.kinds import Kind

GATEWAY_CLASS = Kind("gateway.networking.k8s.io/v1", "GatewayClass")
GATEWAY = Kind("gateway.networking.k8s.io/v1", "Gateway")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute")
SERVICE = Kind("v1", "Service")
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice")
POD = Kind("v1", "Pod")
SERVICE_NAME = "kubernetes.io/service-name"

T = TypeVar("T", GatewayClass, Gateway, HTTPRoute, Service, EndpointSlice)
log = structlog.get_logger("davy.cluster.gateway")


class Shelf(Generic[T]):
    """One kind's objects as typed values."""

    def __init__(self, cache: Cache, type_: type[T], changed: Callable[[], None]) -> None:
        self.cache = cache
        self.items: dict[tuple[str, str], T] = {}
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_)
        self._changed = changed
        cache.subscribe(self._take)

    def _take(self, change: Change) -> None:
        key = change.object.namespace, change.object.name
        if change.type == "DELETED":
            self.items.pop(key, None)
        else:
            try:
                self.items[key] = self._decoder.decode(change.object.raw)
            except msgspec.DecodeError as error:
                # The last good version stays: an object that cannot be read must not take its traffic down.
                log.warning("object not understood", kind=str(self.cache.kind), object="/".join(key), error=str(error))
        self._changed()


class Shelves:
    """Everything that is followed. `run` keeps it in step; `changed` is called after every change."""

    def __init__(self, client: Client, changed: Callable[[], None]) -> None:
        self.classes = Shelf(Cache(client, GATEWAY_CLASS), GatewayClass, changed)
        self.gateways = Shelf(Cache(client, GATEWAY), Gateway, changed)
        self.routes = Shelf(Cache(client, HTTP_ROUTE), HTTPRoute, changed)
        self.services = Shelf(Cache(client, SERVICE), Service, changed)
        self.slices = Shelf(Cache(client, ENDPOINT_SLICE), EndpointSlice, changed)

    @property
    def _caches(self) -> tuple[Cache, ...]:
        shelves = (self.classes, self.gateways, self.routes, self.services, self.slices)
        return tuple(shelf.cache for shelf in shelves)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for cache in self._caches:
                group.create_task(cache.run())

    async def synced(self) -> None:
        for cache in self._caches:
            await cache.synced.wait()

    def our_classes(self) -> tuple[GatewayClass, ...]:
        return tuple(item for item in self.classes.items.values() if item.spec.controller_name == CONTROLLER)

    def world(self, *, drained: Set[PodKey], unusable: Mapping[Socket, str], address: str) -> World:
        ours = {item.metadata.name for item in self.our_classes()}
        return World(
            gateways=tuple(g for g in self.gateways.items.values() if g.spec.gateway_class_name in ours),
            routes=tuple(self.routes.items.values()),
            services=dict(self.services.items),
            slices=by_service(self.slices.items.values()),
            drained=drained,
            unusable=unusable,
            address=address,
        )


def by_service(slices: Iterable[EndpointSlice]) -> dict[ServiceKey, tuple[EndpointSlice, ...]]:
    ordered = sorted(slices, key=_owner)
    return {key: tuple(found) for key, found in groupby(ordered, key=_owner)}


def _owner(piece: EndpointSlice) -> ServiceKey:
    return piece.metadata.namespace, (piece.metadata.labels or {}).get(SERVICE_NAME, "")
