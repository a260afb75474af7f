"""One cache per kind, shared by all controllers of a process, which also knows what we have just deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from davy.cluster.workloads.objects import Manifest
from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.kinds import Kind
from davy.kube.objects import Change, Object


def key_of(each: Object) -> tuple[str, str]:
    """Namespace and name, the key of a queue."""
    return each.namespace, each.name


class Caches:
    """Caches by kind. Ask for all kinds (`of`) before `run`; a kind asked for later is watched from then on."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._caches: dict[tuple[Kind, bool], Cache] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._watches: dict[tuple[Kind, bool], asyncio.Task[None]] = {}
        self._removing: set[str] = set()

    def of(self, kind: Kind, *, metadata_only: bool = False) -> Cache:
        """The cache of a kind; a cache of whole objects serves those too who need the metadata only."""
        if metadata_only and (kind, False) in self._caches:
            metadata_only = False
        key = kind, metadata_only
        if key not in self._caches:
            self._caches[key] = Cache(self.client, kind, metadata_only=metadata_only)
            self._caches[key].subscribe(self._forget)
            self._start(key)
        return self._caches[key]

    def drop(self, kind: Kind, *, metadata_only: bool = False) -> None:
        """No longer watch a kind, because it is not served any more."""
        key = kind, metadata_only
        self._caches.pop(key, None)
        if watch := self._watches.pop(key, None):
            watch.cancel()

    def list(self, kind: Kind, namespace: str | None = None) -> list[Manifest]:
        """The objects of a kind, decoded, without those that we have already deleted."""
        found = self.of(kind).list(namespace)
        return [each.manifest() for each in found if each.uid not in self._removing]

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        found = self.of(kind).get(namespace, name)
        return found.manifest() if found else None

    def subscribe(self, kind: Kind, told: Callable[[Object], None]) -> None:
        """Be told of each object that came, changed or went; a change also tells of what the object was before."""

        def pass_on(change: Change) -> None:
            told(change.object)
            if change.old is not None:
                told(change.old)

        self.of(kind).subscribe(pass_on)

    def put(self, kind: Kind, raw: bytes) -> None:
        """The answer to a write of ours, so that nothing is decided on a state older than it."""
        for metadata_only in (False, True):
            if cache := self._caches.get((kind, metadata_only)):
                cache.put(raw)

    def removing(self, kind: Kind, uid: str) -> None:
        """We are deleting this object; until the watch shows it, it is not listed."""
        if (kind, False) in self._caches:
            self._removing.add(uid)

    def removed(self, uid: str) -> None:
        self._removing.discard(uid)

    def _forget(self, change: Change) -> None:
        if change.object.uid in self._removing and (
            change.type == "DELETED" or b'"deletionTimestamp"' in change.object.raw
        ):
            self._removing.discard(change.object.uid)

    async def run(self) -> None:
        """Watch for ever."""
        async with asyncio.TaskGroup() as self._tasks:
            for key in self._caches:
                self._start(key)
            await asyncio.get_running_loop().create_future()

    def _start(self, key: tuple[Kind, bool]) -> None:
        if self._tasks is not None and key not in self._watches:
            self._watches[key] = self._tasks.create_task(self._caches[key].run())

    async def synced(self) -> None:
        """Wait until every cache has listed its kind once."""
        for cache in list(self._caches.values()):
            await cache.synced.wait()
