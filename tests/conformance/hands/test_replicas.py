"""The primary's replicas are never part of an apply: who else sets them finds them as he left them."""

import pytest
from tests.conformance.parts.left import SETTINGS, leave, recorded
from tests.conformance.parts.stage import DEPLOYMENT, Scene, Stage
from tests.conformance.parts.witness import CANARY, Manifest

from davy.kube.kinds import Kind

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler")
REF = {"apiVersion": AUTOSCALER.api_version, "kind": AUTOSCALER.kind, "name": "app"}


def autoscaler() -> Manifest:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}
    return {
        "apiVersion": AUTOSCALER.api_version,
        "kind": AUTOSCALER.kind,
        "metadata": {"name": "app"},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6},
    }


async def begun(scene: Scene, by: str) -> None:
    """A canary at rest: as Flagger left it, or made by Davy."""
    moment = recorded("k8s-promote")
    if by == "flagger":
        await leave(moment, scene, moment.trace.source)
    else:
        for each in moment.trace.sources:
            await scene.create(each)


@pytest.mark.parametrize("by", ["flagger", "davy"])
async def test_an_autoscaler_that_is_added_to_a_live_canary_touches_no_replicas(by: str, stage: Stage) -> None:
    async with stage.scene(f"autoscaled-{by}") as scene:
        await begun(scene, by)
        async with scene.operator(**SETTINGS["main"]):
            await scene.looked_at()
            await scene.reached("Initialized", "Succeeded")
            await scene.stage.person.scale(DEPLOYMENT, scene.namespace, "app-primary", 4)
            await scene.settled(1.5)
            since = scene.seen.last
            await scene.create(autoscaler())
            await scene.edit(CANARY, "app", {"spec": {"autoscalerRef": REF}})
            await scene.settled(2.0)
            unsupported = await scene.looked_at()
        if unsupported:
            pytest.skip(unsupported)
        assert (await scene.get(AUTOSCALER, "app-primary"))["spec"]["maxReplicas"] == 6
        assert replicas(scene, since) == {4}


@pytest.mark.parametrize("by", ["flagger", "davy"])
async def test_what_somebody_scaled_by_hand_stays(by: str, stage: Stage) -> None:
    async with stage.scene(f"scaled-{by}") as scene:
        await begun(scene, by)
        async with scene.operator(**SETTINGS["main"]):
            await scene.looked_at()
            await scene.reached("Initialized", "Succeeded")
            await scene.stage.person.scale(DEPLOYMENT, scene.namespace, "app-primary", 5)
            await scene.settled(2.0)
            since = scene.seen.last
            await scene.edit(CANARY, "app", {"spec": {"service": {"portName": "web"}}})
            await scene.settled(2.0)
        assert replicas(scene, since) == {5}


def replicas(scene: Scene, since: int) -> set[int]:
    """The primary's, from a write on."""
    *_, before = [seen for seen in scene.seen.of(DEPLOYMENT, "app-primary") if seen.version <= since]
    later = [seen for seen in scene.seen.of(DEPLOYMENT, "app-primary") if seen.version > since]
    return {seen.manifest["spec"]["replicas"] for seen in (before, *later)}
