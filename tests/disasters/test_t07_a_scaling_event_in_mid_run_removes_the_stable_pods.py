"""T7 (argo-rollouts#1415, #2050, #4321, #4935): autoscalers write, pods are evicted, nodes go, readiness flaps.

Expected, always: available(side) ≥ ceil(weight(side) · needed) whenever the operator gives a side more traffic or
takes pods from it; what others take away is theirs to answer for. Scaling down goes by available pods and a fresh
read.

The needed pods are what all the traffic needs. Without an autoscaler each side has as many as there were at first, so
the property is about evictions there. With one, a side has what its share needs before it gets the share; where an
autoscaler at its maximum cannot give that, its bounds have the last word after an interval (as Flagger, which never
looks).
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.disasters.gateway import ROUTES, Traits
from tests.disasters.manifests import APP, PRIMARY, SCALER_REF, scaler
from tests.disasters.plane import OPERATOR, Written
from tests.disasters.stage import Stage, running, weight_of

from davy.sim.cases import Case, Scenario
from davy.sim.faults import Deed, Faults

NEEDED = 6
WEIGHTS: dict[str, Any] = {"stepWeight": 30, "maxWeight": 90, "interval": "30s"}


class Guard:
    """Looks at every weight that the operator writes: the side that gains has the pods for it."""

    def __init__(self, s: Stage, needed: int = NEEDED) -> None:
        self.s = s
        self.needed = needed
        self.weight = 0
        self.short: list[str] = []
        s.plane.hear(ROUTES, self.heard)

    def heard(self, written: Written) -> None:
        weight = weight_of(written.event.entry.manifest)
        if written.by == OPERATOR and weight != self.weight:
            self.judge(weight)
        self.weight = weight

    def judge(self, weight: int) -> None:
        side, share = (APP, weight) if weight > self.weight else (PRIMARY, 100 - weight)
        other = PRIMARY if side == APP else APP
        least = math.ceil(share * self.needed / 100)
        ready = self.s.workloads.ready(side)
        if ready < least and ready < self.s.workloads.ready(other):
            self.short.append(f"at {self.s.now}: {side} gets {share} % with {ready} of {least} pods")


async def troubled(s: Stage, random: Random, seconds: int) -> None:
    """What a cluster does to pods, at any moment, one side at a time: never the last pod of a side."""
    for _ in range(seconds // 10):
        await s.passes(random.uniform(1, 19))
        side = random.choice((APP, PRIMARY))
        match random.randrange(4):
            case 0:
                s.workloads.kill(side, random.uniform(1, 40), count=max(s.workloads.ready(side) - 1, 0))
            case 1:
                s.workloads.kill(side, random.uniform(1, 15), count=min(1, s.workloads.ready(side) - 1))
            case 2 if s.scalers.load:
                s.scalers.load[side] = random.randint(2, NEEDED)
            case _:
                pass


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("scaled", [False, True], ids=["fixed", "autoscaled"])
async def test_no_side_gets_a_share_that_it_has_not_the_pods_for(seed: int, scaled: bool) -> None:
    spec: dict[str, Any] = {"autoscalerRef": SCALER_REF} if scaled else {}
    before = (scaler(2, 2 * NEEDED),) if scaled else ()
    async with running(
        analysis=WEIGHTS, replicas=NEEDED, before=before, gateway=Traits(0.0), progressDeadlineSeconds=600, **spec
    ) as s:
        s.scalers.load = {APP: NEEDED, PRIMARY: NEEDED} if scaled else {}
        guard = Guard(s)
        for tag in ("2.0", "3.0"):
            await s.release(tag)
            await troubled(s, Random(seed), 300)
            await s.ended("Succeeded", within=3600)
        assert not guard.short
        assert s.tag(PRIMARY) == "3.0"


async def test_stable_pods_are_not_taken_by_an_autoscaler_event_in_mid_run() -> None:
    """What removed the stable pods in argo-rollouts#1415: the autoscaler writes the target while the canary runs."""
    async with running(analysis=WEIGHTS, replicas=4, before=(scaler(2, 12),), autoscalerRef=SCALER_REF) as s:
        s.scalers.load = {APP: 4, PRIMARY: 4}
        await s.release("2.0")
        await s.at(weight=30)
        for load in (8, 2, 12, 3):
            s.scalers.load[APP] = load
            await s.passes(20)
            assert s.replicas(PRIMARY) >= 4
            assert s.workloads.ready(PRIMARY) >= 4
        assert not [each for each in s.by_operator(f"deployments.apps/{PRIMARY}") if each.at > s.clock()]
        await s.ended("Succeeded", within=1200)


async def test_an_autoscaler_at_its_maximum_does_not_hold_the_run_up() -> None:
    async with running(analysis=WEIGHTS, replicas=NEEDED, before=(scaler(2, NEEDED),), autoscalerRef=SCALER_REF) as s:
        s.scalers.load = {APP: NEEDED, PRIMARY: NEEDED}
        await s.release("slow20-2")
        await s.ended("Succeeded", within=1200)
        asked = [each.event.entry.manifest["spec"]["replicas"] for each in s.by_operator(f"deployments.apps/{APP}")]
        assert max(asked) <= NEEDED


@pytest.mark.parametrize("side", [APP, PRIMARY])
async def test_a_side_that_has_lost_all_its_pods_gets_its_share_back_when_it_has_the_pods_for_it(side: str) -> None:
    async with running(analysis={**WEIGHTS, "interval": "60s"}, replicas=NEEDED, gateway=Traits(0.0)) as s:
        await s.release("2.0")
        await s.at(weight=60)
        guard = Guard(s)
        guard.weight = 60
        s.workloads.kill(side, seconds=10)
        await s.until(lambda: s.weight_in_force == (0 if side == APP else 100), within=1)
        for pod, seconds in zip(s.workloads.crew(side).pods, range(1, 100), strict=False):
            pod.ready_at = s.now + 5 * seconds
        await s.until(lambda: s.weight_in_force == 60)
        assert not guard.short


async def test_readiness_that_flaps_takes_no_pod_away_and_gives_no_share_without_pods() -> None:
    async with running(analysis=WEIGHTS, gateway=Traits(0.0)) as s:
        guard = Guard(s, needed=2)
        await s.release("flap7-2")
        await s.passes(100)
        assert not guard.short
        assert s.workloads.ready(PRIMARY) == 2
        assert not s.probe.lasting(0)


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("lose target", "lose primary", "scale primary", "scale", "load")),
            st.integers(1, 8),
            st.floats(0, 120),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(("", "hpa", "keda")),
)
def test_simulated_with_anything_that_happens_to_pods(deeds: list[tuple[str, int, float]], scaled: str) -> None:
    """The properties after every write, `Unserved` and `Overloaded` among them."""
    scenario = Scenario(
        name="T7", scaler=scaled, load=4 if scaled else 0, script=(Deed(do="release", value="1.1", when="Initialized"),)
    )
    faults = Faults(deeds=tuple(Deed(do=do, value=value, second=second) for do, value, second in deeds))
    run = Case(scenario, faults).run().to_the_end()
    assert run.phase in ("Succeeded", "Failed")
