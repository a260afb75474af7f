"""The client against the embedded API server: every verb, the cache and the lease, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from davy.cluster.server import ApiServer, Store
from davy.kube.cache import Cache, Change
from davy.kube.client import Client
from davy.kube.config import Config, load_config
from davy.kube.errors import AlreadyExists, Conflict, Expired, Invalid, KindNotServed, NotFound
from davy.kube.kinds import Kind
from davy.kube.lease import Lease
from davy.kube.managed_fields import Applied, is_applied, owned_paths, take_over

CONFIG_MAP = Kind("v1", "ConfigMap")
DEPLOYMENT = Kind("apps/v1", "Deployment")
SERVICE = Kind("v1", "Service")


@pytest.fixture
async def cluster() -> AsyncIterator[ApiServer]:
    async with ApiServer(Store()) as server:
        yield server


@pytest.fixture
async def client(cluster: ApiServer, tmp_path: Path) -> AsyncIterator[Client]:
    cluster.write_kubeconfig(tmp_path / "kubeconfig")
    async with Client(load_config(str(tmp_path / "kubeconfig"))) as made:
        yield made


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "data": data,
    }


def deployment(image: str = "app:1") -> dict[str, Any]:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    metadata = {"name": "web", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def service(**ports: int) -> dict[str, Any]:
    spec = {
        "selector": {"app": "web"},
        "ports": [{"name": name, "port": port, "targetPort": port} for name, port in ports.items()],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"}, "spec": spec}


async def test_create_get_replace_delete(client: Client) -> None:
    made = await client.create(config_map("a", x="1"))
    with pytest.raises(AlreadyExists):
        await client.create(config_map("a"))
    assert await client.get(CONFIG_MAP, "default", "a") == made
    changed = await client.replace({**made, "data": {"x": "2"}})
    assert changed["data"] == {"x": "2"}
    with pytest.raises(Conflict):
        await client.replace({**made, "data": {"x": "3"}})
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAP, "default", "a", uid="another")
    await client.delete(CONFIG_MAP, "default", "a", uid=made["metadata"]["uid"])
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAP, "default", "a")
    with pytest.raises(NotFound):
        await client.delete(CONFIG_MAP, "default", "a")


async def test_pages_selectors_and_partial_decoding(client: Client) -> None:
    class Only(msgspec.Struct, frozen=True):
        data: msgspec.Raw

    for number in range(5):
        await client.create(config_map(f"m{number}", x=str(number)))
    found = await client.list(CONFIG_MAP, "default", page_size=2)
    assert [each["metadata"]["name"] for each in found.items] == [f"m{number}" for number in range(5)]
    one = await client.list(CONFIG_MAP, "default", labels="app=m3", type=Only)
    assert [bytes(each.data) for each in one.items] == [b'{"x":"3"}']
    partial = await client.list(CONFIG_MAP, "default", metadata_only=True)
    assert [each.keys() - {"apiVersion", "kind", "metadata"} for each in partial.items] == [set()] * 5


async def test_the_three_patches_and_the_scale_subresource(client: Client) -> None:
    await client.create(deployment())
    await client.patch(DEPLOYMENT, "default", "web", {"metadata": {"labels": {"a": "b"}}}, content="merge")
    add = [{"op": "add", "path": "/metadata/labels/c", "value": "d"}]
    await client.patch(DEPLOYMENT, "default", "web", add, content="json")
    env = {"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "E", "value": "f"}]}]}}}}
    await client.patch(DEPLOYMENT, "default", "web", env, content="strategic")
    await client.scale(DEPLOYMENT, "default", "web", 7)
    got = await client.get(DEPLOYMENT, "default", "web")
    assert got["metadata"]["labels"] == {"a": "b", "c": "d"}
    (container,) = got["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["env"]) == ("app:1", [{"name": "E", "value": "f"}])
    assert got["spec"]["replicas"] == 7
    assert (await client.get(DEPLOYMENT, "default", "web", subresource="scale"))["spec"] == {"replicas": 7}
    assert ("f:spec", "f:replicas") in owned_paths(got, "davy", "Update", "scale")


async def test_the_status_is_written_apart(client: Client) -> None:
    made = await client.create(deployment())
    await client.replace({**made, "spec": {}, "status": {"replicas": 3}}, subresource="status")
    got = await client.get(DEPLOYMENT, "default", "web")
    assert got["status"]["replicas"] == 3
    assert got["spec"] == made["spec"]
    assert got["metadata"]["generation"] == made["metadata"]["generation"]


async def test_apply_is_seen_as_already_so_until_something_differs(client: Client) -> None:
    want = service(http=80)
    live = await client.apply(want)
    last = Applied(want, live)
    assert is_applied(live, want, "davy", last)
    # an item, and a field, that we want no longer
    assert not is_applied(live, service(http=8080), "davy")
    assert not is_applied(live, service(http=80, grpc=90), "davy")
    both = await client.apply(service(http=80, grpc=90))
    assert not is_applied(both, want, "davy")
    again = await client.apply(want)
    assert is_applied(again, want, "davy", last)
    assert len(again["spec"]["ports"]) == 1
    # what others add stays theirs, and is no reason to write
    labelled = await client.patch(SERVICE, "default", "web", {"metadata": {"labels": {"team": "x"}}}, content="merge")
    assert not is_applied(labelled, want, "davy")  # written under our name, so it is ours to remove


async def test_fields_that_another_program_wrote_can_be_taken_over_and_then_removed(
    client: Client, cluster: ApiServer, tmp_path: Path
) -> None:
    async with Client(load_config(str(tmp_path / "kubeconfig")), manager="flagger") as flagger:
        live = await flagger.create({**service(http=80, old=81)})
    # without taking over, what flagger wrote would outlive our apply
    assert len((await client.apply(service(http=80)))["spec"]["ports"]) == 2
    live = await client.get(SERVICE, "default", "web")
    patch = take_over(live, "flagger", "davy")
    assert patch is not None
    taken = await client.patch(SERVICE, "default", "web", patch, content="json")
    assert owned_paths(taken, "flagger") == frozenset()
    assert not is_applied(taken, service(http=80), "davy")
    assert [port["name"] for port in (await client.apply(service(http=80)))["spec"]["ports"]] == ["http"]
    # the patch is bound to what it was made from
    with pytest.raises(Invalid):
        await client.patch(SERVICE, "default", "web", patch, content="json")


async def test_a_conflict_without_force_names_the_field(client: Client, cluster: ApiServer, tmp_path: Path) -> None:
    await client.apply(config_map("a", x="1"))
    async with Client(load_config(str(tmp_path / "kubeconfig")), manager="other") as other:
        with pytest.raises(Conflict) as caught:
            await other.apply(config_map("a", x="2"), force=False)
        assert [cause.field for cause in caught.value.causes] == [".data.x"]
        assert (await other.apply(config_map("a", x="2")))["data"] == {"x": "2"}


async def test_a_kind_is_found_once_its_definition_is_there_and_wrong_fields_are_named(client: Client) -> None:
    lamp = Kind("example.dev/v1", "Lamp")
    with pytest.raises(KindNotServed):
        await client.list(lamp)
    schema = {"type": "object", "properties": {"lit": {"type": "boolean"}}}
    await client.create(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "lamps.example.dev"},
            "spec": {
                "group": "example.dev",
                "scope": "Namespaced",
                "names": {"plural": "lamps", "singular": "lamp", "kind": "Lamp", "listKind": "LampList"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
            },
        }
    )
    manifest = {"apiVersion": "example.dev/v1", "kind": "Lamp", "metadata": {"name": "davy"}}
    with pytest.raises(Invalid) as caught:
        await client.create({**manifest, "lit": "yes"})
    assert [cause.field for cause in caught.value.causes] == ["lit"]
    await client.create({**manifest, "lit": True})
    assert (await client.get(lamp, "default", "davy"))["lit"] is True


async def test_a_watch_tells_what_follows_and_ends_when_told(client: Client) -> None:
    listing = await client.list(CONFIG_MAP, "default")
    made = await client.create(config_map("a"))
    await client.replace({**made, "data": {"x": "2"}})
    await client.delete(CONFIG_MAP, "default", "a")
    watch = client.watch(CONFIG_MAP, "default", resource_version=listing.resource_version, timeout=1)
    kinds = [event.type async for event in watch]
    assert [kind for kind in kinds if kind != "BOOKMARK"] == ["ADDED", "MODIFIED", "DELETED"]


async def test_a_version_that_has_left_the_log_is_expired() -> None:
    async with ApiServer(Store(log_size=2)) as server, Client(Config(server.url)) as client:
        listing = await client.list(CONFIG_MAP)
        for name in "abc":
            await client.create(config_map(name))
        with pytest.raises(Expired):
            await anext(client.watch(CONFIG_MAP, resource_version=listing.resource_version))


async def test_a_cache_follows_and_holds_our_own_writes_at_once(client: Client) -> None:
    await client.create(config_map("before"))
    cache = Cache(client, CONFIG_MAP, "default", metadata_only=True)
    changes: list[Change] = []
    more = asyncio.Event()

    def take(change: Change) -> None:
        changes.append(change)
        more.set()

    async def until(count: int) -> None:
        while len(changes) < count:
            more.clear()
            await asyncio.wait_for(more.wait(), 5)

    cache.subscribe(take)
    running = asyncio.ensure_future(cache.run())
    await asyncio.wait_for(cache.synced.wait(), 5)
    reply = await client.create(config_map("after", secret="hunter2"))
    cache.put(msgspec.json.encode(reply))
    assert cache.get("default", "after") is not None
    await client.delete(CONFIG_MAP, "default", "before")
    await until(3)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert [(change.type, change.object.name) for change in changes] == [
        ("ADDED", "before"),
        ("ADDED", "after"),
        ("DELETED", "before"),
    ]
    assert all(b"hunter2" not in each.raw for each in cache.list())


async def test_a_lease_is_held_and_handed_over(client: Client) -> None:
    one, two = (Lease(client, "default", "davy", name) for name in ("one", "two"))
    await one.acquire()
    assert not await two._tried(within=5)
    assert two.holder == "one"
    await one.release()
    await two.acquire()
    assert (await client.get(Kind("coordination.k8s.io/v1", "Lease"), "default", "davy"))["spec"][
        "holderIdentity"
    ] == "two"
