"""What a controller wants written, as values; and the one place where such values become requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, assert_never

import msgspec

from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.events import Events, Tell
from davy.cluster.workloads.objects import Manifest, name, namespace, uid
from davy.kube.client import Client
from davy.kube.errors import NotFound
from davy.kube.kinds import Kind


@dataclass(frozen=True, slots=True)
class Create:
    """A new object."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge patch to an object; nothing happens if it is gone."""

    kind: Kind
    namespace: str
    name: str
    body: Mapping[str, Any]
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Remove:
    """The end of an object, if it is still the one with this uid."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    propagation: str | None = None


Write = Create | Merge | Remove | Tell


def merge(manifest: Manifest, body: Mapping[str, Any], subresource: str = "") -> Merge:
    return Merge(Kind.of(manifest), namespace(manifest), name(manifest), body, subresource)


def remove(manifest: Manifest, propagation: str | None = None) -> Remove:
    return Remove(Kind.of(manifest), namespace(manifest), name(manifest), uid(manifest), propagation)


class Hand:
    """Carries out writes in order (neighbours of one sort at once) and puts the answers into the caches."""

    def __init__(self, client: Client, caches: Caches, events: Events) -> None:
        self._client, self._caches, self._events = client, caches, events

    async def apply(self, writes: Iterable[Write]) -> None:
        """Raises KubeError; what came before the failed write is done, what comes after is not."""
        for _, alike in groupby(writes, type):
            await asyncio.gather(*map(self._one, alike))

    async def _one(self, write: Write) -> None:
        match write:
            case Create(manifest):
                raw = await self._client.create(manifest, type=msgspec.Raw)
                self._caches.put(Kind.of(manifest), bytes(raw))
            case Merge():
                await self._merge(write)
            case Remove():
                await self._remove(write)
            case Tell():
                self._events.tell(write)
            case _:
                assert_never(write)

    async def _merge(self, write: Merge) -> None:
        try:
            raw = await self._client.patch(
                write.kind,
                write.namespace or None,
                write.name,
                write.body,
                content="merge",
                subresource=write.subresource,
                type=msgspec.Raw,
            )
        except NotFound:
            return
        self._caches.put(write.kind, bytes(raw))

    async def _remove(self, write: Remove) -> None:
        self._caches.removing(write.kind, write.uid)
        try:
            await self._client.delete(
                write.kind, write.namespace or None, write.name, uid=write.uid, propagation=write.propagation
            )
        except NotFound:
            return
        except BaseException:
            self._caches.removed(write.uid)
            raise
