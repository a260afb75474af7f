"""A tick that finds all as it should be writes nothing: at rest, in the middle of a step, and after a restart.

The rows are all recorded scenarios whose provider has a router, so that every default that a server fills in, into any
kind that Davy writes, would be seen here if it were taken for drift.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from tests.conformance.parts.left import SETTINGS, Trace, traces
from tests.conformance.parts.side_by_side import SideBySide, rows_of
from tests.conformance.parts.stage import PATIENCE, Operator, Scene, Stage
from tests.conformance.parts.witness import CANARY, Manifest

from davy.routers import ROUTERS

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 12
QUIET = 1.5


@dataclass
class Idle:
    """What was written in ticks in which there was nothing to do: by state, the objects, and Davy's own count."""

    written: dict[str, list[str]] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)
    unsupported: str = ""


Rows = SideBySide[Trace, Idle]


def scenarios() -> Iterator[object]:
    for trace in traces():
        if any(status["phase"] == "Initialized" for status in trace.statuses):
            skip = pytest.mark.skip(reason=f"no router for provider {trace.provider} yet")
            yield pytest.param(trace, id=trace.name, marks=[] if trace.provider in ROUTERS else [skip])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(stage: Stage, request: pytest.FixtureRequest) -> AsyncIterator[Rows]:
    made: Rows = SideBySide(lambda trace: idle(stage, trace), rows_of(request, "trace", Trace), at_once=AT_ONCE)
    yield made
    await made.close()


@pytest.mark.parametrize("trace", list(scenarios()))
async def test_a_second_tick_writes_nothing(trace: Trace, rows: Rows) -> None:
    found = await rows.of(trace)
    if found.unsupported:
        pytest.skip(found.unsupported)
    assert found.written == {"at rest": [], "in a step": [], "restarted": []}
    assert found.counted == {"at rest": 0, "in a step": 0, "restarted": 0}


async def idle(stage: Stage, trace: Trace) -> Idle:
    """Plays one row."""
    found = Idle()
    async with stage.scene(trace.name) as scene:
        scene.stage.servers.answers[scene.namespace] = {"rollback": 403}  # every gate is open, and nobody calls it off
        for each in trace.raw["scenario"]["objects"]:
            await scene.create(slowed(each) if each["kind"] == CANARY.kind else each)
        async with scene.operator(**SETTINGS[trace.group]) as davy:
            if unsupported := await scene.looked_at():
                return Idle(unsupported=unsupported)
            await scene.reached("Initialized")
            await look(scene, davy, found, "at rest")
            await trace.release(scene, "2.0")
            await scene.seen.until(
                lambda: stepped(scene),
                within=PATIENCE,
                why=lambda: f"{trace.name}: no first step: {scene.seen.status()}",
            )
            await look(scene, davy, found, "in a step")
        since = scene.seen.last
        async with scene.operator(**SETTINGS[trace.group]) as davy:
            await look(scene, davy, found, "restarted", since, 0.0)
    return found


async def look(
    scene: Scene, davy: Operator, found: Idle, state: str, since: int | None = None, counted: float | None = None
) -> None:
    """Has Davy look at the canary once more, which has not changed, and notes what is written then (or `since`)."""
    await scene.settled(QUIET)
    since = scene.seen.last if since is None else since
    counted = (await davy.metrics()).get("davy_writes_total", 0.0) if counted is None else counted
    ticks = (await davy.metrics()).get("davy_ticks_total", 0.0)
    poke = await scene.edit(CANARY, "app", {"metadata": {"annotations": {"poked": state}}})
    while (await davy.metrics()).get("davy_ticks_total", 0.0) == ticks:
        await asyncio.sleep(0.1)
    await scene.settled(QUIET)
    ours = int(poke["metadata"]["resourceVersion"])
    writes = [seen for seen in scene.seen.history() if seen.version > since and seen.version != ours]
    found.written[state] = [f"{seen.object.kind.kind}/{seen.object.name}" for seen in writes]
    found.counted[state] = (await davy.metrics()).get("davy_writes_total", 0.0) - counted


def stepped(scene: Scene) -> bool:
    """The first step has been taken; without an analysis the release is over."""
    status = scene.seen.status()
    return status["phase"] == "Succeeded" or (status["phase"] == "Progressing" and "lastStepAt" in status)


def slowed(canary: Manifest) -> Manifest:
    """With steps that last until the test is over, and no time for draining."""
    made = copy.deepcopy(canary)
    made["spec"]["analysis"]["interval"] = "10m"
    made["spec"]["service"]["drainSeconds"] = 0
    return made
