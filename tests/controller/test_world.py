"""The caches by address: who is woken by what, and when what is held is older than our own write."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from davy.api.ref import Ref
from davy.controller import world as worlds
from davy.controller.queue import Key
from davy.controller.world import World
from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.kinds import Kind

from .conftest import Until

SERVICE = Ref("v1", "Service", "test", "a")
OTHER = Ref("v1", "Service", "test", "b")
KIND = Kind("v1", "Service")
CONFIG = Ref("v1", "ConfigMap", "test", "a")
KEY: Key = ("test", "app")


def service(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "test"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}


async def listed(world: World, woken: list[Key], until: Until) -> None:
    """The key depends on the Service, has been woken by the first list, and that is forgotten."""
    world.depend(KEY, [SERVICE])

    async def told() -> bool:
        return KEY in woken and world.watch(KIND).synced.is_set()

    await until(told)
    woken.clear()


async def test_a_change_wakes_those_who_depend_on_it_and_nobody_else(
    client: Client, world: World, woken: list[Key], until: Until
) -> None:
    await listed(world, woken, until)

    async def both() -> bool:
        return world.get(SERVICE) is not None and world.get(OTHER) is not None

    await client.create(service("b"))
    await client.create(service("a"))
    await until(both)
    assert woken == [KEY]


async def test_the_first_list_wakes_those_who_waited_for_it_even_if_it_is_empty(
    world: World, woken: list[Key], until: Until
) -> None:
    world.depend(KEY, [SERVICE])
    assert world.unsynced([SERVICE]) == (KIND,)

    async def told() -> bool:
        return KEY in woken

    await until(told)
    assert world.unsynced([SERVICE]) == ()


async def test_who_no_longer_depends_is_no_longer_woken(
    client: Client, world: World, woken: list[Key], until: Until
) -> None:
    await listed(world, woken, until)
    world.forget(KEY)
    await client.create(service("a"))

    async def there() -> bool:
        return world.get(SERVICE) is not None

    await until(there)
    assert woken == []
    assert world.readers(SERVICE) == frozenset()


async def test_what_we_hold_is_behind_until_the_watch_brings_our_write(
    client: Client, world: World, until: Until
) -> None:
    world.depend(KEY, [SERVICE])
    await world.watch(KIND).synced.wait()
    await client.create(service("a"))

    async def there() -> bool:
        return world.get(SERVICE) is not None

    await until(there)
    reply = await client.patch(KIND, "test", "a", {"metadata": {"labels": {"k": "v"}}}, content="merge")
    world.expect(SERVICE, reply["metadata"]["resourceVersion"])

    async def caught_up() -> bool:
        return not world.behind(SERVICE)

    await until(caught_up)
    found = world.get(SERVICE)
    assert found is not None
    assert found["metadata"]["labels"] == {"k": "v"}


async def test_a_deletion_wakes_too(client: Client, world: World, woken: list[Key], until: Until) -> None:
    await client.create(service("a"))
    await listed(world, woken, until)
    woken.clear()
    await client.delete(KIND, "test", "a")

    async def gone() -> bool:
        return KEY in woken and world.get(SERVICE) is None

    await until(gone)


async def test_a_watch_that_dies_of_a_fault_is_begun_anew(
    client: Client, world: World, woken: list[Key], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds, "FAULT_PAUSE", 0.0)
    run, begun = Cache.run, 0

    async def faulty(cache: Cache) -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise ZeroDivisionError("a fault for the test")
        await run(cache)

    monkeypatch.setattr(Cache, "run", faulty)
    await client.create(service("a"))
    await listed(world, woken, until)
    assert world.get(SERVICE) is not None
    assert begun == 2


async def test_an_object_is_decoded_once_for_each_version(
    client: Client, world: World, woken: list[Key], until: Until
) -> None:
    await client.create(service("a"))
    await listed(world, woken, until)
    first = world.get(SERVICE)
    assert first is not None
    assert world.get(SERVICE) is first
    labelled = {"metadata": {"labels": {"k": "v"}}}
    world.put(SERVICE, await client.patch(KIND, "test", "a", labelled, content="merge", type=msgspec.Raw))
    found = world.get(SERVICE)
    assert found is not None
    assert found["metadata"]["labels"] == {"k": "v"}


async def test_only_the_objects_looked_at_last_are_kept_decoded(
    client: Client, world: World, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds, "DECODED", 1)
    world.depend(KEY, [SERVICE, OTHER])

    async def both() -> bool:
        return world.get(SERVICE) is not None and world.get(OTHER) is not None

    await client.create(service("a"))
    await client.create(service("b"))
    await until(both)
    first = world.get(SERVICE)
    assert world.get(OTHER) is world.get(OTHER)
    again = world.get(SERVICE)
    assert again == first
    assert again is not first


async def test_content_is_there_only_where_it_was_asked_for(client: Client, world: World, until: Until) -> None:
    world.depend(KEY, [CONFIG])
    metadata = {"name": "a", "namespace": "test"}
    await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v"}})

    async def there() -> bool:
        return world.find(CONFIG) is not None

    await until(there)
    held = world.find(CONFIG)
    assert held is not None
    assert b'"v"' not in held.raw
    assert world.get(CONFIG) is None
    world.contents.use(KEY, [CONFIG])
    await world.contents.read([CONFIG], whole=True)
    found = world.get(CONFIG)
    assert found is not None
    assert (found["kind"], found["data"]) == ("ConfigMap", {"k": "v"})


async def test_our_own_write_of_a_config_need_not_be_read(client: Client, world: World) -> None:
    world.depend(KEY, [CONFIG])
    world.contents.use(KEY, [CONFIG])
    await world.watch(Kind("v1", "ConfigMap")).synced.wait()
    metadata = {"name": "a", "namespace": "test"}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v"}}
    world.put(CONFIG, await client.create(made, type=msgspec.Raw))
    found = world.get(CONFIG)
    assert found is not None
    assert found["data"] == {"k": "v"}
