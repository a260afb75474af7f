"""Scrapes the pods and Envoy at a steady pace, and marks what is not there any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import aiohttp
import msgspec
import structlog

from davy.cluster.prometheus.exposition import BadExposition, parse_series, samples
from davy.cluster.prometheus.labels import NAME, labels
from davy.cluster.prometheus.samples import Series, Store
from davy.cluster.prometheus.targets import Pod, Target, pod_targets
from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.kinds import Kind

# The instance is fixed: a restarted Envoy has another port, and its counters shall be seen as reset and not as others.
GATEWAY_LABELS = (("instance", "gateway"), ("job", "envoy"))
FORGET_EVERY = 30.0  # seconds
POD = Kind("v1", "Pod")

log = structlog.get_logger("davy.cluster.prometheus")


class Page:
    """What is remembered of one target: which series its lines stand for, and which were there the last time."""

    def __init__(self, store: Store, target: Target) -> None:
        self._store, self._target = store, target
        self._known: dict[str, Series | None] = {}
        self._present: set[str] = set()
        self._up = store.series(labels({NAME: "up", **dict(target.labels)}))

    def take(self, time_: int, text: str) -> None:
        """Stores a page. Raises BadExposition, and then nothing of it was stored."""
        found = dict(samples(text))
        known = {spelling: self._series(spelling) for spelling in found}
        for spelling, value in found.items():
            if (series := known[spelling]) is not None:
                series.append(time_, value)
        self._end(self._present - found.keys(), time_)
        self._known, self._present = known, set(found)
        self._say_up(time_, 1.0)

    def failed(self, time_: int) -> None:
        """Nothing came: its series end here, until they are back."""
        self._end(self._present, time_)
        self._known, self._present = {}, set()
        self._say_up(time_, 0.0)

    def gone(self, time_: int) -> None:
        """The target is not to be scraped any more."""
        self._end(self._present, time_)
        if self._up is not None:
            self._up.end(time_)

    def _say_up(self, time_: int, value: float) -> None:
        if self._up is not None:
            self._up.append(time_, value)

    def _end(self, spellings: set[str], time_: int) -> None:
        for spelling in spellings:
            if (series := self._known.get(spelling)) is not None:
                series.end(time_)

    def _series(self, spelling: str) -> Series | None:
        if spelling in self._known:
            return self._known[spelling]
        ours = dict(self._target.labels)
        theirs = {f"exported_{name}" if name in ours else name: v for name, v in parse_series(spelling).items()}
        return self._store.series(labels(theirs | ours))


class Scraper:
    """Fills the store. `run` runs it until cancelled.

    gateway: where Envoy's metrics are, None while it is not up. interval: seconds between two scrapes of a target.
    clock: seconds since 1970.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        *,
        gateway: Callable[[], str | None] = lambda: None,
        interval: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._gateway, self._interval, self._clock = store, gateway, interval, clock
        self._pods = Cache(client, POD)
        self._decoder = msgspec.json.Decoder(Pod)
        self._pages: dict[Target, Page] = {}
        self.rounds = 0

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self._interval)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            group.create_task(self._pods.run())
            group.create_task(self._scrape_for_ever(session))

    async def _scrape_for_ever(self, session: aiohttp.ClientSession) -> None:
        await self._pods.synced.wait()
        loop = asyncio.get_running_loop()
        due = forget = loop.time()
        while True:
            await self.scrape(session)
            if loop.time() >= forget:
                self._store.forget(self._now())
                forget = loop.time() + FORGET_EVERY
            # A round that took too long moves the later ones; it does not make them come in a bunch.
            due = max(due + self._interval, loop.time())
            await asyncio.sleep(due - loop.time())

    async def scrape(self, session: aiohttp.ClientSession) -> None:
        """One round over all targets, all at the same time."""
        wanted = set(self._targets())
        for target in self._pages.keys() - wanted:
            self._pages.pop(target).gone(self._now())
        await asyncio.gather(*(self._scrape_one(session, target) for target in wanted))
        self.rounds += 1

    def _targets(self) -> Iterator[Target]:
        for item in self._pods.list():
            try:
                yield from pod_targets(self._decoder.decode(item.raw))
            except msgspec.DecodeError as error:
                log.warning("pod not understood", pod=f"{item.namespace}/{item.name}", error=str(error))
        if (url := self._gateway()) is not None:
            yield Target(url, GATEWAY_LABELS)

    async def _scrape_one(self, session: aiohttp.ClientSession, target: Target) -> None:
        page = self._pages.get(target)
        if page is None:
            page = self._pages[target] = Page(self._store, target)
        now = self._now()
        try:
            async with session.get(target.url, raise_for_status=True) as response:
                page.take(now, (await response.read()).decode())
        except (aiohttp.ClientError, TimeoutError, BadExposition, UnicodeDecodeError) as error:
            log.debug("scrape failed", url=target.url, error=str(error))
            page.failed(now)

    def _now(self) -> int:
        return round(self._clock() * 1000)
