"""T11 (flagger#374, #515, #1179, #773): a Canary is made for an app that runs.

Expected: the target keeps its replicas until the primary is ready and the route confirmed; a failed adoption leaves
the app exactly as it was; nothing of the user's objects is lost; a restart at any point resumes safely. Stimuli: the
image's pull takes three minutes; the primary can never be scheduled; a Service with extra ports and an HTTPRoute with
filters that were there before; `skipAnalysis`; the operator killed after every single write.

Davy differs in one word: the text wants a failed adoption to remove the primary. Davy keeps trying (the primary
follows the target until it starts), and says so; it takes no traffic meanwhile, and an edit of the target is all that
is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.disasters.gateway import ROUTES, Traits
from tests.disasters.manifests import APP, NAMESPACE, PRIMARY, canary, deployment, route, service
from tests.disasters.plane import Luck
from tests.disasters.probe import SERVICES
from tests.disasters.stage import Stage, stage

from davy.sim.cases import Case, Scenario
from davy.sim.deeds import APP as TARGET
from davy.sim.faults import Crash, Deed, Faults

PROVIDERS = ["gatewayapi:v1", "kubernetes"]
PORTS = [
    {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"},
    {"name": "metrics", "port": 9090, "targetPort": 9090, "protocol": "TCP"},
]


@asynccontextmanager
async def app(tag: str, gateway: Traits | None = None) -> AsyncIterator[Stage]:
    """An app as people run it: three pods, a Service with two ports, an HTTPRoute with a filter and two rules."""
    async with stage(gateway=gateway or Traits(2.0)) as s:
        own = service(ports=PORTS)
        own["metadata"] |= {"labels": {"team": "a"}, "annotations": {"example.com/owner": "a"}}
        mine = route()
        elsewhere = {"matches": [{"path": {"type": "PathPrefix", "value": "/old"}}]}
        mine["spec"]["rules"].insert(0, {**elsewhere, "backendRefs": [{"name": APP, "port": 80}]})
        await s.create(deployment(tag, 3), own, mine)
        await s.until(lambda: s.workloads.ready(APP) == 3)
        await s.passes(10)
        yield s


async def switched_on(s: Stage, provider: str, **spec: Any) -> None:
    await s.create(canary(provider, **{"progressDeadlineSeconds": 60, **spec}))
    await s.start()


def live(s: Stage, collection: str) -> dict[str, Any]:
    found = s.plane.get(collection, NAMESPACE, APP)
    assert found is not None
    return found


def untouched(s: Stage) -> bool:
    return (s.replicas(APP), s.workloads.ready(APP), s.selects()) == (3, 3, APP)


@pytest.mark.parametrize("skip", [False, True], ids=["analysed", "skipAnalysis"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_image_that_takes_three_minutes_to_pull(provider: str, skip: bool) -> None:
    """Longer than the progress deadline: a stuck primary is waited for all the same."""
    async with app("slow180-1") as s:
        await switched_on(s, provider, skipAnalysis=skip)
        await s.passes(170)
        assert untouched(s)
        assert s.phase == "Initializing"
        await s.reached("Initialized")
        assert (s.workloads.ready(PRIMARY), s.replicas(APP), s.selects()) == (3, 0, PRIMARY)


@pytest.mark.parametrize("skip", [False, True], ids=["analysed", "skipAnalysis"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_primary_that_can_never_be_scheduled_leaves_the_app_as_it_was(provider: str, skip: bool) -> None:
    async with app("1.0") as s:
        before = live(s, SERVICES), live(s, ROUTES)["spec"]
        s.workloads.hold(PRIMARY)
        await switched_on(s, provider, skipAnalysis=skip)
        await s.passes(3600)
        assert untouched(s)
        assert (live(s, SERVICES), live(s, ROUTES)["spec"]) == before
        assert s.condition("Ready")["reason"] == "PrimaryStuck"
        assert s.condition("Stalled")["status"] == "True"
        s.workloads.hold(PRIMARY, held=False)
        await s.reached("Initialized")
        assert s.workloads.ready(PRIMARY) == 3


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_first_image_that_is_bad_in_the_primary_is_mended_by_an_edit_of_the_target(provider: str) -> None:
    async with app("pbad-1") as s:
        await switched_on(s, provider)
        await s.passes(600)
        assert untouched(s)
        await s.release("1.1")
        await s.reached("Initialized")
        assert s.tag(PRIMARY) == "1.1"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_nothing_of_the_users_objects_is_lost(provider: str) -> None:
    async with app("1.0") as s:
        await switched_on(s, provider)
        await s.reached("Initialized")
        await s.passes(60)
        found = live(s, SERVICES)
        assert {port["name"] for port in found["spec"]["ports"]} == {"http", "metrics"}
        assert found["metadata"]["labels"]["team"] == "a"
        assert found["metadata"]["annotations"]["example.com/owner"] == "a"
        assert "ownerReferences" not in found["metadata"]


@pytest.mark.xfail(strict=True, reason="rules of a route that was there before are replaced while the canary is there")
async def test_filters_and_rules_of_a_users_route_go_on() -> None:
    """flagger#1857."""
    async with app("1.0") as s:
        await switched_on(s, "gatewayapi:v1")
        await s.reached("Initialized")
        await s.passes(60)
        rules = live(s, ROUTES)["spec"]["rules"]
        assert any(match["path"]["value"] == "/old" for rule in rules for match in rule.get("matches") or ())
        assert any(each["type"] == "RequestHeaderModifier" for rule in rules for each in rule.get("filters") or ())


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("tag", ["1.0", "slow90-1"])
async def test_the_operator_is_killed_after_every_single_write(provider: str, tag: str) -> None:
    async with app(tag) as s:
        s.plane.luck = lambda number: Luck.CRASH
        await switched_on(s, provider)
        await s.reached("Initialized")
        s.plane.luck = lambda number: None
        assert (s.workloads.ready(PRIMARY), s.replicas(APP), s.selects()) == (3, 0, PRIMARY)
        assert s.workloads.crew(PRIMARY).started == 3


@pytest.mark.parametrize("luck", [Luck.CONFLICT, Luck.BUSY, Luck.BROKEN, Luck.LOST])
async def test_every_second_write_meets_with_bad_luck(luck: Luck) -> None:
    async with app("1.0") as s:
        s.plane.luck = lambda number: luck if number % 2 else None
        await switched_on(s, "gatewayapi:v1")
        await s.reached("Initialized")
        assert (s.workloads.ready(PRIMARY), s.replicas(APP), s.selects()) == (3, 0, PRIMARY)


async def test_a_gateway_that_refuses_the_route_keeps_the_target_up() -> None:
    """It never follows: the target is not scaled down, for its pods are the ones that are called."""
    async with app("1.0") as s:
        s.gateway.traits = Traits(3600.0)
        await switched_on(s, "gatewayapi:v1")
        await s.passes(1200)
        assert (s.replicas(APP), s.workloads.ready(APP)) == (3, 3)
        assert s.phase == "Initializing"
        assert "gateway" in s.status()["message"]


async def test_the_app_is_deployed_after_its_canary() -> None:
    async with stage() as s:
        await s.create(canary())
        await s.start()
        await s.passes(60)
        await s.create(deployment("1.0", 2))
        await s.reached("Initialized")
        assert s.workloads.ready(PRIMARY) == 2


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("tag", ["1.0", "slow90-1", "pbad-1"])
@pytest.mark.parametrize("skip", [False, True], ids=["analysed", "skipAnalysis"])
def test_simulated_adoptions_cut_after_every_write(provider: str, tag: str, skip: bool) -> None:
    scenario = Scenario(
        name="T11",
        provider=provider,
        tag=tag,
        apex=True,
        fresh=True,
        gateway="slow" if provider.startswith("gateway") else "",
        spec={"skipAnalysis": skip},
        script=(Deed(do="release", value="1.1", when="Initializing", after=200),) if tag == "pbad-1" else (),
    )
    plain = Case(scenario).run().to_the_end()
    assert (plain.phase, plain.world.ready(TARGET)) == ("Initialized", 0)
    for write in range(1, plain.attempts + 1):
        run = Case(scenario, Faults(crashes=(Crash(write),))).run().to_the_end()
        assert run.phase == "Initialized"
