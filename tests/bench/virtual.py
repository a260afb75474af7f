"""A whole cluster on a virtual clock: minutes pass in no time, and what the operator asks and sees is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import cache
from typing import NamedTuple, TypeVar

import looptime
from tests.disasters.manifests import NAMESPACE
from tests.disasters.plane import OPERATOR
from tests.disasters.stage import DEPLOYMENT, Stage, stage

from davy.controller.gather import Gatherer
from davy.controller.queue import Key
from davy.core.snapshot import Answer
from davy.perceive import Seen

from .apps import APPS, App, istio
from .tap import Asked, tapped

T = TypeVar("T")
AFTERWARDS = 60.0
"""Seconds until nothing more is said of a release."""


class Moment(NamedTuple):
    """What one tick looked at."""

    seen: Seen
    now: datetime


class Played(NamedTuple):
    """One whole release."""

    asked: list[Asked]
    """The operator's requests."""
    moments: list[Moment]


class VirtualLoop(looptime.LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """Waits for sockets, never for time."""


@cache
def release(words: str) -> Played:
    """A good release of one of `APPS`; played once."""
    return run(good_release(APPS[words]))


def run(work: Coroutine[None, None, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


@asynccontextmanager
async def cluster() -> AsyncIterator[tuple[Stage, list[Asked]]]:
    """Without an app; what the operator asks from now on."""
    with tapped(lambda request: request.headers.get("User-Agent", "").startswith(OPERATOR)) as heard:
        async with stage(apps=()) as made:
            made.outside.reading = lambda query: 0.1 if "quantile" in query else 100.0
            made.outside.answers["no"] = 403
            await made.create(*istio())
            yield made, heard


@contextmanager
def watched(now: Callable[[], datetime]) -> Iterator[list[Moment]]:
    """What every tick of an operator in this process sees."""
    moments: list[Moment] = []
    plain = Gatherer.gather

    async def gather(self: Gatherer, key: Key, answers: Mapping[str, Answer]) -> Seen | None:
        seen = await plain(self, key, answers)
        if seen is not None:
            moments.append(Moment(seen, now()))
        return seen

    Gatherer.gather = gather  # type: ignore[method-assign]
    try:
        yield moments
    finally:
        Gatherer.gather = plain  # type: ignore[method-assign]


async def initialized(made: Stage, *apps: App) -> None:
    """The apps are there, and their canaries at rest."""
    for app in apps:
        await made.create(*app.around(), app.canary(made.outside.url))
    await made.start()
    for app in apps:
        await made.reached("Initialized", name=app.name)
    await made.passes(AFTERWARDS)


async def good_release(app: App) -> Played:
    """From the write to the target until all is said."""
    async with cluster() as (made, heard):
        await initialized(made, app)
        before = len(heard)
        with watched(made.clock) as moments:
            await made.person.patch(DEPLOYMENT, NAMESPACE, app.name, app.released("2.0"), content="merge")
            await made.reached("Succeeded", name=app.name)
            await made.passes(AFTERWARDS)
        return Played([each for each in heard[before:] if each.by_operator], moments)
