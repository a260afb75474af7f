"""The operator as one process: watches, workers, announcer, endpoints; started in order, stopped in order."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import aiohttp
import structlog

from davy.controller.announce import Announcer
from davy.controller.answer import Answerer, Answers
from davy.controller.apply import Applier
from davy.controller.gather import Gatherer
from davy.controller.queue import Queue
from davy.controller.reconciler import Hands, Reconciler
from davy.controller.schema_fence import SchemaFence
from davy.controller.series import Series
from davy.controller.web import Calls, served
from davy.controller.world import CANARY, METRIC_TEMPLATE, World
from davy.kube.client import Client
from davy.settings import Settings

WORKERS = 16
"""Canaries worked on at once: a slow API server delays the one that waits for it, not the others."""

COUNT_EVERY = 10.0
"""Seconds between two counts of all canaries (Flagger's control loop interval)."""

log = structlog.get_logger("davy")


@asynccontextmanager
async def operator(
    client: Client, settings: Settings, *, clock: Callable[[], datetime], host: str = "", port: int = 0
) -> AsyncIterator[int]:
    """A running operator; yields the port that its endpoints listen on. Raises OSError if the port is taken."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        queue = Queue()
        world = World(client, settings.namespace or None, queue.add)
        stack.push_async_callback(world.close)
        announcer = Announcer(client, clock)
        gatherer = Gatherer(client, world, announcer, settings)
        answerer = Answerer(client, world, Calls(session), settings, clock)
        answers = Answers(answerer, queue.add)
        stack.callback(answers.close)
        series = Series(settings.mesh_provider)
        fence = SchemaFence(client)
        runner = await served(series.registry, lambda: unready(fence, world), host, port)
        stack.push_async_callback(runner.cleanup)
        hands = Hands(
            settings, clock, queue, fence.opened, gatherer, answers, Applier(client, world), announcer, series
        )
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(stop, [tasks.create_task(work) for work in (announcer.run(), counting(series, gatherer, queue))])
        work = tasks.create_task(working(Reconciler(hands), gatherer, fence, world))
        stack.callback(stop, [work])
        yield runner.addresses[0][1]


def stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def unready(fence: SchemaFence, world: World) -> str | None:
    """Why no steps are taken; None if they are."""
    if fence.why:
        return fence.why
    return None if world.watch(CANARY).synced.is_set() else "the canaries have not been listed yet"


async def working(reconciler: Reconciler, gatherer: Gatherer, fence: SchemaFence, world: World) -> None:
    """No step before the cluster stores all that we must remember, and before all is listed."""
    await fence.passed()
    for kind in (METRIC_TEMPLATE, CANARY):
        await world.watch(kind).synced.wait()
    gatherer.claim_all()
    # What was listed stays: keep the collector from walking over it again and again.
    gc.freeze()
    log.info("operator is working")
    async with asyncio.TaskGroup() as workers:
        workers.create_task(fence.kept())
        for _ in range(WORKERS):
            workers.create_task(reconciler.run())


async def counting(series: Series, gatherer: Gatherer, queue: Queue) -> None:
    while True:
        series.counted(canary.namespace for canary in gatherer.known())
        series.queued.set(len(queue))
        await asyncio.sleep(COUNT_EVERY)
