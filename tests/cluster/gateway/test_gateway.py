"""A real Envoy behind the gateway: weights, statuses, refusals, draining, restarts."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from davy.cluster.gateway.push import push
from davy.cluster.gateway.translate import Config
from davy.cluster.gateway.xds import XdsServer
from davy.kube.errors import NotFound
from davy.kube.kinds import Kind

from .conftest import NAMESPACE, Arena, Backend, endpoint, free_port, make_pod, route, service, slice_of, until, weights

HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute")
POD = Kind("v1", "Pod")


async def test_the_split_follows_the_weights(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_primary=90, app_canary=10)))
    conditions = await arena.in_force("app", 1)
    assert {c["type"]: c["status"] for c in conditions.values()} == {"Accepted": "True", "ResolvedRefs": "True"}
    counts = await arena.counts(400)
    assert set(counts) == {"primary", "canary"}
    assert 15 <= counts["canary"] <= 75


async def test_weights_change_under_load_without_a_failed_request(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_primary=100, app_canary=0)))
    await arena.in_force("app", 1)
    seen: Counter[tuple[int, str]] = Counter()
    over = asyncio.Event()

    async def load() -> None:
        while not over.is_set():
            seen[await arena.get()] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(load())
        for generation in range(2, 22):
            canary = 100 if generation % 2 else 10
            manifest = route("app", weights(app_primary=100 - canary, app_canary=canary))
            await arena.change(manifest)
            await arena.in_force("app", generation)
        over.set()
    assert set(seen) == {(200, "primary"), (200, "canary")}


async def test_status_speaks_of_a_generation_only_when_it_is_in_force(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_primary=1)))
    await arena.in_force("app", 1)
    for generation in range(2, 12):
        target = "canary" if generation % 2 == 0 else "primary"
        await arena.change(route("app", weights(**{f"app_{target}": 1})))
        await arena.in_force("app", generation)
        assert await arena.get() == (200, target)


async def test_a_route_that_envoy_refuses_is_told_and_the_others_go_on(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_primary=1)))
    await arena.in_force("app", 1)
    bad = {"matches": [{"path": {"type": "RegularExpression", "value": "/(["}}], **weights(app_canary=1)}
    await arena.change(route("app", bad))
    refused = (await arena.in_force("app", 2))["Accepted"]
    assert (refused["status"], refused["reason"]) == ("False", "UnsupportedValue")
    assert "missing ]" in refused["message"]
    assert await arena.get() == (200, "primary")
    await arena.client.create(route("other", weights(app_canary=1), hostnames=("other.example.com",)))
    await arena.in_force("other", 1)
    assert await arena.get(host="other.example.com") == (200, "canary")
    await arena.change(route("app", weights(app_canary=1)))
    await arena.in_force("app", 3)
    assert await arena.get() == (200, "canary")


async def test_a_route_deleted_while_envoy_is_told_of_it_ends_nothing(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(xds: XdsServer, config: Config, *, timeout: float) -> None:
        await push(xds, config, timeout=timeout)
        if any(name == "doomed" for _, name in routes):
            with suppress(NotFound):
                await arena.client.delete(HTTP_ROUTE, NAMESPACE, "doomed")
            await until(lambda: (NAMESPACE, "doomed") not in routes)

    routes = arena.gateway._shelves.routes.items
    monkeypatch.setattr("davy.cluster.gateway.gateway.push", slow)
    await arena.client.create(route("doomed", weights(app_primary=1), hostnames=("doomed.example.com",)))
    await until(lambda: (NAMESPACE, "doomed") in routes)
    await until(lambda: (NAMESPACE, "doomed") not in routes)
    await arena.client.create(route("app", weights(app_primary=1)))
    await arena.in_force("app", 1)
    assert await arena.get() == (200, "primary")


async def test_a_missing_backend_answers_500_and_is_named(arena: Arena) -> None:
    await arena.client.create(route("app", weights(nowhere=1)))
    resolved = (await arena.in_force("app", 1))["ResolvedRefs"]
    assert (resolved["status"], resolved["reason"]) == ("False", "BackendNotFound")
    assert "default/nowhere" in resolved["message"]
    assert (await arena.get())[0] == 500


async def test_a_route_waits_for_the_first_ready_endpoint_of_a_new_backend(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_primary=1)))
    await arena.in_force("app", 1)
    late = Backend("late", "127.61.0.3")
    async with late.serving():
        await arena.client.create(service("late"))
        await arena.change(route("app", weights(late=1)))
        await asyncio.sleep(0.1)
        assert await arena.get() == (200, "primary")
        await arena.client.create(slice_of("late", endpoint(late)))
        await arena.in_force("app", 2)
        assert await arena.get() == (200, "late")


async def test_a_terminating_pod_is_let_go_only_after_its_last_request(arena: Arena) -> None:
    second = Backend("second", "127.61.0.4")
    first = arena.backends["primary"]
    await make_pod(arena.client, second)
    async with second.serving():
        await arena.client.replace(await merged(arena, slice_of("app-primary", endpoint(first), endpoint(second))))
        await arena.client.create(route("app", weights(app_primary=1)))
        await arena.in_force("app", 1)
        slow = [asyncio.create_task(arena.get("/slow")) for _ in range(4)]
        await until(lambda: first.open > 0 and second.open > 0 and first.open + second.open == 4)
        draining = slice_of("app-primary", endpoint(first), endpoint(second, terminating=True))
        await arena.client.replace(await merged(arena, draining))
        await until_counted(arena, second)
        assert drained(await arena.client.get(POD, NAMESPACE, "second")) is None
        assert second.open > 0
        first.hold.set()
        second.hold.set()
        assert {await task for task in slow} == {(200, "primary"), (200, "second")}
        async with asyncio.timeout(10):
            while drained(await arena.client.get(POD, NAMESPACE, "second")) is None:
                await asyncio.sleep(0.005)
        assert drained(await arena.client.get(POD, NAMESPACE, "second")) == second.address
        assert not second.connections
        assert set(await arena.counts(20)) == {"primary"}


async def until_counted(arena: Arena, out: Backend) -> None:
    """Waits until new requests avoid the backend."""
    async with asyncio.timeout(10):
        served = -1
        while served != out.served:
            served = out.served
            for _ in range(20):
                assert (await arena.get())[0] == 200


async def merged(arena: Arena, manifest: dict[str, Any]) -> dict[str, Any]:
    kind = Kind(manifest["apiVersion"], manifest["kind"])
    live = await arena.client.get(kind, NAMESPACE, manifest["metadata"]["name"])
    return {**manifest, "metadata": live["metadata"]}


def drained(pod: dict[str, Any]) -> str | None:
    annotations: dict[str, str] = pod["metadata"].get("annotations", {})
    return annotations.get("gateway.davy.dev/drained")


async def test_an_envoy_that_dies_comes_back_with_the_same_routes(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_canary=1)))
    await arena.in_force("app", 1)
    old = arena.gateway.pid
    assert old is not None
    os.kill(old, signal.SIGKILL)
    await until(lambda: arena.gateway.pid not in (None, old))
    async with asyncio.timeout(15):
        while True:
            try:
                status = (await arena.get())[0]
            except OSError:
                status = 0
            if status == 200:
                break
            await asyncio.sleep(0.02)
    await arena.change(route("app", weights(app_primary=1)))
    await arena.in_force("app", 2)
    assert await arena.get() == (200, "primary")


async def test_a_service_with_a_loopback_address_is_served_there(arena: Arena) -> None:
    port = free_port()
    ports = [{"name": "http", "port": port, "targetPort": 8080, "protocol": "TCP"}]
    await arena.client.create(service("apex", clusterIP="127.62.0.1", ports=ports))
    await arena.client.create(slice_of("apex", endpoint(arena.backends["canary"])))

    async def answer() -> str:
        try:
            async with arena.http.get(f"http://127.62.0.1:{port}/") as response:
                return await response.text()
        except OSError:
            return ""

    async with asyncio.timeout(10):
        while await answer() != "canary":
            await asyncio.sleep(0.01)
    await arena.client.replace(await merged(arena, slice_of("apex", endpoint(arena.backends["primary"]))))
    async with asyncio.timeout(10):
        while await answer() != "primary":
            await asyncio.sleep(0.01)


async def test_the_gateway_is_programmed_and_names_its_address(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_primary=1)))
    await arena.in_force("app", 1)
    async with asyncio.timeout(10):
        while True:
            found = await arena.client.get(Kind("gateway.networking.k8s.io/v1", "Gateway"), NAMESPACE, "public")
            status = found.get("status", {})
            if status.get("listeners", [{}])[0].get("attachedRoutes") == 1:
                break
            await asyncio.sleep(0.01)
    assert status["addresses"] == [{"type": "IPAddress", "value": "127.0.0.1"}]
    assert {c["type"]: c["status"] for c in status["conditions"]} == {"Accepted": "True", "Programmed": "True"}
    settled = found["metadata"]["resourceVersion"]
    await arena.change(route("app", weights(app_primary=2)))
    await arena.in_force("app", 2)
    again = await arena.client.get(Kind("gateway.networking.k8s.io/v1", "Gateway"), NAMESPACE, "public")
    assert again["metadata"]["resourceVersion"] == settled
