"""What a tick begins with: all that it depends on, the spec that a run goes by, and whose target it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from davy.api.ref import Manifest, Ref
from davy.controller.announce import Announcer
from davy.controller.drift import Drift
from davy.controller.gather import Gatherer
from davy.controller.queue import Key
from davy.controller.world import CANARY, METRIC_TEMPLATE, NotYet, World
from davy.kube.client import Client
from davy.perceive import Seen
from davy.settings import Settings

from . import manifests
from .conftest import NAMESPACE, Until

Look = Callable[[str], Awaitable[Seen]]


@pytest.fixture
async def gatherer(client: Client, world: World) -> Gatherer:
    announcer = Announcer(client, lambda: datetime(2030, 1, 1, tzinfo=UTC))
    drift = Drift("davy", asyncio.get_running_loop().time)
    return Gatherer(client, world, announcer, Settings(mesh_provider="kubernetes"), drift)


@pytest.fixture
def look(client: Client, world: World, gatherer: Gatherer, until: Until) -> Look:
    """Gathers for a canary, once the caches show it as it is stored."""

    async def looked(name: str) -> Seen:
        async def shown() -> bool:
            stored = await client.get(CANARY, NAMESPACE, name)
            held = world.watch(CANARY).get(NAMESPACE, name)
            return held is not None and held.resource_version == stored["metadata"]["resourceVersion"]

        seen: list[Seen] = []

        async def gathered() -> bool:
            try:
                found = await gatherer.gather((NAMESPACE, name), {})
            except NotYet:
                return False
            seen.extend([found] if found else [])
            return bool(seen)

        world.watch(METRIC_TEMPLATE)
        await until(shown)
        await until(gathered)
        return seen[-1]

    return looked


def canary(name: str, target: str, **spec: Any) -> Manifest:
    made = manifests.canary("kubernetes", **spec)
    made["metadata"]["name"] = name
    made["spec"]["targetRef"]["name"] = target
    return made


async def edit(client: Client, name: str, **spec: Any) -> None:
    await client.patch(CANARY, NAMESPACE, name, {"spec": spec}, content="merge")


async def stands(client: Client, name: str, **status: Any) -> None:
    await client.patch(CANARY, NAMESPACE, name, {"status": status}, content="merge", subresource="status")


def told(seen: Seen) -> list[tuple[str, str]]:
    return [(problem.path, problem.reason) for problem in seen.problems if problem.severity == "error"]


async def test_a_run_goes_on_with_the_target_that_it_began_with(client: Client, look: Look) -> None:
    for name in ("a", "b"):
        await client.create({**manifests.deployment(), "metadata": {"name": name, "namespace": NAMESPACE}})
    await client.create(canary("c", "a"))
    await stands(client, "c", phase="Progressing")
    assert told(await look("c")) == []
    await edit(client, "c", targetRef={"name": "b"})
    seen = await look("c")
    assert told(seen) == [("spec.targetRef", "ChangedDuringRun")]
    assert seen.last_valid is not None
    assert seen.last_valid.target_ref.name == "a"
    assert {Ref("apps/v1", "Deployment", NAMESPACE, name) for name in ("a", "b")} <= seen.objects.keys()
    await stands(client, "c", phase="Succeeded")
    assert told(await look("c")) == []


async def test_the_younger_is_refused_even_if_it_is_looked_at_first(
    client: Client, world: World, gatherer: Gatherer, look: Look, until: Until
) -> None:
    for name in ("first", "second"):
        await client.create(canary(name, "a"))

    async def listed() -> bool:
        return len(world.watch(CANARY).list()) == 2

    await until(listed)
    gatherer.claim_all()
    assert ("spec.targetRef", "TargetTaken") in told(await look("second"))
    assert told(await look("first")) == []


async def test_a_new_claim_wakes_the_one_that_has_to_give_way(client: Client, look: Look, woken: list[Key]) -> None:
    await client.create(canary("second", "a"))
    await look("second")
    await client.create(canary("first", "a"))
    woken.clear()
    await look("first")
    assert (NAMESPACE, "second") in woken


async def test_whose_primary_it_is_has_the_target_even_if_another_canary_is_older(client: Client, look: Look) -> None:
    await client.create(canary("older", "b"))
    made = await client.create(canary("z-younger", "a"))
    owner = {"apiVersion": made["apiVersion"], "kind": "Canary", "name": "z-younger", "uid": made["metadata"]["uid"]}
    primary = {"name": "a-primary", "namespace": NAMESPACE, "ownerReferences": [{**owner, "controller": True}]}
    await client.create({**manifests.deployment(), "metadata": primary})
    assert told(await look("z-younger")) == []
    await look("older")
    await edit(client, "older", targetRef={"name": "a"})
    assert ("spec.targetRef", "TargetTaken") in told(await look("older"))
    assert told(await look("z-younger")) == []
