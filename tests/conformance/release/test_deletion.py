"""A canary that is deleted, with a real garbage collector and namespace controller: no outage, and no hang."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.conformance.parts.left import SETTINGS, Trace, recorded
from tests.conformance.parts.pods import POD, is_ready
from tests.conformance.parts.stage import DEPLOYMENT, PATIENCE, Scene, Stage
from tests.conformance.parts.witness import CANARY
from tests.conformance.release.safety import outages

from davy.kube.errors import NotFound
from davy.kube.kinds import Kind

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

NAMESPACE = Kind("v1", "Namespace")
COLLECTED = pytest.mark.xfail(
    reason="the collector takes the primary before the target is up again (docs/differences.md)", strict=True
)
every_provider = pytest.mark.parametrize("name", ["gwv1-promote", "istio-promote", "k8s-promote"])


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    async with stage.scene("deleted") as made:
        yield made


async def begun(scene: Scene, trace: Trace) -> None:
    for each in trace.sources:
        await scene.create(each)
    await scene.reached("Initialized")
    await scene.settled()


async def gone(scene: Scene) -> None:
    """Waits until there is no canary any more."""
    await scene.seen.until(
        lambda: scene.seen.get(CANARY, "app") is None,
        within=PATIENCE,
        why=lambda: f"the canary stays: {scene.seen.get(CANARY, 'app')}",
    )


def served(scene: Scene) -> int:
    """Ready pods of the target."""
    pods = [manifest for (kind, _), manifest in scene.seen.now().items() if kind == POD]
    return sum(is_ready(pod) and pod["metadata"]["labels"]["app"] == "app" for pod in pods)


@every_provider
@pytest.mark.parametrize("propagation", ["Background", pytest.param("Foreground", marks=COLLECTED)])
async def test_the_target_serves_before_the_canary_goes(name: str, propagation: str, scene: Scene) -> None:
    trace = recorded(name).trace
    async with scene.operator(**SETTINGS[trace.group]):
        await begun(scene, trace)
        await scene.stage.person.delete(CANARY, scene.namespace, "app", propagation=propagation)
        await gone(scene)
        assert [str(each) for each in outages(scene.seen.history())] == []
        assert served(scene) == 2
        await scene.seen.until(
            lambda: scene.seen.get(DEPLOYMENT, "app-primary") is None, within=PATIENCE, why=lambda: "the primary stays"
        )


@every_provider
async def test_it_is_finished_by_another_process(name: str, scene: Scene) -> None:
    trace = recorded(name).trace
    async with scene.operator(**SETTINGS[trace.group]):
        await begun(scene, trace)
        await scene.delete(CANARY, "app")
        await scene.reached("Terminating")
    async with scene.operator(**SETTINGS[trace.group]):
        await gone(scene)
    assert [str(each) for each in outages(scene.seen.history())] == []
    assert served(scene) == 2


@every_provider
async def test_a_canary_without_a_target_is_let_go(name: str, scene: Scene) -> None:
    trace = recorded(name).trace
    async with scene.operator(**SETTINGS[trace.group]):
        await begun(scene, trace)
        await scene.delete(DEPLOYMENT, "app")
        await scene.delete(CANARY, "app")
        await gone(scene)


@every_provider
async def test_a_namespace_goes_with_all_that_is_in_it(name: str, scene: Scene) -> None:
    trace = recorded(name).trace
    async with scene.operator(**SETTINGS[trace.group]):
        await begun(scene, trace)
        await scene.stage.person.delete(NAMESPACE, None, scene.namespace)
        async with asyncio.timeout(PATIENCE):
            while await exists(scene):
                await asyncio.sleep(0.2)


async def exists(scene: Scene) -> bool:
    try:
        await scene.stage.person.get(NAMESPACE, None, scene.namespace)
    except NotFound:
        return False
    return True
