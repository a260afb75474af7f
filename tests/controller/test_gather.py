"""What a tick begins with: all that it depends on, the spec that a run goes by, and whose target it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.validate import Problem
from davy.controller import gather
from davy.controller.announce import Announcer
from davy.controller.drift import Drift
from davy.controller.gather import Gatherer
from davy.controller.queue import Key
from davy.controller.world import CANARY, METRIC_TEMPLATE, NotYet, World
from davy.kube.client import Client
from davy.kube.kinds import Kind
from davy.perceive import Seen
from davy.settings import Settings
from davy.validity import problems

from . import manifests
from .conftest import NAMESPACE, Until

Look = Callable[[str], Awaitable[Seen]]
DEPLOYMENT = Kind("apps/v1", "Deployment")
HPA = Kind("autoscaling/v2", "HorizontalPodAutoscaler")


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


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The canaries in which problems were looked for."""
    names: list[str] = []

    def noted(canary: Canary, *more: Any) -> tuple[Problem, ...]:
        names.append(canary.name)
        return problems(canary, *more)

    monkeypatch.setattr(gather, "problems", noted)
    return names


async def test_problems_are_not_looked_for_again_while_only_statuses_change(
    client: Client, look: Look, judged: list[str]
) -> None:
    await client.create({**manifests.deployment(), "metadata": {"name": "a", "namespace": NAMESPACE}})
    await client.create(canary("c", "a"))
    first = await look("c")
    judged.clear()
    await stands(client, "c", phase="Initialized")
    body = {"status": {"observedGeneration": 1, "replicas": 2}}
    await client.patch(DEPLOYMENT, NAMESPACE, "a", body, content="merge", subresource="status")
    second = await look("c")
    assert second.canary.status.phase == "Initialized"
    assert judged == []
    assert second.problems == first.problems


SCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "a"}
LATENCY = {"name": "latency", "templateRef": {"name": "latency"}, "thresholdRange": {"max": 1}}
PROMETHEUS = {"type": "prometheus", "address": "http://metrics.example"}


def named(kind: Kind, name: str, **spec: Any) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}


async def another_provider(client: Client) -> None:
    await edit(client, "c", provider="linkerd")


async def a_bad_template(client: Client) -> None:
    await client.patch(METRIC_TEMPLATE, NAMESPACE, "latency", {"spec": {"query": "{{ nope }}"}}, content="merge")


async def a_missing_scaler(client: Client) -> None:
    await client.delete(HPA, NAMESPACE, "a")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (another_provider, "UnknownProvider"),
        (a_bad_template, "BadTemplate"),
        (a_missing_scaler, "AutoscalerMissing"),
    ],
)
async def test_problems_are_looked_for_again_when_something_has_changed_that_makes_some(
    client: Client, look: Look, until: Until, change: Callable[[Client], Awaitable[None]], reason: str
) -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "maxReplicas": 3}
    await client.create(named(HPA, "a", **target))
    await client.create(named(METRIC_TEMPLATE, "latency", provider=PROMETHEUS, query="up"))
    analysis = {"iterations": 1, "metrics": [LATENCY]}
    await client.create(canary("c", "a", autoscalerRef=SCALER, analysis=analysis))

    async def told_of(*reasons: str) -> bool:
        return [found for _, found in told(await look("c"))] == list(reasons)

    await until(told_of)
    await change(client)
    await until(partial(told_of, reason))


async def test_somebody_elses_object_with_the_name_of_a_copy_is_told_of(
    client: Client, look: Look, until: Until
) -> None:
    made = manifests.deployment()
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    await client.create(made)
    for name in ("settings", "settings-primary"):
        metadata = {"name": name, "namespace": NAMESPACE}
        await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": name}})
    await client.create(canary("c", "app"))

    async def found() -> bool:
        return ("spec.targetRef", "CopyTaken") in told(await look("c"))

    await until(found)
