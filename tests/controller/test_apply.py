"""The applier on an API server: writes only what is not so, takes over what Flagger wrote, and ends at a conflict."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from davy.api import codec
from davy.api.ref import Ref
from davy.api.status import CanaryStatus, Phase
from davy.controller.apply import Applier, Refused, Stale
from davy.controller.drift import Drift
from davy.controller.world import CANARY, World
from davy.core.names import FINALIZER
from davy.core.snapshot import Conflict
from davy.kube.client import Client
from davy.kube.errors import Invalid, NotFound
from davy.kube.kinds import Kind
from davy.render import Apply, Create, Finalizer, Replace, Scale, Status, Write

from . import manifests
from .conftest import Until

SERVICE = Ref("v1", "Service", "test", "app")
DEPLOYMENT = Kind("apps/v1", "Deployment")
KINDS = (Kind("v1", "Service"), DEPLOYMENT, Kind("flagger.app/v1beta1", "Canary"))


def service(port: int = 80, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app", "namespace": "test", "labels": labels},
        "spec": {
            "selector": {"app": "app"},
            "ports": [{"name": "http", "port": port, "protocol": "TCP", "targetPort": 8080}],
        },
    }


class Time:
    """A clock that stands still unless the test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def drift(client: Client, time: Time) -> Drift:
    return Drift(client.manager, time)


@pytest.fixture
async def applier(client: Client, world: World, drift: Drift) -> Applier:
    for kind in KINDS:
        await world.watch(kind).synced.wait()
    return Applier(client, world, drift)


async def seen(world: World, ref: Ref, until: Until) -> dict[str, Any]:
    async def there() -> bool:
        return world.get(ref) is not None

    await until(there)
    found = world.get(ref)
    assert found is not None
    return found


async def test_what_is_so_already_is_not_written(applier: Applier) -> None:
    assert await applier.apply((Apply(service(a="1")),)) == 1
    assert await applier.apply((Apply(service(a="1")),)) == 0


async def test_the_reply_to_a_write_is_in_the_cache_at_once(applier: Applier, world: World) -> None:
    await applier.apply((Apply(service(a="1")),))
    found = world.get(SERVICE)
    assert found is not None
    assert found["metadata"]["labels"] == {"a": "1"}


async def test_a_field_that_is_no_longer_wanted_goes(applier: Applier, world: World) -> None:
    await applier.apply((Apply(service(a="1", b="2")),))
    await applier.apply((Apply(service(a="1")),))
    found = world.get(SERVICE)
    assert found is not None
    assert found["metadata"]["labels"] == {"a": "1"}


async def test_what_somebody_changed_is_put_back_and_what_they_added_stays(
    applier: Applier, client: Client, world: World, until: Until
) -> None:
    await applier.apply((Apply(service(a="1")),))
    body = {"metadata": {"labels": {"a": "9", "theirs": "x"}}}
    await client.patch(Kind("v1", "Service"), "test", "app", body, content="merge")

    async def told() -> bool:
        found = world.get(SERVICE)
        return found is not None and found["metadata"]["labels"]["a"] == "9"

    await until(told)
    assert await applier.apply((Apply(service(a="1")),)) == 1
    found = world.get(SERVICE)
    assert found is not None
    assert found["metadata"]["labels"] == {"a": "1", "theirs": "x"}


async def test_what_flagger_wrote_becomes_ours_so_that_a_changed_port_is_not_there_twice(
    applier: Applier, client: Client, world: World, until: Until
) -> None:
    flagger = Client(client.config, manager="flagger")
    async with flagger:
        await flagger.create(service(80, old="1"))
    await seen(world, SERVICE, until)
    await applier.apply((Apply(service(8080, new="1")),))
    found = world.get(SERVICE)
    assert found is not None
    assert [port["port"] for port in found["spec"]["ports"]] == [8080]
    assert found["metadata"]["labels"] == {"new": "1"}


async def test_replacing_ends_at_a_change_that_came_first(applier: Applier, world: World) -> None:
    await applier.apply((Create(manifests.deployment()),))
    live = world.get(manifests.APP)
    assert live is not None
    template = copy.deepcopy(live["spec"]["template"])
    template["spec"]["containers"][0]["image"] = "registry.example/app:2.0"
    fresh = live["metadata"]["resourceVersion"]
    await applier.apply((Replace(manifests.APP, fresh, {"/spec/template": template}),))
    template = manifests.deployment("3.0")["spec"]["template"]
    with pytest.raises(Stale):
        await applier.apply((Replace(manifests.APP, fresh, {"/spec/template": template}),))


async def test_replacing_a_template_drops_what_it_no_longer_has(applier: Applier, world: World) -> None:
    made = manifests.deployment()
    made["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "A", "value": "1"},
        {"name": "A", "value": "2"},
    ]
    await applier.apply((Create(made),))
    live = world.get(manifests.APP)
    assert live is not None
    template = manifests.deployment()["spec"]["template"]
    await applier.apply((Replace(manifests.APP, live["metadata"]["resourceVersion"], {"/spec/template": template}),))
    live = world.get(manifests.APP)
    assert live is not None
    assert "env" not in live["spec"]["template"]["spec"]["containers"][0]


async def test_after_scaling_the_cache_counts_as_behind_until_the_watch_has_told(
    applier: Applier, world: World, until: Until
) -> None:
    await applier.apply((Create(manifests.deployment()),))
    await applier.apply((Scale(manifests.APP, 0),))

    async def caught_up() -> bool:
        return not world.behind(manifests.APP)

    await until(caught_up)
    live = world.get(manifests.APP)
    assert live is not None
    assert live["spec"]["replicas"] == 0


async def test_creating_what_is_there_ends_the_tick(applier: Applier) -> None:
    await applier.apply((Create(manifests.deployment()),))
    with pytest.raises(Stale):
        await applier.apply((Create(manifests.deployment()),))


async def test_a_status_decided_from_an_old_canary_is_refused(
    applier: Applier, client: Client, world: World, until: Until
) -> None:
    await client.create(manifests.canary())
    canary = codec.decode_canary(await seen(world, manifests.CANARY, until))
    await applier.apply((Status(canary, CanaryStatus(phase=Phase.INITIALIZING)),))
    with pytest.raises(Stale):
        await applier.apply((Status(canary, CanaryStatus(phase=Phase.INITIALIZED)),))
    live = world.get(manifests.CANARY)
    assert live is not None
    assert live["status"]["phase"] == "Initializing"


async def test_later_writes_are_not_made_after_one_that_failed(applier: Applier, world: World) -> None:
    await applier.apply((Create(manifests.deployment()),))
    with pytest.raises(Stale):
        await applier.apply((Create(manifests.deployment()), Apply(service())))
    assert world.get(SERVICE) is None


async def test_the_finalizer_joins_others_and_goes_alone(
    applier: Applier, client: Client, world: World, until: Until
) -> None:
    made = manifests.canary()
    made["metadata"]["finalizers"] = ["example.com/other"]
    await client.create(made)
    canary = codec.decode_canary(await seen(world, manifests.CANARY, until))
    await applier.apply((Finalizer(canary, present=True),))
    live = world.get(manifests.CANARY)
    assert live is not None
    assert live["metadata"]["finalizers"] == ["example.com/other", FINALIZER]
    await applier.apply((Finalizer(codec.decode_canary(live), present=False),))
    stored = await client.get(Kind("flagger.app/v1beta1", "Canary"), "test", "app")
    assert stored["metadata"]["finalizers"] == ["example.com/other"]


async def test_what_may_not_be_changed_does_not_stop_what_comes_after_it(applier: Applier, world: World) -> None:
    """A Service that cannot be repaired must not keep a rollback from its route and its status."""
    other = service(a="1")
    other["metadata"]["name"] = "other"
    await applier.apply((Apply(service()),))
    with pytest.raises(Refused, match="port") as caught:
        await applier.apply((Apply(service(port=70000)), Apply(other)))
    assert (caught.value.changed, type(caught.value.error)) == (1, Invalid)
    assert world.get(SERVICE._replace(name="other")) is not None


async def test_what_cannot_be_made_stops_what_comes_after_it(applier: Applier, world: World) -> None:
    other = service()
    other["metadata"]["name"] = "other"
    with pytest.raises(Invalid):
        await applier.apply((Apply(service(port=70000)), Apply(other)))
    assert world.get(SERVICE._replace(name="other")) is None


@pytest.mark.parametrize(
    "write",
    [
        Finalizer(codec.decode_canary(manifests.canary()), present=False),
        Scale(manifests.APP, 0),
        Replace(manifests.APP, "1", {"/spec/paused": True}),
    ],
)
async def test_writing_to_what_is_gone_is_no_failure(applier: Applier, write: Write) -> None:
    with pytest.raises(Stale, match="not found"):
        await applier.apply((write,))


async def test_what_cannot_be_made_because_its_namespace_is_missing_is_a_failure(applier: Applier) -> None:
    made = manifests.deployment()
    made["metadata"]["namespace"] = "nowhere"
    with pytest.raises(NotFound):
        await applier.apply((Create(made),))


async def test_the_status_of_a_canary_that_went_in_between_is_no_failure(
    applier: Applier, client: Client, world: World, until: Until
) -> None:
    await client.create(manifests.canary())
    canary = codec.decode_canary(await seen(world, manifests.CANARY, until))
    await client.delete(CANARY, "test", "app")
    with pytest.raises(Stale):
        await applier.apply((Status(canary, CanaryStatus(phase=Phase.INITIALIZING)),))


async def test_what_the_server_spells_differently_is_not_written_again(applier: Applier, world: World) -> None:
    """The server adds its defaults to a template: it never is what we wrote, letter for letter."""
    await applier.apply((Create(manifests.deployment()),))
    template = manifests.deployment("2.0")["spec"]["template"]
    counts = []
    for _ in range(3):
        live = world.get(manifests.APP)
        assert live is not None
        assert live["spec"]["template"] != template
        version = live["metadata"]["resourceVersion"]
        counts.append(await applier.apply((Replace(manifests.APP, version, {"/spec/template": template}),)))
    assert counts == [1, 0, 0]


@pytest.fixture
async def helm(client: Client) -> AsyncIterator[Client]:
    """Another writer."""
    async with Client(client.config, manager="helm") as made:
        yield made


Meddle = Callable[[], Awaitable[None]]


@pytest.fixture
def meddle(helm: Client, world: World, until: Until) -> Meddle:
    """The other writer points the Service elsewhere, and the cache has seen it."""

    async def meddled() -> None:
        body = {"spec": {"selector": {"app": "theirs"}}}
        reply = await helm.patch(Kind("v1", "Service"), "test", "app", body, content="merge")

        async def seen() -> bool:
            found = world.find(SERVICE)
            return found is not None and found.resource_version == reply["metadata"]["resourceVersion"]

        await until(seen)

    return meddled


async def test_a_quarrel_is_told_with_the_other_writers_name_and_the_repair_waits(
    applier: Applier, drift: Drift, time: Time, meddle: Meddle
) -> None:
    await applier.apply((Apply(service()),))
    for _ in range(3):
        assert drift.conflicts([SERVICE]) == ()
        await meddle()
        time.now += 5
        assert await applier.apply((Apply(service()),)) == 1
    assert drift.conflicts([SERVICE]) == (Conflict("Service test/app", "spec.selector.app", "helm"),)
    await meddle()
    assert await applier.apply((Apply(service()),)) == 0
    assert drift.again([SERVICE]) == 1.0
    time.now += 1.0
    assert await applier.apply((Apply(service()),)) == 1


async def test_a_repair_that_waits_keeps_nothing_else_from_being_written(
    applier: Applier, time: Time, meddle: Meddle, world: World
) -> None:
    await applier.apply((Apply(service()),))
    for _ in range(3):
        await meddle()
        time.now += 5
        await applier.apply((Apply(service()),))
    await meddle()
    assert await applier.apply((Apply(service()), Create(manifests.deployment()))) == 1
    assert world.get(manifests.APP) is not None


async def test_replicas_that_somebody_keeps_changing_are_a_quarrel_too(
    applier: Applier, drift: Drift, time: Time, helm: Client, world: World, until: Until
) -> None:
    await applier.apply((Create(manifests.deployment()),))

    async def caught_up() -> bool:
        found = world.get(manifests.APP)
        stored = await helm.get(DEPLOYMENT, "test", "app")
        return found is not None and found["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]

    for _ in range(4):
        await applier.apply((Scale(manifests.APP, 0),))
        await helm.patch(DEPLOYMENT, "test", "app", {"spec": {"replicas": 3}}, content="merge")
        await until(caught_up)
        time.now += 5
    assert await applier.apply((Scale(manifests.APP, 0),)) == 1
    assert drift.conflicts([manifests.APP]) == (Conflict("Deployment test/app", "spec.replicas", "helm"),)
