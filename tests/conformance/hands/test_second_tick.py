"""A tick that finds all as it should be writes nothing: at rest, in the middle of a step, and after a restart.

The rows are all recorded scenarios whose provider has a router, so that every default that a server fills in, into any
kind that Davy writes, would be seen here if it were taken for drift.
"""

import copy
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.conformance.parts.idle import NOTHING, Written, second_tick
from tests.conformance.parts.left import SETTINGS, Trace, traces
from tests.conformance.parts.side_by_side import SideBySide, rows_of
from tests.conformance.parts.stage import PATIENCE, Scene, Stage
from tests.conformance.parts.witness import CANARY, Manifest

from davy.routers import ROUTERS

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 24


@dataclass(frozen=True)
class Idle:
    """What was written in ticks in which there was nothing to do."""

    unsupported: str = ""
    at_rest: Written = NOTHING
    in_a_step: Written = NOTHING
    restarted: Written = NOTHING


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
    assert found == Idle()


async def idle(stage: Stage, trace: Trace) -> Idle:
    """Plays one row."""
    async with stage.scene(trace.name) as scene:
        scene.stage.servers.answers[scene.namespace] = {"rollback": 403}  # every gate is open, and nobody calls it off
        for each in trace.sources:
            await scene.create(slowed(each) if each["kind"] == CANARY.kind else each)
        async with scene.operator(**SETTINGS[trace.group]) as davy:
            if unsupported := await scene.looked_at():
                return Idle(unsupported)
            await scene.reached("Initialized")
            at_rest = await second_tick(scene, davy)
            await trace.release(scene, "2.0")
            await scene.seen.until(
                lambda: stepped(scene),
                within=PATIENCE,
                why=lambda: f"{trace.name}: no first step: {scene.seen.status()}",
            )
            in_a_step = await second_tick(scene, davy)
        since = scene.seen.last
        async with scene.operator(**SETTINGS[trace.group]) as davy:
            return Idle("", at_rest, in_a_step, await second_tick(scene, davy, since))


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
