"""Everything there is: the metadata of every object that can be deleted, of whatever kind the cluster serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.kinds import CUSTOM_RESOURCE_DEFINITION, EVENT
from davy.kube.client import Client
from davy.kube.errors import KubeError
from davy.kube.kinds import Kind
from davy.kube.objects import Change, Object

NEEDED = frozenset({"list", "watch", "delete"})
RETRY = 1.0  # seconds


class Served(msgspec.Struct, frozen=True):
    """A resource as discovery tells it."""

    name: str
    kind: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ()


class _Resources(msgspec.Struct, frozen=True):
    resources: tuple[Served, ...] = ()


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    group_version: str


class _Group(msgspec.Struct, frozen=True, rename="camel"):
    preferred_version: _Version


class _Groups(msgspec.Struct, frozen=True):
    groups: tuple[_Group, ...] = ()


async def served(client: Client) -> dict[Kind, Served]:
    """The kinds whose objects can be listed, watched and deleted, each in its preferred version."""
    found = {}
    groups = msgspec.json.decode(await client.request("GET", "/apis"), type=_Groups).groups
    for version in ("v1", *(group.preferred_version.group_version for group in groups)):
        body = await client.request("GET", Kind(version, "").root)
        for each in msgspec.json.decode(body, type=_Resources).resources:
            if "/" not in each.name and set(each.verbs) >= NEEDED:
                found[Kind(version, each.kind)] = each
    return found


class Inventory:
    """Watches all kinds; a kind that comes with a CustomResourceDefinition is watched from then on.

    complete: set while every kind that is served has been listed. Before that nobody may conclude from what is missing.
    """

    def __init__(self, client: Client, caches: Caches) -> None:
        self._client, self._caches = client, caches
        self._told: list[Callable[[Change], None]] = []
        self._watched: dict[Kind, Served] = {}
        self._stale = asyncio.Event()
        self.complete = asyncio.Event()
        caches.of(CUSTOM_RESOURCE_DEFINITION).subscribe(self._kinds_moved)

    def _kinds_moved(self, _: Change) -> None:
        self._stale.set()
        self.complete.clear()

    def subscribe(self, told: Callable[[Change], None]) -> None:
        """Be told of every change of every object. Subscribe before `run`."""
        self._told.append(told)

    def within(self, namespace: str) -> list[Object]:
        """All objects of a namespace that are known."""
        return [
            each
            for kind, resource in self._watched.items()
            if resource.namespaced
            for each in self._caches.of(kind, metadata_only=True).list(namespace)
        ]

    async def run(self) -> None:
        """Keep the list of kinds up to date for ever."""
        while True:
            self._stale.clear()
            try:
                await self._refresh(await served(self._client))
            except KubeError:
                await asyncio.sleep(RETRY)
                continue
            if not self._stale.is_set():
                self.complete.set()
            await self._stale.wait()

    async def _refresh(self, kinds: dict[Kind, Served]) -> None:
        for kind in self._watched.keys() - kinds.keys():
            self._forget(kind)
        for kind in kinds.keys() - self._watched.keys() - {EVENT}:
            cache = self._caches.of(kind, metadata_only=True)
            for each in cache.list():
                self._tell(Change("ADDED", each))
            cache.subscribe(self._tell)
            self._watched[kind] = kinds[kind]
            await self._first_of(cache.synced, self._stale)

    async def _first_of(self, *events: asyncio.Event) -> None:
        """A kind that is gone before it was listed is never listed, but its definition's end makes us stale."""
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _forget(self, kind: Kind) -> None:
        gone = self._caches.of(kind, metadata_only=True).list()
        self._caches.drop(kind, metadata_only=True)
        del self._watched[kind]
        for each in gone:
            self._tell(Change("DELETED", each, each))

    def _tell(self, change: Change) -> None:
        for told in self._told:
            told(change)
