"""T4 (argo-rollouts#4433, #2864, #3681; flagger#256, #826): capacity goes when the weight is written, not when it
counts.

Expected: with a router that needs 20 s to follow, constant load over the whole promotion sees no failed request; no
selector of a Service that carries traffic is ever swapped; the drain is at least as long as the propagation; weights
are verified where the router can report them.

A router that reports nothing cannot be waited for: there the settle time (the analysis interval, at most 60 s, or
`service.drainSeconds`) must be longer than it needs. That is said in the field's description; the third case shows
it.
"""

from __future__ import annotations

import pytest
from tests.disasters.gateway import ROUTES, Traits
from tests.disasters.manifests import APP, PRIMARY
from tests.disasters.probe import SERVICES
from tests.disasters.stage import Stage, running, weight_of

from davy.sim.cases import Case, Scenario
from davy.sim.faults import Deed

SLOW = 20.0
CASES = {
    "it reports": (Traits(SLOW), {}, "10s"),
    "it reports nothing, and drainSeconds is set": (Traits(SLOW, reports=False), {"drainSeconds": 25}, "10s"),
    "it reports nothing, and the interval is long": (Traits(SLOW, reports=False), {}, "30s"),
}


def selectors(s: Stage) -> dict[str, set[str]]:
    """By Service, all values that its selector ever had."""
    found: dict[str, set[str]] = {}
    for each in s.plane.written:
        if each.event.collection == SERVICES and each.event.type != "DELETED":
            selector = each.event.entry.manifest["spec"].get("selector") or {}
            found.setdefault(each.event.key[1], set()).add(str(selector.get("app")))
    return found


def emptied_after(s: Stage) -> float:
    """Seconds from the last write of the route until the target was scaled to zero."""
    moved = s.by_operator(f"{ROUTES}/{APP}")[-1].at
    down = [
        each.at
        for each in s.by_operator(f"deployments.apps/{APP}")
        if each.event.entry.manifest["spec"]["replicas"] == 0
    ][-1]
    return (down - moved).total_seconds()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("tag", ["2.0", "slow30-2", "2.1"])
async def test_no_request_fails_from_the_first_step_to_the_last(case: str, tag: str) -> None:
    """`slow30`: endpoints are registered half a minute late, on both sides."""
    gateway, service, interval = CASES[case]
    analysis = {"stepWeight": 50, "maxWeight": 50, "interval": interval}
    async with running(gateway=gateway, analysis=analysis, service=service, readings={"2.1": 80.0}) as s:
        await s.passes(SLOW)
        await s.release(tag)
        await s.ended("Failed" if tag == "2.1" else "Succeeded", within=1200)
        await s.passes(2 * SLOW)
        assert selectors(s) == {APP: {PRIMARY}, f"{APP}-primary": {PRIMARY}, f"{APP}-canary": {APP}}
        assert emptied_after(s) >= SLOW


@pytest.mark.parametrize("provider", ["gatewayapi:v1", "kubernetes"])
async def test_the_apex_is_not_swapped_in_a_blue_green_release(provider: str) -> None:
    async with running(provider, {"iterations": 2}, gateway=Traits(SLOW)) as s:
        await s.release("2.0")
        await s.ended("Succeeded")
        assert selectors(s)[APP] == {PRIMARY}


async def test_the_traffic_comes_back_by_steps_where_that_is_wished_each_confirmed() -> None:
    analysis = {"stepWeight": 50, "maxWeight": 100, "stepWeightPromotion": 50, "interval": "15s"}
    async with running(gateway=Traits(SLOW), analysis=analysis) as s:
        await s.passes(SLOW)
        await s.release("2.0")
        await s.ended("Succeeded")
        weights = [weight_of(each.event.entry.manifest) for each in s.by_operator(f"{ROUTES}/{APP}")]
        assert weights == [0, 50, 100, 50, 0]
        assert emptied_after(s) >= SLOW


@pytest.mark.parametrize("gateway", ["slow", "silent", "ours"])
@pytest.mark.parametrize("tag", ["1.1", "1.2"])
def test_simulated_with_gateways_that_follow_late(gateway: str, tag: str) -> None:
    """The witness knows what the proxies follow: `CutShort` if pods go while they still have a share."""
    promoted = Scenario(
        name="T4",
        gateway=gateway,
        analysis={"stepWeight": 50},
        script=(Deed(do="release", value=tag, when="Initialized"),),
    )
    run = Case(promoted).run().to_the_end()
    assert run.phase == ("Succeeded" if tag == "1.1" else "Failed")
