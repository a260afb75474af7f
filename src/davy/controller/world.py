"""The world as the caches hold it: objects by address, and which canaries depend on each."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec
import structlog

from davy.api.canary import API_VERSION
from davy.api.ref import Manifest, Ref
from davy.controller.contents import Contents
from davy.controller.queue import Key
from davy.controller.readers import Readers
from davy.kube.cache import Cache, Change
from davy.kube.client import Client
from davy.kube.kinds import Kind
from davy.kube.objects import Object, older

CANARY = Kind(API_VERSION, "Canary")
METRIC_TEMPLATE = Kind(API_VERSION, "MetricTemplate")
METADATA_ONLY = frozenset({Kind("v1", "ConfigMap"), Kind("v1", "Secret")})
"""Kinds that are watched without their content, which is read by name where it is needed."""
LISTING = 10.0
"""Seconds that the first list of a kind may take before it counts as not to be had."""
FAULT_PAUSE = 5.0
"""Seconds before a watch that died of a fault is begun anew."""
DECODED = 64
"""Objects that are kept decoded, 25 kB each: those of the ticks under way, which look at each of them many times."""

log = structlog.get_logger("davy")


class NotYet(Exception):  # noqa: N818 - a state of the world
    """What we hold does not show enough to decide on."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class World:
    """A cache per kind, begun when the first canary needs it."""

    def __init__(self, client: Client, namespace: str | None, wake: Callable[[Key], None]) -> None:
        self._client = client
        self._namespace = namespace
        self.wake = wake
        self._caches: dict[Kind, Cache] = {}
        self._running: dict[Kind, asyncio.Task[None]] = {}
        self._begun: dict[Kind, float] = {}
        self._readers = Readers()
        self._expected: dict[Ref, str] = {}
        self._decoded: OrderedDict[Ref, tuple[Object, Manifest]] = OrderedDict()
        self.contents = Contents(client, self.find, self._wake_readers)

    def watch(self, kind: Kind) -> Cache:
        """The cache of that kind, begun if it is not there yet."""
        if kind not in self._caches:
            metadata_only = kind in METADATA_ONLY
            self._caches[kind] = cache = Cache(self._client, kind, self._namespace, metadata_only=metadata_only)
            self._begun[kind] = asyncio.get_running_loop().time()
            cache.subscribe(self._changed)
            self._running[kind] = asyncio.create_task(self._kept(cache), name=f"watch {kind.kind}")
        return self._caches[kind]

    async def close(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self.contents.close()

    def get(self, ref: Ref) -> Manifest | None:
        """The whole object, not to be changed; of a kind that is watched without content, only while that is needed."""
        if Kind(ref.api_version, ref.kind) in METADATA_ONLY:
            return self.contents.whole(ref)
        found = self.find(ref)
        return self._manifest(ref, found) if found else None

    def _manifest(self, ref: Ref, found: Object) -> Manifest:
        known = self._decoded.pop(ref, None)
        if known is None or known[0] is not found:
            known = found, found.manifest()
        self._decoded[ref] = known
        if len(self._decoded) > DECODED:
            self._decoded.popitem(last=False)
        return known[1]

    def find(self, ref: Ref) -> Object | None:
        cache = self._caches.get(Kind(ref.api_version, ref.kind))
        return cache.get(ref.namespace, ref.name) if cache else None

    def put(self, ref: Ref, reply: msgspec.Raw) -> None:
        """The reply to our own write: no tick may start from a state older than it."""
        kind = Kind(ref.api_version, ref.kind)
        if kind in METADATA_ONLY:
            self.contents.put(ref, bytes(reply))
        self.watch(kind).put(bytes(reply))

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
        for ref in self._readers.reads(key, refs).new:
            self.watch(Kind(ref.api_version, ref.kind))

    def forget(self, key: Key) -> None:
        self.depend(key, ())
        self.contents.forget(key)

    def readers(self, ref: Ref) -> frozenset[Key]:
        """The canaries that depend on the object."""
        return self._readers.of(ref)

    def unsynced(self, refs: Iterable[Ref]) -> tuple[Kind, ...]:
        """Those of the kinds needed that have not been listed yet."""
        kinds = dict.fromkeys(Kind(ref.api_version, ref.kind) for ref in refs)
        return tuple(kind for kind in kinds if not self.watch(kind).synced.is_set())

    def overdue(self, kind: Kind) -> bool:
        """It should have been listed by now: there may be no permission to."""
        return asyncio.get_running_loop().time() >= self._begun[kind] + LISTING

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
        for ref, keys in self._readers.all():
            if (ref.api_version, ref.kind) == cache.kind:
                for key in keys:
                    self.wake(key)

    def _changed(self, change: Change) -> None:
        found = change.object
        if found.kind == CANARY:
            self.wake((found.namespace, found.name))
        self._wake_readers(Ref(*found.kind, found.namespace, found.name))

    def _wake_readers(self, ref: Ref) -> None:
        for key in self._readers.of(ref):
            self.wake(key)
