"""Watches: the stream of events one client sees, filtered by its selector, with bookmarks, resume and 410."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from davy.cluster.api.errors import ApiError
from davy.cluster.api.listing import Query, select
from davy.cluster.api.resources import Resource
from davy.cluster.api.selectors import Selector
from davy.cluster.api.store import Entry, Event, Store
from davy.cluster.api.view import View, encode

BOOKMARK_EVERY = 10.0  # seconds; a real server sends them about once a minute
_BEFORE_THE_END = 2.0  # seconds: clients that stop listening just in time still get the last one
_LONGEST = 1800.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a watch was asked for; `revision` None means from now, after everything that is there."""

    selector: Selector
    revision: int | None
    seconds: float
    bookmarks: bool
    initial: bool


def wish(chosen: Selector, query: Query) -> Wish:
    """The wish of a request's query."""
    asked = query.get("resourceVersion", "")
    revision = None if asked in ("", "0") else _revision(asked)
    seconds = float(query.get("timeoutSeconds") or 0) or _LONGEST
    return Wish(chosen, revision, seconds, _true(query, "allowWatchBookmarks"), _true(query, "sendInitialEvents"))


def _revision(text: str) -> int:
    if not text.isdigit():
        why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ApiError(500, "", f'resourceVersion: Invalid value: "{text}": {why}')
    return int(text)


def _true(query: Query, name: str) -> bool:
    return query.get(name) in ("true", "1")


def told(event: Event, chosen: Selector) -> str:
    """What an event is to one who sees only what a selector chooses: ADDED, MODIFIED, DELETED, or nothing."""
    if chosen.namespace is not None and event.key[0] != chosen.namespace:
        return ""
    if not chosen.narrow:
        return event.type
    before = event.old is not None and chosen.matches(event.old.manifest)
    if event.type == "DELETED":
        return "DELETED" if before else ""
    after = chosen.matches(event.entry.manifest)
    return {(True, True): "MODIFIED", (True, False): "DELETED", (False, True): "ADDED"}.get((before, after), "")


def line(kind: str, body: bytes) -> bytes:
    """One event as it goes over the wire."""
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def _left(event: Event) -> Entry:
    """What one sees of an object that has left the selection: its old state under the new revision."""
    old = event.old or event.entry
    metadata = {**old.manifest["metadata"], "resourceVersion": str(event.revision)}
    return Entry({**old.manifest, "metadata": metadata}, event.revision)


class Stream:
    """The events of one watch, gathered as they happen and given out in batches."""

    def __init__(self, store: Store, resource: Resource, view: View, asked: Wish) -> None:
        self._store, self._resource, self._view, self._asked = store, resource, view, asked
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._end: Callable[[], None] = lambda: None
        self._over = False

    def open(self) -> None:
        """Queue what the client has missed and listen to what comes; never a gap in between."""
        try:
            self._catch_up()
        except ApiError as error:
            self._queue.append(line("ERROR", encode(error.status())))
            self._over = True
        else:
            self._end = self._store.subscribe(self._resource.collection, self._hear)

    def _catch_up(self) -> None:
        revision = self._asked.revision
        if revision is None or self._asked.initial:
            for _, entry in select(self._store.items(self._resource.collection), self._asked.selector):
                self._queue.append(line("ADDED", self._view.one(entry)))
            if self._asked.initial and self._asked.bookmarks:
                self._bookmark({"k8s.io/initial-events-end": "true"})
        else:
            for event in self._store.since(self._resource.collection, revision):
                self._hear(event)

    def _hear(self, event: Event) -> None:
        kind = told(event, self._asked.selector)
        if kind:
            entry = _left(event) if kind == "DELETED" and event.type != "DELETED" else event.entry
            self._queue.append(line(kind, self._view.one(entry)))
            self._wake.set()

    def _bookmark(self, annotations: dict[str, str] | None = None) -> None:
        metadata = {"resourceVersion": str(self._store.revision)}
        body = self._view.bookmark({**metadata, **({"annotations": annotations} if annotations else {})})
        self._queue.append(line("BOOKMARK", body))

    def close(self) -> None:
        """Listen no longer."""
        self._end()

    async def batches(self) -> AsyncIterator[bytes]:
        """What to send, until the watch's time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._asked.seconds
        bookmark = min(loop.time() + BOOKMARK_EVERY, deadline - _BEFORE_THE_END) if self._asked.bookmarks else deadline
        while True:
            if self._queue:
                batch = b"".join(self._queue)
                self._queue.clear()
                yield batch
            if self._over:
                return
            await self._wait(min(deadline, bookmark) - loop.time())
            if self._queue:
                continue
            now = loop.time()
            self._over = now >= deadline
            if self._asked.bookmarks and now >= min(deadline, bookmark):
                bookmark = now + BOOKMARK_EVERY
                self._bookmark()

    async def _wait(self, seconds: float) -> None:
        self._wake.clear()
        if self._queue or seconds <= 0:
            return
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
