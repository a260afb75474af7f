"""Whole releases on a real control plane: what Flagger was recorded to do, with the Deployments' own controllers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.conformance.parts.left import SETTINGS, Trace, traces
from tests.conformance.parts.script import answer, play
from tests.conformance.parts.side_by_side import SideBySide, rows_of
from tests.conformance.parts.stage import PATIENCE, UNSUPPORTED, Stage
from tests.conformance.parts.ways import FURTHER, steps, way
from tests.conformance.parts.witness import Account
from tests.conformance.release.safety import outages
from tests.conformance.release.scenarios import scenarios

from davy.routers import ROUTERS

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 24


@dataclass
class Played:
    """What was seen of a release."""

    seen: Account
    unsupported: str = ""
    stuck: str = ""


Rows = SideBySide[Trace, Played]


def is_release(trace: Trace) -> bool:
    """A recording of something that came to an end; the others are of hangs."""
    return trace.raw["ended"] == "ok" and any(status["phase"] == "Initialized" for status in trace.statuses)


def row(trace: Trace) -> object:
    skip = pytest.mark.skip(reason=f"no router for provider {trace.provider} yet")
    return pytest.param(trace, id=trace.name, marks=[] if trace.provider in ROUTERS else [skip])


PROVOKED = frozenset({"istio-primary-deleted", "k8s-drift"})
"""Scripts that take away what serves; it must be put right."""

PLAYED = [*traces(), *scenarios()]
every_scenario = pytest.mark.parametrize("trace", [row(trace) for trace in PLAYED])
every_release = pytest.mark.parametrize("trace", [row(trace) for trace in PLAYED if is_release(trace)])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(stage: Stage, request: pytest.FixtureRequest) -> AsyncIterator[Rows]:
    made: Rows = SideBySide(lambda trace: release(stage, trace), rows_of(request, "trace", Trace), at_once=AT_ONCE)
    yield made
    await made.close()


async def release(stage: Stage, trace: Trace) -> Played:
    async with stage.scene(trace.name) as scene:
        answer(trace, scene)
        unsupported, stuck = "", ""
        async with scene.operator(**SETTINGS[trace.group]):
            for each in trace.sources:
                await scene.create(each)
            try:
                unsupported = await scene.looked_at(trace.canary_name)
                if not unsupported:
                    await play(trace, scene, trace.script)
                    await scene.seen.quiet(1.5, within=PATIENCE)
            except AssertionError as never:
                stuck = str(never)
                unsupported = stuck if UNSUPPORTED in stuck else ""
        return Played(scene.seen, unsupported, stuck)


async def outcome(rows: Rows, trace: Trace) -> Played:
    played = await rows.of(trace)
    if played.unsupported:
        pytest.skip(played.unsupported)
    assert not played.stuck, played.stuck
    return played


@every_release
async def test_it_goes_the_way_it_went_with_flagger(trace: Trace, rows: Rows) -> None:
    played = await outcome(rows, trace)
    expected = way(trace)
    gone = steps(played.seen.statuses(trace.canary_name))
    assert (gone[: len(expected)] if trace.name in FURTHER else gone) == expected


@every_scenario
async def test_requests_have_somewhere_to_go_all_the_time(trace: Trace, rows: Rows) -> None:
    played = await outcome(rows, trace)
    provoked = trace.name in PROVOKED
    assert [str(each) for each in outages(played.seen.history()) if not (provoked and each.ended)] == []
