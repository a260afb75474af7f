"""T9 (flagger#1026, #1407, #1720, #208): every five seconds another tool re-applies the original Service, and
`replicas: 3` on the target.

Expected: repaired by a watch in less than a second, without a gap where that can be; the condition FieldConflict
names the other manager; edits of replicas or of metadata do not restart an analysis. With a route the apex Service
does not matter to those who come through the gateway: its backends are the Services of the two sides.

What decisions.md adds: after three quarrels in a minute the repair of a field waits, from 1 s up to a minute. That
must never be longer than a gap may last: what carries traffic is repaired within a second whoever quarrels.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.disasters.manifests import APP, NAMESPACE, PRIMARY, deployment, service
from tests.disasters.probe import SERVICES
from tests.disasters.stage import DEPLOYMENT, Stage, running

from davy.kube.client import Client
from davy.kube.config import Config
from davy.sim.cases import Case, Scenario
from davy.sim.faults import Deed, Faults

GITOPS = "argocd-controller"
EVERY = 5.0
PROVIDERS = ["gatewayapi:v1", "kubernetes"]


class Tool:
    """Applies what stands in Git, by server-side apply with force, as such tools do."""

    def __init__(self, s: Stage, client: Client, replicas: int | None) -> None:
        self.s = s
        self.client = client
        self.replicas = replicas
        self.tag = "1.0"

    async def sync(self) -> None:
        await self.client.apply(service())
        await self.client.apply(deployment(self.tag, self.replicas))

    async def run(self) -> None:
        while True:
            await self.sync()
            await asyncio.sleep(EVERY)


@asynccontextmanager
async def gitops(s: Stage, replicas: int | None = 3) -> AsyncIterator[Tool]:
    async with Client(Config(server=s.plane.url), manager=GITOPS, user_agent="kubectl") as client:
        tool = Tool(s, client, replicas)
        task = asyncio.create_task(tool.run())
        try:
            yield tool
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def longest(s: Stage) -> float:
    return max((gap.lasted(s.now) for gap in s.probe.gaps), default=0.0)


def wrong_for(s: Stage) -> float:
    """The longest time for which the apex Service has selected the target."""
    longest, since = 0.0, None
    for each in s.plane.written:
        if each.what == f"{SERVICES}/{APP}":
            selects = each.event.entry.manifest["spec"]["selector"]["app"]
            if selects == APP and since is None:
                since = each.at
            if selects == PRIMARY and since is not None:
                longest, since = max(longest, (each.at - since).total_seconds()), None
    return longest if since is None else (s.clock() - since).total_seconds()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("replicas", [3, None], ids=["with replicas", "without"])
async def test_at_rest_the_apex_is_repaired_within_a_second_for_as_long_as_it_goes_on(
    provider: str, replicas: int | None
) -> None:
    async with running(provider, before=(service(),), tolerated=1.0) as s:
        await s.passes(60)
        s.plane.written.clear()
        async with gitops(s, replicas):
            await s.passes(600)
        assert longest(s) < 1.0
        assert wrong_for(s) < 1.1
        conflict = s.condition("FieldConflict")
        assert conflict["status"] == "True"
        assert GITOPS in conflict["message"]
        assert s.runs_started() == 0
        assert s.selects() == PRIMARY
        assert s.replicas(APP) == (replicas or 0), "at rest, who gives the target pods means it"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_release_goes_through_and_is_not_restarted(provider: str) -> None:
    async with running(provider, before=(service(),), tolerated=1.0) as s:
        await s.passes(60)
        s.plane.written.clear()
        async with gitops(s) as tool:
            await s.passes(30)
            tool.tag = "2.0"
            await s.reached("Finalising")
            await s.passes(120)
            assert (s.tag(PRIMARY), s.phase) == ("2.0", "Finalising")
            assert s.condition("FieldConflict")["status"] == "True"
        await s.ended("Succeeded")
        assert (s.tag(PRIMARY), s.runs_started()) == ("2.0", 1)
        assert wrong_for(s) < 1.1
        assert longest(s) < 1.0


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_bad_release_is_rolled_back_and_stays_so(provider: str) -> None:
    async with running(provider, before=(service(),), tolerated=1.0, readings={"2.1": 50.0}) as s:
        await s.passes(60)
        async with gitops(s) as tool:
            tool.tag = "2.1"
            await s.reached("Failed")
            await s.passes(300)
        await s.ended("Failed")
        assert (s.tag(PRIMARY), s.runs_started()) == ("1.0", 1)
        assert longest(s) < 1.0


async def test_replicas_and_metadata_restart_nothing_in_the_middle_of_a_run() -> None:
    async with running(analysis={"stepWeight": 20, "maxWeight": 60, "interval": "60s"}) as s:
        await s.release("2.0")
        await s.at(weight=20)
        started = s.status()["runStartedAt"]
        for number in (3, 2, 5):
            await s.scale(APP, number)
            note = {"metadata": {"annotations": {"example.com/sync": str(number)}, "labels": {"sync": str(number)}}}
            await s.person.patch(DEPLOYMENT, NAMESPACE, APP, note, content="merge")
            await s.passes(7)
        assert (s.status()["runStartedAt"], s.status()["canaryWeight"], s.runs_started()) == (started, 20, 1)


async def test_who_quarrels_no_more_is_forgotten() -> None:
    async with running("kubernetes", before=(service(),), tolerated=1.0) as s:
        async with gitops(s):
            await s.until(lambda: s.condition("FieldConflict").get("status") == "True")
        await s.until(lambda: not s.condition("FieldConflict"), within=1800)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("tag", ["1.1", "1.2"])
def test_simulated_with_a_tool_that_points_and_scales(provider: str, tag: str) -> None:
    scenario = Scenario(
        name="T9",
        provider=provider,
        analysis={"iterations": 2} if provider == "kubernetes" else {"stepWeight": 20, "maxWeight": 40},
        apex=True,
        script=(Deed(do="release", value=tag, when="Initialized"),),
    )
    points = Deed(do="point", value="target", second=3, every=5, times=30)
    scales = Deed(do="scale", value=3, second=3, every=5, times=30)
    run = Case(scenario, Faults(deeds=(points, scales))).run().to_the_end()
    assert run.phase == ("Succeeded" if tag == "1.1" else "Failed")
