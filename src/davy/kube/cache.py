"""One kind's objects, kept in step with the server by list and watch."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from random import Random

import msgspec
import structlog

from davy.kube import objects
from davy.kube.client import Client
from davy.kube.errors import KubeError, TooManyRequests, Unreachable
from davy.kube.kinds import Kind
from davy.kube.objects import Change, Object, Objects
from davy.kube.watch import WatchEvent

__all__ = ["Cache", "Change", "Object"]

SHORTEST_PAUSE = 0.5  # seconds after the first failure
LONGEST_PAUSE = 30.0  # seconds
GOOD_WATCH = 10.0  # seconds that a watch without any event must have lasted not to count as a failure

log = structlog.get_logger("davy.kube")


class Cache:
    """Lists, then watches, for ever; what happened while it could not see is told after the next list."""

    def __init__(
        self,
        client: Client,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        random: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.synced = asyncio.Event()
        self.kind = kind
        self._client = client
        self._namespace = namespace
        self._labels = labels
        self._fields = fields
        self._metadata_only = metadata_only
        self._random = random or Random()
        self._sleep = sleep
        self._objects = Objects()
        self._subscribers: builtins.list[Callable[[Change], None]] = []
        self._failures = 0

    def get(self, namespace: str | None, name: str) -> Object | None:
        return self._objects.get(namespace or "", name)

    def list(self, namespace: str | None = None) -> builtins.list[Object]:
        return self._objects.list(namespace)

    def subscribe(self, fn: Callable[[Change], None]) -> None:
        """`fn` is called for every change from now on, after it is in force; the first list tells all as ADDED."""
        self._subscribers.append(fn)

    def put(self, raw: bytes) -> None:
        """The reply to our own write, so that nobody acts on a state older than it. Raises msgspec.DecodeError."""
        kept = objects.without_content(raw) if self._metadata_only else raw
        self._tell(self._objects.put(objects.read(self.kind, kept)))

    async def run(self) -> None:
        """Keeps the cache in step until it is cancelled."""
        listed = False
        while True:
            try:
                if not listed:
                    await self._relist()
                    listed = True
                await self._follow()
            except (Unreachable, TooManyRequests) as error:
                await self._pause(error)  # what we hold is still a place to resume from
            except (KubeError, msgspec.DecodeError) as error:
                listed = False
                await self._pause(error)

    async def _relist(self) -> None:
        listing = await self._client.list(
            self.kind,
            self._namespace,
            labels=self._labels,
            fields=self._fields,
            type=msgspec.Raw,
            metadata_only=self._metadata_only,
        )
        self._tell(self._objects.relisted(self._readable(listing.items), listing.resource_version))
        self.synced.set()

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        started, seen = loop.time(), False
        watch = self._client.watch(
            self.kind,
            self._namespace,
            resource_version=self._objects.position,
            labels=self._labels,
            fields=self._fields,
            metadata_only=self._metadata_only,
        )
        async with aclosing(watch) as events:
            async for event in events:
                seen, self._failures = True, 0
                self._take(event)
        if loop.time() - started >= GOOD_WATCH:
            self._failures = 0
        elif not seen:
            await self._pause("the watch ended at once")

    def _take(self, event: WatchEvent) -> None:
        try:
            if event.type == "BOOKMARK":
                self._objects.position = objects.bookmark(event.object)
                return
            told = objects.read(self.kind, event.object)
        except msgspec.DecodeError as error:
            self._skip(error)
            return
        self._tell(self._objects.told(event.type, told))

    def _readable(self, raws: Iterable[msgspec.Raw]) -> Iterator[Object]:
        for raw in raws:
            try:
                yield objects.read(self.kind, raw)
            except msgspec.DecodeError as error:
                self._skip(error)

    def _skip(self, error: Exception) -> None:
        log.warning("undecodable object skipped", kind=str(self.kind), error=str(error))

    def _tell(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            for subscriber in self._subscribers:
                subscriber(change)

    async def _pause(self, why: object) -> None:
        seconds = min(SHORTEST_PAUSE * 2**self._failures, LONGEST_PAUSE) * self._random.uniform(0.5, 1.0)
        self._failures = min(self._failures + 1, 10)
        log.warning("watch interrupted", kind=str(self.kind), error=str(why), again_in=round(seconds, 2))
        await self._sleep(seconds)
