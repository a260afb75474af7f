"""Tracked configs in what a tick sees: which, what is known of each, and their content while it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from davy.api.ref import Manifest, Ref
from davy.controller.announce import Announcer
from davy.controller.drift import Drift
from davy.controller.gather import Gatherer
from davy.controller.queue import Key
from davy.controller.world import CANARY, METRIC_TEMPLATE, NotYet, World
from davy.kube.client import Client
from davy.kube.errors import Forbidden
from davy.kube.kinds import Kind
from davy.perceive import Seen, Tracked
from davy.settings import Settings

from . import manifests
from .conftest import NAMESPACE, Until

KEY: Key = (NAMESPACE, "app")
CONFIG, SECRET = Kind("v1", "ConfigMap"), Kind("v1", "Secret")
SETTINGS_REF, PASSWORD = Ref(*CONFIG, NAMESPACE, "settings"), Ref(*SECRET, NAMESPACE, "password")
COPY = SETTINGS_REF._replace(name="settings-primary")
USED = ("configmap/settings", "secret/password")


class Noting(Client):
    """Notes what is read by name, and can be forbidden it."""

    forbidden = ""
    reads: list[str]

    async def request(self, method: str, path: str, **more: Any) -> bytes:
        if method == "GET" and any(part in path for part in ("/configmaps/", "/secrets/")):
            self.reads.append(path.rpartition("/")[2])
            if self.forbidden and self.forbidden in path:
                raise Forbidden("no")
        return await super().request(method, path, **more)


class Bench:
    """A canary whose pods use a ConfigMap and a Secret."""

    def __init__(self, client: Client, reader: Noting, until: Until, **settings: Any) -> None:
        self.client, self.reader, self.until = client, reader, until
        self.woken: list[Key] = []
        self.world = World(reader, None, self.woken.append)
        drift = Drift("davy", asyncio.get_running_loop().time)
        announcer = Announcer(reader, lambda: manifests.BEGIN)
        self.gatherer = Gatherer(reader, self.world, announcer, Settings(mesh_provider="kubernetes", **settings), drift)
        for kind in (METRIC_TEMPLATE, CANARY):
            self.world.watch(kind)

    async def look(self) -> Seen:
        """What a tick sees, once the caches show all that is stored."""
        seen: list[Seen] = []

        async def looked() -> bool:
            if not await self.shown():
                return False
            try:
                found = await self.gatherer.gather(KEY, {})
            except NotYet:
                return False
            seen.extend([found] if found else [])
            return bool(seen)

        await self.until(looked)
        return seen[-1]

    async def shown(self) -> bool:
        for kind in (CONFIG, SECRET, CANARY, Kind("apps/v1", "Deployment")):
            held = {each.name: each.resource_version for each in self.world.watch(kind).list(NAMESPACE)}
            stored = (await self.client.list(kind, NAMESPACE)).items
            if held != {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in stored}:
                return False
        return True

    async def stands(self, **status: Any) -> None:
        await self.client.patch(CANARY, *KEY, {"status": status}, content="merge", subresource="status")

    async def at_rest(self) -> dict[str, str | None]:
        """After a release of what is there now, which is given back; what was read for it counts no more."""
        seen = await self.look()
        assert seen.configs is not None
        known = {name: tracked.checksum for name, tracked in seen.configs.items()}
        await self.stands(phase="Succeeded", trackedConfigs=known)
        await self.look()
        self.reader.reads.clear()
        self.woken.clear()
        return known


def pod(**optional: bool) -> Manifest:
    made = manifests.deployment()
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": "settings", **optional}}]
    made["spec"]["template"]["spec"]["volumes"] = [{"name": "x", "secret": {"secretName": "password", **optional}}]
    return made


def config(name: str = "settings", **data: str) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"k": "v1"}}


def secret() -> Manifest:
    metadata = {"name": "password", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": "", "k": "djE="}}


def released() -> tuple[Manifest, ...]:
    """All that a release has made."""
    primary = manifests.deployment()
    primary["metadata"]["name"] = "app-primary"
    copied = secret()
    copied["metadata"]["name"] = "password-primary"
    return pod(), primary, config("settings-primary"), copied


@pytest.fixture
async def reader(client: Client) -> AsyncIterator[Noting]:
    async with Noting(client.config) as made:
        made.reads = []
        yield made


@pytest.fixture
async def bench(client: Client, reader: Noting, until: Until) -> AsyncIterator[Bench]:
    made = Bench(client, reader, until)
    await client.create(manifests.canary("kubernetes"))
    yield made
    await made.world.close()


async def test_everything_that_the_pods_use_is_known_and_may_be_copied_at_first(bench: Bench) -> None:
    for made in (config(), secret(), pod(), config("unrelated")):
        await bench.client.create(made)
    seen = await bench.look()
    assert seen.configs is not None
    assert {name: tracked.unread for name, tracked in seen.configs.items()} == dict.fromkeys(USED, "")
    assert seen.objects[SETTINGS_REF]["data"] == {"k": "v1"}
    assert seen.objects[PASSWORD]["data"]["k"] == "djE="
    assert {ref.name for ref in seen.objects if ref.kind in ("ConfigMap", "Secret")} == {"settings", "password"}


async def test_at_rest_nothing_is_read_and_no_content_kept(bench: Bench) -> None:
    for made in (*released(), config(), secret()):
        await bench.client.create(made)
    known = await bench.at_rest()
    for _ in range(3):
        seen = await bench.look()
    assert bench.reader.reads == []
    assert seen.configs == {name: Tracked(checksum) for name, checksum in known.items()}
    assert not seen.objects.keys() & {SETTINGS_REF, PASSWORD}
    assert bench.world.get(SETTINGS_REF) is None


async def test_a_change_wakes_the_canary_is_read_once_and_can_be_compared_with_the_copy(bench: Bench) -> None:
    for made in (*released(), config(), secret()):
        await bench.client.create(made)
    await bench.at_rest()
    await bench.client.patch(CONFIG, NAMESPACE, "settings", {"data": {"k": "v2"}}, content="merge")

    async def woken() -> bool:
        return KEY in bench.woken

    await bench.until(woken)
    for _ in range(2):
        seen = await bench.look()
    assert sorted(bench.reader.reads) == ["password", "password-primary", "settings", "settings-primary"]
    assert seen.configs is not None
    assert seen.objects[SETTINGS_REF]["data"] == {"k": "v2"}
    assert seen.objects[COPY]["data"] == {"k": "v1"}


@pytest.mark.parametrize("gone", [("apps/v1", "Deployment", "app-primary"), ("v1", "Secret", "password-primary")])
async def test_what_was_copied_and_is_gone_can_be_made_again(bench: Bench, gone: tuple[str, str, str]) -> None:
    for made in (*released(), config(), secret()):
        await bench.client.create(made)
    await bench.at_rest()
    await bench.client.delete(Kind(*gone[:2]), NAMESPACE, gone[2])
    seen = await bench.look()
    assert seen.objects[PASSWORD]["data"]["k"] == "djE="


@pytest.mark.parametrize("optional", [True, False])
async def test_a_reference_to_nothing_is_fine_only_if_it_is_optional(bench: Bench, optional: bool) -> None:
    await bench.client.create(pod(optional=optional))
    seen = await bench.look()
    assert seen.configs is not None
    told = {name: tracked.unread for name, tracked in seen.configs.items()}
    missing = {
        "configmap/settings": "ConfigMap test/settings does not exist",
        "secret/password": "Secret test/password does not exist",
    }
    assert told == (dict.fromkeys(missing, "") if optional else missing)


@pytest.mark.parametrize("optional", [True, False])
async def test_one_that_cannot_be_read_is_not_taken_for_changed(bench: Bench, optional: bool) -> None:
    for made in (config(), secret(), pod(optional=optional)):
        await bench.client.create(made)
    bench.reader.forbidden = "/secrets/password"
    seen = await bench.look()
    assert seen.configs is not None
    assert seen.configs["configmap/settings"].unread == ""
    assert seen.configs["secret/password"] == Tracked(None, "Secret test/password cannot be read: no")


async def test_a_copy_that_cannot_be_read_is_not_taken_for_missing(bench: Bench) -> None:
    for made in (config(), secret(), pod(), config("settings-primary")):
        await bench.client.create(made)
    bench.reader.forbidden = "/configmaps/settings-primary"
    seen = await bench.look()
    assert seen.configs is not None
    assert seen.configs["configmap/settings"].unread == "ConfigMap test/settings-primary cannot be read: no"
    assert COPY not in seen.objects


async def test_configs_that_may_not_be_listed_are_unknown_and_not_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Noting.request

    async def refusing(self: Noting, method: str, path: str, **more: Any) -> bytes:
        if path.endswith("/api/v1/secrets"):
            raise Forbidden("no")
        return await request(self, method, path, **more)

    monkeypatch.setattr(Noting, "request", refusing)
    monkeypatch.setattr("davy.controller.world.LISTING", 0.0)
    for made in (config(), pod(optional=True)):
        await bench.client.create(made)

    async def known() -> bool:
        try:
            seen = await bench.gatherer.gather(KEY, {})
        except NotYet:
            return False
        if seen is None or not seen.configs or seen.configs["configmap/settings"].checksum is None:
            return False
        return (
            seen.configs["secret/password"].unread == "Secret test/password is not known: Secrets could not be listed"
        )

    await bench.until(known)


async def test_without_tracking_nothing_is_known_and_nothing_read(client: Client, reader: Noting, until: Until) -> None:
    bench = Bench(client, reader, until, enable_config_tracking=False)
    for made in (manifests.canary("kubernetes"), config(), secret(), pod()):
        await client.create(made)
    assert (await bench.look()).configs is None
    assert reader.reads == []
    await bench.world.close()
