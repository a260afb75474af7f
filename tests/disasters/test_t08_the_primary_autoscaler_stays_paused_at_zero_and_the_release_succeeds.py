"""T8 (flagger#1934, #1972): KEDA's pause is copied to the primary's ScaledObject, and a Deployment at zero counts as
ready.

Expected: annotations that are private to an operator are never copied; no ready endpoint on a side is "not ready" and
blocks any weight to it; `Succeeded` is impossible then.
"""

from __future__ import annotations

import pytest
from tests.disasters.manifests import (
    APP,
    KEDA_REF,
    NAMESPACE,
    PRIMARY,
    SCALER_REF,
    canary,
    deployment,
    scaled_object,
    scaler,
)
from tests.disasters.stage import Kind, Stage, running, stage

from davy.sim.cases import Case, Scenario
from davy.sim.deeds import PRIMARY as COPY
from davy.sim.faults import Deed, Faults

OBJECTS = "scaledobjects.keda.sh"
SCALED_OBJECT = Kind("keda.sh/v1alpha1", "ScaledObject")
PAUSED = "autoscaling.keda.sh/paused-replicas"
PRIVATE = {PAUSED: "0", "autoscaling.keda.sh/paused": "true", "kubectl.kubernetes.io/last-applied-configuration": "{}"}


def notes_of(s: Stage, name: str) -> dict[str, str]:
    found = s.plane.get(OBJECTS, NAMESPACE, name) or {"metadata": {}}
    notes: dict[str, str] = found["metadata"].get("annotations") or {}
    return notes


async def settled(s: Stage) -> None:
    """At rest: the source is held at zero."""
    await s.until(lambda: notes_of(s, APP).get(PAUSED) == "0")
    await s.until(lambda: s.replicas(APP) == 0)


async def test_a_canary_made_again_while_the_source_is_paused_does_not_pin_its_primary() -> None:
    async with running(before=(scaled_object(),), autoscalerRef=KEDA_REF) as s:
        await settled(s)
        await s.stop()  # the source keeps its pause, whoever wrote it
        await s.edit({"metadata": {"finalizers": None}})
        await s.delete()
        await s.until(lambda: not s.exists("deployments.apps", PRIMARY))
        s.probe.gaps.clear()  # nobody was there to see to it
        await s.edit({"metadata": {"annotations": PRIVATE}}, SCALED_OBJECT)
        await s.create(canary(autoscalerRef=KEDA_REF))
        await s.start()
        await s.reached("Initialized")
        assert not PRIVATE.keys() & notes_of(s, PRIMARY).keys()
        await s.passes(60)
        assert s.workloads.ready(PRIMARY) == 2
        await s.edit({"metadata": {"annotations": {"autoscaling.keda.sh/paused": None}}}, SCALED_OBJECT)
        await s.release("2.0")
        await s.ended("Succeeded")
        assert (s.tag(PRIMARY), s.workloads.ready(PRIMARY)) == ("2.0", 2)


async def test_the_pause_of_the_source_is_never_copied_in_a_whole_release() -> None:
    async with running(before=(scaled_object(),), autoscalerRef=KEDA_REF) as s:
        await settled(s)
        await s.release("2.0")
        await s.at(weight=20)
        assert PAUSED not in notes_of(s, APP)
        await s.ended("Succeeded")
        await settled(s)
        copies = [
            each.event.entry.manifest["metadata"].get("annotations") or {}
            for each in s.plane.written
            if each.what == f"{OBJECTS}/{PRIMARY}"
        ]
        assert copies
        assert not any(PAUSED in notes for notes in copies)


@pytest.mark.parametrize("provider", ["gatewayapi:v1", "kubernetes"])
async def test_a_primary_scaled_to_zero_by_hand_gets_no_traffic_and_nothing_succeeds(provider: str) -> None:
    """The release waits until somebody gives the primary its pods back."""
    async with running(provider, tolerated=2.0) as s:
        await s.release("2.0")
        await s.at(weight=20) if provider == "gatewayapi:v1" else await s.at(iterations=1)
        await s.scale(PRIMARY, 0)
        await s.until(lambda: s.weight_in_force == 100 if provider == "gatewayapi:v1" else s.selects() == APP, within=5)
        await s.passes(600)
        assert s.phase == "Progressing"
        assert s.condition("Ready")["reason"] in ("PrimaryNotReady", "PrimaryStuck")
        assert "scaled to zero" in s.status()["message"]
        assert s.workloads.ready(APP) == 2
        await s.scale(PRIMARY, 2)
        await s.ended("Succeeded")


async def test_a_target_that_is_at_zero_gets_no_weight() -> None:
    """Somebody scales the canary to zero in mid-run; Flagger goes on with a side that has no pods."""
    async with running(tolerated=2.0) as s:
        await s.release("2.0")
        await s.at(weight=20)
        await s.scale(APP, 0)
        await s.until(lambda: s.weight_in_force == 0 or s.workloads.ready(APP) == 2)
        await s.ended("Succeeded")


@pytest.mark.parametrize("least", [0, 2])
async def test_an_autoscaler_that_begins_at_zero_leaves_no_side_empty(least: int) -> None:
    """KEDA's `minReplicaCount: 0` on both sides; whoever is to get traffic is up before."""
    async with stage() as s:
        await s.create(deployment("1.0", 2), scaled_object(least))
        s.scalers.load = {APP: 2, PRIMARY: 2}
        await s.until(lambda: s.workloads.ready(APP) == 2)
        await s.create(canary(autoscalerRef=KEDA_REF))
        await s.start()
        await s.reached("Initialized")
        await s.release("2.0")
        await s.ended("Succeeded")
        assert s.workloads.ready(PRIMARY) == 2


async def test_the_primary_follows_an_edit_of_the_source() -> None:
    async with running(before=(scaler(2, 10),), autoscalerRef=SCALER_REF) as s:
        await s.edit({"spec": {"minReplicas": 4}}, Kind("autoscaling/v2", "HorizontalPodAutoscaler"))
        await s.until(lambda: s.replicas(PRIMARY) == 4, within=20)


@pytest.mark.parametrize("when", ["Progressing", "weight 20", "weight 40", "Promoting", "Finalising"])
def test_simulated_with_a_primary_scaled_to_zero_by_hand(when: str) -> None:
    script = (
        Deed(do="release", value="1.1", when="Initialized"),
        Deed(do="scale primary", value=0, when=when),
        Deed(do="scale primary", value=2, when=when, after=300),
    )
    run = Case(Scenario(name="T8", script=script)).run().until(lambda run: run.phase == "Succeeded")
    assert run.world.ready(COPY) >= 1  # as many as the target had: it came up with as many as the primary had


@pytest.mark.parametrize("second", range(0, 60, 12))
def test_simulated_with_keda_and_a_canary_made_again(second: int) -> None:
    scenario = Scenario(name="T8", scaler="keda", load=4, script=(Deed(do="release", value="1.1", when="Initialized"),))
    run = Case(scenario, Faults(deeds=(Deed(do="lose primary", value=5, second=second),))).run().to_the_end()
    assert run.phase in ("Succeeded", "Failed")
    assert run.world.ready(COPY) >= 2
