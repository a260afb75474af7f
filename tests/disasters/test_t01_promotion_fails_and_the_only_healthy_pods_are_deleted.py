"""T1 (flagger#1898, #1931, #1932): the analysis passes, and the primary's copy of the new version does not come up.

Expected: traffic stays on the side that is ready, at every instant; the canary's replicas never drop while they carry
traffic; the state is called PromotionFailed; one alert; a third revision sends no traffic to the broken primary; a
primary that recovers later is promoted by itself.
"""

from __future__ import annotations

import pytest
from tests.disasters.manifests import APP, PRIMARY
from tests.disasters.stage import Stage, running

from davy.sim.cases import Case, Scenario
from davy.sim.deeds import APP as TARGET
from davy.sim.faults import Crash, Deed, Faults

PROVIDERS = ["gatewayapi:v1", "kubernetes"]


async def fails_to_promote(s: Stage) -> None:
    """The new version crashes in the primary only (its node, its sidecar), and the deadline passes."""
    await s.release("pbad-1")
    await s.ended("Failed")
    await s.passes(5)


def alarms(s: Stage) -> list[str]:
    return [each["attachments"][0]["text"] for each in s.outside.alerts if "Promotion failed" in str(each)]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_canary_keeps_the_traffic_and_its_pods(provider: str) -> None:
    async with running(provider) as s:
        await fails_to_promote(s)
        assert s.condition("Ready")["reason"] == "PromotionFailed"
        assert s.condition("Stalled")["status"] == "True"
        assert s.status()["canaryWeight"] == 100
        written = await s.quiet(3600)
        assert (s.workloads.ready(APP), s.replicas(APP)) == (2, 2)
        assert not written
        assert len(alarms(s)) == 1
        if provider != "kubernetes":
            assert s.weight_in_force == 100


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_third_revision_sends_no_traffic_to_the_broken_primary(provider: str) -> None:
    async with running(provider) as s:
        await fails_to_promote(s)
        begun = len(s.plane.written)
        await s.release("2.0")
        await s.reached("Promoting")
        routes = [each for each in s.plane.written[begun:] if each.what.startswith("httproutes")]
        assert not [each for each in routes if each.by == "davy"], "the canary keeps all traffic throughout the run"
        await s.ended("Succeeded")
        assert s.tag(PRIMARY) == "2.0"
        assert s.workloads.ready(PRIMARY) == 2
        assert s.selects() == PRIMARY


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_third_revision_that_is_bad_does_not_take_the_app_down(provider: str) -> None:
    """There is nothing to go back to: the canary, bad as it is, is the only copy that answers at all."""
    async with running(provider, readings={"2.1": 50.0}) as s:
        await fails_to_promote(s)
        await s.release("2.1")
        await s.until(lambda: s.runs_started() == 2)
        await s.ended("Failed")
        await s.passes(600)
        assert s.workloads.ready(APP) == 2
        assert s.condition("Ready")["reason"] == "PromotionFailed"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_git_reverted_after_it_mends_the_primary(provider: str) -> None:
    """In Flagger the hash equals lastPromotedSpec: nothing to do, and the primary keeps the broken template."""
    async with running(provider) as s:
        await fails_to_promote(s)
        await s.release("1.0")
        await s.until(lambda: s.tag(PRIMARY) == "1.0" and s.workloads.ready(PRIMARY) == 2, within=1200)
        await s.until(lambda: s.condition("Ready").get("reason") == "AtRest", within=1200)
        assert s.status().get("canaryWeight", 0) == 0


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_primary_that_recovers_is_promoted_by_itself(provider: str) -> None:
    async with running(provider) as s:
        s.workloads.hold(PRIMARY)  # no node takes its new pods
        await s.release("2.0")
        await s.ended("Failed")
        s.workloads.hold(PRIMARY, held=False)
        await s.reached("Succeeded", within=1200)
        assert s.tag(PRIMARY) == "2.0"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_primary_that_is_recreated_has_no_traffic_while_it_changes(provider: str) -> None:
    """`strategy: Recreate` ends all old pods before the first new one is made: the canary has everything before."""
    async with running(provider, strategy={"type": "Recreate"}) as s:
        await fails_to_promote(s)
        await s.passes(600)
        assert s.workloads.ready(APP) == 2


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_recreated_primary_that_comes_up_gets_everything_back(provider: str) -> None:
    async with running(provider, strategy={"type": "Recreate"}) as s:
        await s.release("2.0")
        await s.ended("Succeeded")
        await s.passes(60)
        assert (s.tag(PRIMARY), s.selects()) == ("2.0", PRIMARY)


def scenario(provider: str, *more: Deed) -> Scenario:
    analysis = {"iterations": 2} if provider == "kubernetes" else {"stepWeight": 20, "maxWeight": 40}
    release = Deed(do="release", value="pbad-1", when="Initialized")
    return Scenario(name="T1", provider=provider, analysis=analysis, script=(release, *more), ends="")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_simulated_and_cut_after_every_write(provider: str) -> None:
    """The properties of the simulator hold after every write: above all, no side with weight is ever empty."""
    mended = scenario(provider, Deed(do="release", value="1.1", when="ended"))
    plain = Case(mended).run().to_the_end()
    assert plain.phase == "Succeeded"
    for write in range(1, plain.attempts + 1):
        run = Case(mended, Faults(crashes=(Crash(write),))).run().to_the_end()
        assert (run.phase, run.world.ready(TARGET)) == ("Succeeded", 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_simulated_the_target_keeps_its_pods(provider: str) -> None:
    run = Case(scenario(provider)).run().to_the_end()
    assert (run.phase, run.status["canaryWeight"], run.world.ready(TARGET)) == ("Failed", 100, 2)
