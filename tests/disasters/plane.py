"""The embedded API server for disasters: it knows who writes, and the operator's requests may meet with bad luck."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from aiohttp import web

from davy.cluster.api.errors import ApiError
from davy.cluster.api.routes import Target
from davy.cluster.api.store import Entry, Event, Store
from davy.cluster.server import ApiServer

OPERATOR = "davy"
PEOPLE = "kubectl"
CLUSTER = "cluster"
"""User agents: of the operator, of people and their tools, of the cluster's own controllers."""

Manifest = dict[str, Any]


class Luck(Enum):
    """What becomes of one write of the operator's."""

    CONFLICT = "409, nothing is written"
    BUSY = "429, nothing is written"
    BROKEN = "500, nothing is written"
    LOST = "written, but the answer does not arrive"
    CRASH = "written, and the operator dies before it reads the answer"


ANSWERS = {Luck.CONFLICT: (409, "Conflict"), Luck.BUSY: (429, "TooManyRequests"), Luck.BROKEN: (500, "InternalError")}


class Written(NamedTuple):
    """One change that the server stored."""

    at: datetime
    by: str
    event: Event

    @property
    def what(self) -> str:
        """`deployments.apps/app-primary`."""
        return f"{self.event.collection}/{self.event.key[1]}"


class Plane(ApiServer):
    """`luck` is asked before each write of the operator's, numbered from 1 (Events are not counted)."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(Store(log_size=100_000))
        self.life.clock = clock
        self.luck: Callable[[int], Luck | None] = lambda number: None
        self.crashed: Callable[[], None] = lambda: None
        self.written: list[Written] = []
        self.attempts = 0
        self.slow: dict[str, float] = {}
        """Seconds that a read of the operator's takes, by the plural of what is read."""
        self.reads: Counter[str] = Counter()
        """Reads of the operator's, by the plural; watches are not counted."""
        self._clock = clock
        self._heard: list[Callable[[Written], None]] = []
        self._by: ContextVar[str] = ContextVar("by", default=CLUSTER)
        self._watches: dict[int, web.BaseRequest] = {}
        self._admitted: dict[str, Callable[[Manifest], None]] = {}
        self._store_put = self.store.put
        self.store.put = self._put  # type: ignore[method-assign]
        self.nobodys = Context()
        """For what happens by itself, and not because somebody is writing."""

    # -- what there is

    def items(self, collection: str) -> Mapping[tuple[str, str], Entry]:
        return self.store.items(collection)

    def get(self, collection: str, namespace: str, name: str) -> Manifest | None:
        """One object, as it stands at this moment; not to be changed."""
        found = self.store.get(collection, (namespace, name))
        return found.manifest if found else None

    # -- who does what

    def hear(self, collection: str, heard: Callable[[Written], None]) -> None:
        """`heard` is called within every change of the collection, before anything else can happen."""
        self.store.subscribe(collection, lambda event: heard(self._note(event)))

    def follow(self, *collections: str) -> None:
        """Keep account of what is written to these."""
        for collection in collections:
            self.hear(collection, self.written.append)

    def _note(self, event: Event) -> Written:
        return Written(self._clock(), self.author, event)

    @property
    def author(self) -> str:
        """Who is writing at this moment."""
        return self._by.get()

    @contextmanager
    def _written_by(self, who: str) -> Iterator[None]:
        token = self._by.set(who)
        try:
            yield
        finally:
            self._by.reset(token)

    # -- what others put into writes

    def admit(self, collection: str, change: Callable[[Manifest], None]) -> None:
        """An admission webhook: it changes what is about to be stored of this collection, whoever writes it."""
        self._admitted[collection] = change

    def _put(self, collection: str, key: tuple[str, str], manifest: Manifest) -> Entry:
        change = self._admitted.get(collection)
        if change is not None:
            manifest = copy.deepcopy(manifest)
            change(manifest)
        return self._store_put(collection, key, manifest)

    # -- bad luck

    def cut(self) -> None:
        """All watches of the operator break off."""
        for request in tuple(self._watches.values()):
            abort(request)

    async def _resource(self, request: web.BaseRequest, wanted: Target) -> web.StreamResponse:
        who = request.headers.get("User-Agent", "").partition("/")[0]
        with self._written_by(who):
            if who != OPERATOR:
                return await super()._resource(request, wanted)
            if request.method == "GET":
                return await self._watched(request, wanted)
            return await self._luckily(request, wanted)

    async def _watched(self, request: web.BaseRequest, wanted: Target) -> web.StreamResponse:
        self._watches[id(request)] = request
        self.reads[wanted.plural] += "watch" not in request.query
        await asyncio.sleep(self.slow.get(wanted.plural, 0.0))
        try:
            return await super()._resource(request, wanted)
        finally:
            del self._watches[id(request)]

    async def _luckily(self, request: web.BaseRequest, wanted: Target) -> web.StreamResponse:
        if wanted.plural == "events":
            return await super()._resource(request, wanted)
        self.attempts += 1
        luck = self.luck(self.attempts)
        if luck in ANSWERS:
            raise ApiError(*ANSWERS[luck], "bad luck")
        answer = await super()._resource(request, wanted)
        if luck is Luck.CRASH:
            self.crashed()
        if luck is not None:
            abort(request)
            await asyncio.sleep(0)
        return answer


def abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
