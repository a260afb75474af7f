"""The operator as one process: endpoints, the turn to work, watches, workers; started in order, stopped in order."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import structlog
from msgspec import Struct

from davy.controller.alerts import Alerts
from davy.controller.announce import Announcer
from davy.controller.answer import Answerer, Answers
from davy.controller.apply import Applier
from davy.controller.drift import Drift
from davy.controller.event_hooks import EventHooks
from davy.controller.gather import Gatherer
from davy.controller.hooks import Hooks
from davy.controller.measure import Meter
from davy.controller.outside import Outside, outside
from davy.controller.queue import Queue
from davy.controller.reconciler import Hands, Reconciler
from davy.controller.schema_fence import SchemaFence
from davy.controller.series import Series
from davy.controller.turn import Turn
from davy.controller.web import Readiness, served
from davy.controller.world import CANARY, METRIC_TEMPLATE, World
from davy.kube.client import Client
from davy.kube.lease import Lease
from davy.settings import Settings

GRACE = 1.5
"""Seconds that ticks under way, and Events, have when the operator is told to stop."""

log = structlog.get_logger("davy")


class Pace(Struct, frozen=True):
    """How much at once, and how often."""

    workers: int = 16
    """Canaries worked on at once: a slow API server delays the one that waits for it, not the others."""

    count_every: float = 10.0
    """Seconds between two counts of all canaries (Flagger's control loop interval)."""


PACE = Pace()


@asynccontextmanager
async def operator(
    client: Client,
    settings: Settings,
    *,
    clock: Callable[[], datetime],
    host: str = "",
    port: int = 0,
    lease: Lease | None = None,
    pace: Pace = PACE,
) -> AsyncIterator[int]:
    """A running operator; yields the port that its endpoints listen on. With a lease it works only while that is its.

    Leaving it lets what is being written come to its end (within `GRACE`), then gives the lease back.
    Raises OSError if the port is taken, and (in a group) LeaseLost.
    """
    turn = Turn(lease)
    work = Work(client, settings, clock, pace)
    runner = await served(
        work.series.registry, lambda: work.readiness() if turn.begun else turn.standing_by, host, port
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            turning = tasks.create_task(turn.taken(work.run))
            yield runner.addresses[0][1]
            work.stopping.set()
            if not turn.begun:
                turning.cancel()
    finally:
        await runner.cleanup()


class Work:
    """What only one process may do: looks at all canaries, and takes their steps."""

    def __init__(self, client: Client, settings: Settings, clock: Callable[[], datetime], pace: Pace) -> None:
        self.series = Series(settings.mesh_provider)
        self.stopping = asyncio.Event()
        self._client = client
        self._settings = settings
        self._clock = clock
        self._pace = pace
        self._fence = SchemaFence(client)
        self._queue = Queue()
        self._world = World(client, settings.namespace or None, self._queue.add)
        self._announcer = Announcer(client, clock)

    def readiness(self) -> Readiness:
        if self._fence.why:
            return Readiness(False, self._fence.why)
        if not self._world.watch(CANARY).synced.is_set():
            return Readiness(False, "the canaries have not been listed yet")
        return Readiness(True, "OK")

    async def run(self) -> None:
        """Works until it is told to stop, and then comes to a good end; if it is cancelled, ends at once."""
        async with AsyncExitStack() as stack:
            way_out = await stack.enter_async_context(outside(os.environ))
            stack.push_async_callback(self._world.close)
            hands = self._hands(way_out)
            stack.callback(hands.answers.close)
            stack.callback(hands.event_hooks.close)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            for work in (
                self._announcer.run(),
                self._counting(hands.gatherer),
                self._working(Reconciler(hands), hands.gatherer),
            ):
                stack.callback(tasks.create_task(work).cancel)
            await self.stopping.wait()
            await self._come_to_an_end(hands.event_hooks)

    def _hands(self, way_out: Outside) -> Hands:
        client, world, settings, clock = self._client, self._world, self._settings, self._clock
        drift = Drift(client.manager, asyncio.get_running_loop().time)
        answerer = Answerer(
            Meter(client, world, way_out.call, settings, clock),
            Hooks(way_out),
            Alerts(client, world, way_out, settings),
        )
        return Hands(
            settings,
            clock,
            self._queue,
            self._fence.opened,
            Gatherer(client, world, self._announcer, settings, drift),
            Answers(answerer, self._queue.add, clock),
            Applier(client, world, drift),
            drift,
            self._announcer,
            EventHooks(way_out, settings.event_webhook, clock),
            self.series,
        )

    async def _working(self, reconciler: Reconciler, gatherer: Gatherer) -> None:
        """No step before the cluster stores all that we must remember, and before all is listed."""
        await self._fence.passed()
        for kind in (METRIC_TEMPLATE, CANARY):
            await self._world.watch(kind).synced.wait()
        gatherer.claim_all()
        # What was listed stays: keep the collector from walking over it again and again.
        gc.freeze()
        log.info("operator is working")
        await together(self._fence.kept(), *(reconciler.run() for _ in range(self._pace.workers)))

    async def _counting(self, gatherer: Gatherer) -> None:
        while True:
            self.series.counted(canary.namespace for canary in gatherer.known())
            self.series.queued.set(len(self._queue))
            await asyncio.sleep(self._pace.count_every)

    async def _come_to_an_end(self, event_hooks: EventHooks) -> None:
        """No further tick is begun; those under way are finished, and what was said is sent."""
        try:
            async with asyncio.timeout(GRACE):
                await self._queue.close()
                await asyncio.gather(self._announcer.flush(), event_hooks.flush())
        except TimeoutError:
            log.warning("stopped in the middle of a tick; it is taken up again at the next start", after=GRACE)


async def together(*works: Coroutine[None, None, None]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            tasks.create_task(work)
