"""A cluster that still holds Flagger's definition of the Canary, which drops our fields without a word."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.conformance.conftest import missing
from tests.conformance.parts.build import MissingPartError
from tests.conformance.parts.definitions import define, flaggers, ours
from tests.conformance.parts.left import recorded
from tests.conformance.parts.stage import SERVICE, Scene, Stage
from tests.conformance.parts.witness import CANARY

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

CURE = "kubectl apply --server-side --force-conflicts -f deploy/crds"


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    """A canary that begins, in a cluster with Flagger's definition."""
    try:
        await define(stage.person, [flaggers()])
    except MissingPartError as part:
        missing(part)
    try:
        async with stage.scene("old-definition") as made:
            for each in recorded("gwv1-promote").trace.sources:
                await made.create(each)
            await made.settled(1.0)
            yield made
    finally:
        await define(stage.person, [ours()])


async def test_no_step_is_taken_and_one_line_names_the_cure(scene: Scene) -> None:
    writes = len(scene.seen)
    with capture_logs() as logs:
        async with scene.operator() as davy:
            await scene.settled(3.0)
            code, why = await davy.readiness()
            assert len(scene.seen) == writes
            assert (await davy.metrics()).get("davy_writes_total", 0) == 0
    assert code == 503
    assert why.count("\n") == 0
    assert "canaries.flagger.app would drop" in why
    assert CURE in why
    lines = [line for line in logs if line["log_level"] in ("error", "critical")]
    assert [line["why"] for line in lines] == [why]


async def test_it_begins_by_itself_when_the_definition_is_cured(scene: Scene) -> None:
    async with scene.operator() as davy:
        await scene.settled(1.0)
        await define(scene.stage.person, [ours()])
        await scene.reached("Initialized")
        assert await davy.readiness() == (200, "OK")


async def test_it_stops_when_the_definition_is_replaced_by_flaggers(scene: Scene) -> None:
    await define(scene.stage.person, [ours()])
    async with scene.operator() as davy:
        await scene.reached("Initialized")
        await scene.settled(1.0)
        await define(scene.stage.person, [flaggers()])
        await scene.edit(CANARY, "app", {"spec": {"service": {"portName": "web"}}})
        await scene.settled(2.0)
        assert (await davy.readiness())[0] == 503
        assert {port["name"] for service in await scene.all(SERVICE) for port in service["spec"]["ports"]} == {"http"}
