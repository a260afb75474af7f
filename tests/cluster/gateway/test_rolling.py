"""Pods replaced one by one under load, each killed the moment that the gateway lets it go."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from davy.kube.kinds import Kind

from .conftest import NAMESPACE, Arena, Backend, endpoint, make_pod, route, slice_of, weights

POD = Kind("v1", "Pod")
SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice")
ROUNDS = 6


async def write_slice(arena: Arena, *endpoints: dict[str, Any]) -> None:
    body = {"endpoints": slice_of("app-primary", *endpoints)["endpoints"]}
    await arena.client.patch(SLICE, NAMESPACE, "app-primary-1", body, content="merge")


async def let_go(arena: Arena, name: str) -> None:
    async with asyncio.timeout(20):
        while True:
            pod = await arena.client.get(POD, NAMESPACE, name)
            if "gateway.davy.dev/drained" in pod["metadata"].get("annotations", {}):
                return
            await asyncio.sleep(0.01)


async def replace(arena: Arena, old: Backend, new: Backend) -> None:
    """As a node does it: the new one is ready before the old one ends; `old` dies with its connections open."""
    await make_pod(arena.client, new)
    await write_slice(arena, endpoint(old), endpoint(new))
    while new.served == 0:
        await asyncio.sleep(0.01)
    await write_slice(arena, endpoint(old, terminating=True), endpoint(new))
    await let_go(arena, old.name)
    old.stop()
    await write_slice(arena, endpoint(new))


async def test_pods_are_replaced_under_load_without_a_failed_request(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_primary=1)))
    await arena.in_force("app", 1)
    seen: Counter[int] = Counter()
    over = asyncio.Event()

    async def load() -> None:
        while not over.is_set():
            seen[(await arena.get())[0]] += 1

    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(load())
        old = arena.backends["primary"]
        for number in range(ROUNDS):
            new = await stack.enter_async_context(Backend(f"next-{number}", f"127.61.1.{number + 1}").serving())
            await replace(arena, old, new)
            old = new
        over.set()
    assert set(seen) == {200}
