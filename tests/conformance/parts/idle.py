"""Has Davy look at a canary once more, though nothing has changed, and tells what it writes then."""

import asyncio
from dataclasses import dataclass

from tests.conformance.parts.stage import Operator, Scene
from tests.conformance.parts.witness import CANARY

QUIET = 1.5


@dataclass(frozen=True)
class Written:
    """The writes of a tick: the objects, as the API server stored them, and how many Davy counted itself."""

    objects: tuple[str, ...] = ()
    counted: float = 0.0


NOTHING = Written()


async def second_tick(scene: Scene, davy: Operator, since: int | None = None) -> Written:
    """`since`: count from that write on, and all that this Davy has done (it has just begun); else from now on."""
    await scene.settled(QUIET)
    before = 0.0 if since is not None else await metric(davy, "davy_writes_total")
    since = scene.seen.last if since is None else since
    ticks = await metric(davy, "davy_ticks_total")
    poke = await scene.edit(CANARY, "app", {"metadata": {"annotations": {"poked": str(ticks)}}})
    while await metric(davy, "davy_ticks_total") == ticks:
        await asyncio.sleep(0.1)
    await scene.settled(QUIET)
    ours = int(poke["metadata"]["resourceVersion"])
    writes = [seen for seen in scene.seen.history() if seen.version > since and seen.version != ours]
    counted = await metric(davy, "davy_writes_total") - before
    return Written(tuple(f"{seen.object.kind.kind}/{seen.object.name}" for seen in writes), counted)


async def metric(davy: Operator, name: str) -> float:
    return (await davy.metrics()).get(name, 0.0)
