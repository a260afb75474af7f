"""T3 (argo-rollouts#4534, #3617; flagger#635): a third version comes while the second has most of the traffic.

Expected: the pods of the second live until the weights are confirmed and drained; the primary, which its autoscaler
had shrunk, is scaled up before all traffic comes back (or it comes back in steps); rules by header or cookie are gone
before the pods behind them are.

In Davy the second and the third version share the target: Kubernetes replaces the pods one by one as the new ones
become ready, so the side is never empty. What the third does with the traffic that is still on the target until the
weight is back cannot be kept from it; it is an interval at most. The traffic comes back at once as soon as the
primary has the pods, after one interval in any case: an autoscaler that has reached its maximum must not hold the
broken version up.
"""

from __future__ import annotations

import pytest
from tests.disasters.gateway import ROUTES, Traits
from tests.disasters.manifests import APP, PRIMARY, SCALER_REF, scaler
from tests.disasters.plane import OPERATOR
from tests.disasters.stage import Stage, running

from davy.sim.cases import Case, Scenario
from davy.sim.faults import Deed

MOST: dict[str, object] = {"stepWeight": 40, "maxWeight": 80}
NEEDED = 10
"""Pods that all the traffic needs."""


async def mostly_on_the_canary(s: Stage) -> None:
    """80 % on the second version, with ten pods; the primary, with a fifth of the traffic, is down to three."""
    s.scalers.load = {PRIMARY: NEEDED, APP: NEEDED}
    await s.until(lambda: s.workloads.ready(PRIMARY) == NEEDED)
    await s.release("2.0")
    await s.at(weight=40)
    s.scalers.load[PRIMARY] = 3
    await s.until(lambda: s.weight_in_force == 80 and s.workloads.ready(PRIMARY) == 3)


@pytest.mark.parametrize("gateway", [Traits(1.0), Traits(20.0), Traits(5.0, reports=False)], ids=str)
async def test_the_primary_has_its_pods_back_before_it_has_all_the_traffic(gateway: Traits) -> None:
    async with running(
        analysis={**MOST, "interval": "60s"},
        before=(scaler(2, NEEDED),),
        autoscalerRef=SCALER_REF,
        gateway=gateway,
        replicas=NEEDED,
    ) as s:
        await mostly_on_the_canary(s)
        s.scalers.load[PRIMARY] = NEEDED
        pods: list[int] = []
        s.plane.hear(ROUTES, lambda each: pods.append(s.workloads.ready(PRIMARY)) if each.by == OPERATOR else None)
        await s.release("3.0")
        await s.until(lambda: s.weight_written == 0)
        assert pods == [NEEDED]
        assert s.workloads.ready(APP) > 0
        await s.ended("Succeeded", within=1800)
        assert (s.tag(PRIMARY), s.runs_started()) == ("3.0", 2)


async def test_a_primary_that_its_autoscaler_keeps_small_holds_the_traffic_up_for_an_interval_at_most() -> None:
    async with running(
        analysis={**MOST, "interval": "60s"}, before=(scaler(2, 20),), autoscalerRef=SCALER_REF, replicas=NEEDED
    ) as s:
        await mostly_on_the_canary(s)
        s.workloads.hold(PRIMARY)  # no node takes more pods of it
        at = s.now
        await s.release("3.0")
        await s.until(lambda: s.weight_written == 0)
        assert 0 < s.now - at <= 60 + 1


async def test_a_third_version_that_never_starts_leaves_the_second_serving_until_the_weight_is_back() -> None:
    async with running(analysis=MOST, gateway=Traits(20.0)) as s:
        await s.release("2.0")
        await s.at(weight=80)
        await s.release("bad-3")
        await s.until(lambda: s.weight_in_force == 0)
        assert s.workloads.ready(APP) > 0
        await s.ended("Failed")
        assert (s.tag(PRIMARY), s.workloads.ready(PRIMARY)) == ("1.0", 2)


async def test_rules_by_header_are_gone_before_the_pods_behind_them_are() -> None:
    match = [{"headers": {"x-canary": {"exact": "insider"}}}]
    async with running(analysis={"iterations": 5, "match": match}, gateway=Traits(20.0)) as s:
        await s.release("2.0")
        await s.at(iterations=2)
        await s.until(lambda: leads_to_canary(s))
        await s.release("bad-3")
        await s.until(lambda: not leads_to_canary(s))
        assert s.workloads.ready(APP) > 0
        await s.ended("Failed")
        assert s.replicas(APP) == 0


async def test_rules_by_cookie_are_gone_before_the_pods_behind_them_are() -> None:
    kept = {"sessionAffinity": {"cookieName": "canary", "maxAge": 600}}
    async with running(analysis={**MOST, **kept}, gateway=Traits(20.0), readings={"2.0": 50.0}) as s:
        await s.release("2.0")
        await s.at(weight=40)
        assert leads_to_canary(s)
        await s.ended("Failed")
        assert (s.replicas(APP), leads_to_canary(s)) == (0, False)


def leads_to_canary(s: Stage) -> bool:
    """Some requests go to the canary, as the proxies have it."""
    route = s.gateway.in_force.get(("test", APP), {"spec": {}})
    backends = [each for rule in route["spec"].get("rules") or () for each in rule.get("backendRefs") or ()]
    return any(each["name"] == f"{APP}-canary" and each.get("weight", 1) for each in backends)


@pytest.mark.parametrize("gateway", ["", "slow", "silent", "ours"])
@pytest.mark.parametrize("third", ["1.3", "bad-3", "1.4"])
def test_simulated_with_every_gateway_and_a_primary_that_has_shrunk(gateway: str, third: str) -> None:
    superseded = Scenario(
        name="T3",
        analysis=MOST,
        gateway=gateway,
        scaler="hpa",
        load=6,
        script=(
            Deed(do="release", value="1.1", when="Initialized"),
            Deed(do="release", value=third, when="weight 80", after=5),
        ),
    )
    run = Case(superseded).run().to_the_end()
    assert run.phase == ("Succeeded" if third == "1.3" else "Failed")
