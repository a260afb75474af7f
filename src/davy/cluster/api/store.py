"""The store: immutable objects, one counter of revisions, and a log of what happened to them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from davy.cluster.api.errors import expired

Manifest = dict[str, Any]
Key = tuple[str, str]  # namespace ("" for cluster-wide objects), name
_encode = msgspec.json.Encoder().encode


class Entry:
    """One state of one object. The manifest is never changed once it is in here."""

    __slots__ = ("_raw", "manifest", "revision")

    def __init__(self, manifest: Manifest, revision: int) -> None:
        self.manifest, self.revision = manifest, revision
        self._raw: bytes | None = None

    @property
    def raw(self) -> bytes:
        """The manifest as JSON, encoded when first asked for."""
        if self._raw is None:
            self._raw = _encode(self.manifest)
        return self._raw


class Event(NamedTuple):
    """One line of the log: `entry` is the state after it (the last one, for DELETED), `old` the state before."""

    revision: int
    type: str
    collection: str
    key: Key
    entry: Entry
    old: Entry | None


Watcher = Callable[[Event], None]


class Store:
    """Everything the API server knows. All writes are synchronous and happen on one event loop."""

    def __init__(self, *, log_size: int = 5_000, first_revision: int = 1) -> None:
        self.revision = first_revision
        self.compacted = first_revision  # revisions below this one are no longer in the log
        self._log: deque[Event] = deque()
        self._log_size = log_size
        self._objects: defaultdict[str, dict[Key, Entry]] = defaultdict(dict)
        self._watchers: defaultdict[str, set[Watcher]] = defaultdict(set)

    def get(self, collection: str, key: Key) -> Entry | None:
        """The object's present state."""
        return self._objects[collection].get(key)

    def items(self, collection: str) -> dict[Key, Entry]:
        """All present objects of a collection (not to be changed)."""
        return self._objects[collection]

    def put(self, collection: str, key: Key, manifest: Manifest) -> Entry:
        """Write an object (new or changed) under the next revision; `manifest` is the store's from now on."""
        self.revision += 1
        manifest["metadata"]["resourceVersion"] = str(self.revision)
        entry = Entry(manifest, self.revision)
        old = self._objects[collection].get(key)
        self._objects[collection][key] = entry
        self._tell(Event(self.revision, "MODIFIED" if old else "ADDED", collection, key, entry, old))
        return entry

    def drop(self, collection: str, key: Key) -> Entry:
        """Remove an object; gives its last state, stamped with the revision of its end."""
        old = self._objects[collection].pop(key)
        self.revision += 1
        metadata = {**old.manifest["metadata"], "resourceVersion": str(self.revision)}
        entry = Entry({**old.manifest, "metadata": metadata}, self.revision)
        self._tell(Event(self.revision, "DELETED", collection, key, entry, old))
        return entry

    def _tell(self, event: Event) -> None:
        self._log.append(event)
        if len(self._log) > self._log_size:
            self.compacted = self._log.popleft().revision
        for watcher in tuple(self._watchers[event.collection]):
            watcher(event)

    def compact(self) -> None:
        """Forget the log, as etcd's compaction does."""
        self._log.clear()
        self.compacted = self.revision

    def subscribe(self, collection: str, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` for every later event; gives the function that ends it."""
        self._watchers[collection].add(watcher)
        return lambda: self._watchers[collection].discard(watcher)

    def since(self, collection: str, revision: int) -> Iterator[Event]:
        """The events after a revision; raises 410 if the log does not reach back that far."""
        if revision < self.compacted:
            raise expired(f"too old resource version: {revision} ({self.compacted})")
        return (event for event in tuple(self._log) if event.revision > revision and event.collection == collection)

    def at(self, collection: str, revision: int) -> dict[Key, Entry]:
        """The objects as they were at a revision, by undoing the log; raises 410 below it."""
        objects = dict(self._objects[collection])
        for event in reversed(list(self.since(collection, revision))):
            if event.old is None:
                objects.pop(event.key, None)
            else:
                objects[event.key] = event.old
        return objects
