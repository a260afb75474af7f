"""The world as the caches hold it: objects by address, and which canaries depend on each."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable

import msgspec
import structlog

from davy.api.canary import API_VERSION
from davy.api.ref import Manifest, Ref
from davy.controller.queue import Key
from davy.kube.cache import Cache, Change
from davy.kube.client import Client
from davy.kube.kinds import Kind
from davy.kube.objects import Object, older

CANARY = Kind(API_VERSION, "Canary")
METRIC_TEMPLATE = Kind(API_VERSION, "MetricTemplate")
FAULT_PAUSE = 5.0
"""Seconds before a watch that died of a fault is begun anew."""

log = structlog.get_logger("davy")


class World:
    """A cache per kind, begun when the first canary needs it."""

    def __init__(self, client: Client, namespace: str | None, wake: Callable[[Key], None]) -> None:
        self._client = client
        self._namespace = namespace
        self.wake = wake
        self._caches: dict[Kind, Cache] = {}
        self._running: dict[Kind, asyncio.Task[None]] = {}
        self._readers: defaultdict[Ref, set[Key]] = defaultdict(set)
        self._reads: dict[Key, frozenset[Ref]] = {}
        self._expected: dict[Ref, str] = {}

    def watch(self, kind: Kind) -> Cache:
        """The cache of that kind, begun if it is not there yet."""
        if kind not in self._caches:
            self._caches[kind] = cache = Cache(self._client, kind, self._namespace)
            cache.subscribe(self._changed)
            self._running[kind] = asyncio.create_task(self._kept(cache), name=f"watch {kind.kind}")
        return self._caches[kind]

    async def close(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def get(self, ref: Ref) -> Manifest | None:
        found = self.find(ref)
        return found.manifest() if found else None

    def find(self, ref: Ref) -> Object | None:
        cache = self._caches.get(Kind(ref.api_version, ref.kind))
        return cache.get(ref.namespace, ref.name) if cache else None

    def put(self, ref: Ref, reply: msgspec.Raw) -> None:
        """The reply to our own write: no tick may start from a state older than it."""
        self.watch(Kind(ref.api_version, ref.kind)).put(bytes(reply))

    def expect(self, ref: Ref, resource_version: str) -> None:
        """A write whose reply was not the object itself: until the watch brings it, what we hold is old."""
        self._expected[ref] = resource_version

    def behind(self, ref: Ref) -> bool:
        """Whether we hold a state of the object that is older than our last write to it."""
        expected, found = self._expected.get(ref), self.find(ref)
        if expected is None or found is None:
            return False
        if older(found.resource_version, expected):
            return True
        del self._expected[ref]
        return False

    def depend(self, key: Key, refs: Iterable[Ref]) -> None:
        """From now on a change of any of these wakes the canary."""
        now, before = frozenset(refs), self._reads.get(key, frozenset())
        for ref in before - now:
            self._readers[ref].discard(key)
            if not self._readers[ref]:
                del self._readers[ref]
        for ref in now - before:
            self._readers[ref].add(key)
            self.watch(Kind(ref.api_version, ref.kind))
        self._reads[key] = now

    def forget(self, key: Key) -> None:
        self.depend(key, ())
        self._reads.pop(key, None)

    def readers(self, ref: Ref) -> frozenset[Key]:
        """The canaries that depend on the object."""
        return frozenset(self._readers.get(ref, ()))

    def unsynced(self, refs: Iterable[Ref]) -> Kind | None:
        """A kind among those needed that has not been listed yet."""
        kinds = {Kind(ref.api_version, ref.kind) for ref in refs}
        return next((kind for kind in kinds if not self.watch(kind).synced.is_set()), None)

    async def _kept(self, cache: Cache) -> None:
        told = asyncio.create_task(self._first_list(cache))
        try:
            while True:
                await self._run(cache)
        finally:
            told.cancel()

    async def _run(self, cache: Cache) -> None:
        """A watch that dies of a fault is begun anew: an operator that went on without it would be blind."""
        try:
            await cache.run()
        except Exception:
            log.exception("a fault in davy; please report it", watch=str(cache.kind))
            await asyncio.sleep(FAULT_PAUSE)

    async def _first_list(self, cache: Cache) -> None:
        """An empty first list tells no change; whoever waited for it must hear of it all the same."""
        await cache.synced.wait()
        for ref, keys in list(self._readers.items()):
            if (ref.api_version, ref.kind) == cache.kind:
                for key in keys:
                    self.wake(key)

    def _changed(self, change: Change) -> None:
        found = change.object
        if found.kind == CANARY:
            self.wake((found.namespace, found.name))
        for key in self._readers.get(Ref(*found.kind, found.namespace, found.name), ()):
            self.wake(key)
