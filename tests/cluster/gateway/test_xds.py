"""The xDS server, asked by hand as Envoy asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from davy.cluster.gateway.xds import Key, RejectedError, Type, XdsServer

Json = dict[str, Any]
CLUSTERS = Key(Type.CLUSTER)
ROUTES = Key(Type.ROUTE, "http-80")


@dataclass
class Poller:
    """Envoy's side: polls, takes over or refuses."""

    http: aiohttp.ClientSession
    url: str
    node: str = "one"

    async def poll(self, version: str = "", key: Key = CLUSTERS) -> Json | None:
        names = [] if key.name == "*" else [key.name]
        body = {"node": {"id": self.node}, "version_info": version, "resource_names": names}
        async with self.http.post(f"{self.url}/v3/discovery:{key.type.value}", json=body) as response:
            if response.status == 304:
                return None
            found: Json = await response.json()
            return found


@dataclass
class Pair:
    server: XdsServer
    envoy: Poller


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with XdsServer(hold=0.05) as server, aiohttp.ClientSession() as http:
        yield Pair(server, Poller(http, f"http://127.0.0.1:{server.port}"))


async def test_a_poll_is_answered_with_the_version_and_the_types(pair: Pair) -> None:
    pair.server.offer(CLUSTERS, [{"name": "a"}])
    assert await pair.envoy.poll() == {
        "version_info": "1",
        "type_url": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "resources": [{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a"}],
    }


async def test_a_poll_waits_for_a_change(pair: Pair) -> None:
    pair.server.offer(CLUSTERS, [{"name": "a"}])
    await pair.envoy.poll()
    waiting = asyncio.create_task(pair.envoy.poll("1"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    pair.server.offer(CLUSTERS, [{"name": "b"}])
    answer = await waiting
    assert answer is not None
    assert (answer["version_info"], answer["resources"][0]["name"]) == ("2", "b")


async def test_a_poll_without_news_ends_with_304(pair: Pair) -> None:
    assert await pair.envoy.poll() is None
    pair.server.offer(CLUSTERS, [])
    await pair.envoy.poll()
    assert await pair.envoy.poll("1") is None


async def test_the_same_resources_are_no_news(pair: Pair) -> None:
    assert pair.server.offer(CLUSTERS, [{"name": "a"}])
    assert not pair.server.offer(CLUSTERS, [{"name": "a"}])
    assert pair.server.offer(CLUSTERS, [])


async def test_a_version_is_acknowledged_by_the_next_poll(pair: Pair) -> None:
    pair.server.offer(CLUSTERS, [{"name": "a"}])
    acked = asyncio.create_task(pair.server.acked([CLUSTERS], timeout=5))
    answer = await pair.envoy.poll()
    assert answer is not None
    await asyncio.sleep(0.01)
    assert not acked.done()
    await pair.envoy.poll(answer["version_info"])
    await acked


async def test_without_an_acknowledgement_waiting_ends(pair: Pair) -> None:
    pair.server.offer(CLUSTERS, [{"name": "a"}])
    with pytest.raises(TimeoutError):
        await pair.server.acked([CLUSTERS], timeout=0.02)


async def test_a_refused_version_is_held_and_the_next_one_is_sent(pair: Pair) -> None:
    pair.server.offer(ROUTES, [{"name": "good"}])
    assert await pair.envoy.poll("", ROUTES)
    pair.server.offer(ROUTES, [{"name": "bad"}])
    acked = asyncio.create_task(pair.server.acked([ROUTES], timeout=5))
    assert await pair.envoy.poll("1", ROUTES)  # sends version 2
    assert await pair.envoy.poll("1", ROUTES) is None  # Envoy still has version 1: it refused 2
    with pytest.raises(RejectedError) as error:
        await acked
    assert (error.value.key, error.value.version) == (ROUTES, 2)
    assert await pair.envoy.poll("1", ROUTES) is None
    pair.server.offer(ROUTES, [{"name": "better"}])
    answer = await pair.envoy.poll("1", ROUTES)
    assert answer is not None
    assert answer["version_info"] == "3"
    await pair.envoy.poll("3", ROUTES)
    await pair.server.acked([ROUTES], timeout=1)


async def test_a_first_version_that_is_refused_is_held_too(pair: Pair) -> None:
    pair.server.offer(ROUTES, [{"name": "bad"}])
    assert await pair.envoy.poll("", ROUTES)
    assert await pair.envoy.poll("", ROUTES) is None
    with pytest.raises(RejectedError):
        await pair.server.acked([ROUTES], timeout=1)


async def test_a_second_subscriber_gets_what_the_first_has(pair: Pair) -> None:
    """Envoy asks from the beginning when it replaces a cluster by one with another definition."""
    key = Key(Type.ENDPOINT, "a")
    pair.server.offer(key, [{"cluster_name": "a"}])
    await pair.envoy.poll("", key)
    await pair.envoy.poll("1", key)
    assert await pair.envoy.poll("", key) is not None
    await pair.server.acked([key], timeout=1)


async def test_a_new_process_gets_everything_again_even_what_the_last_one_refused(pair: Pair) -> None:
    pair.server.offer(CLUSTERS, [{"name": "bad"}])
    await pair.envoy.poll()
    await pair.envoy.poll()
    pair.envoy.node = "two"
    assert await pair.envoy.poll() is not None


async def test_names_are_kept_apart_and_can_be_withdrawn(pair: Pair) -> None:
    first, second = Key(Type.ENDPOINT, "a"), Key(Type.ENDPOINT, "b")
    pair.server.offer(first, [{"cluster_name": "a"}])
    assert await pair.envoy.poll("", second) is None
    answer = await pair.envoy.poll("", first)
    assert answer is not None
    assert answer["resources"][0]["cluster_name"] == "a"
    assert pair.server.offered(Type.ENDPOINT) == {"a"}
    pair.server.withdraw(first)
    assert pair.server.offered(Type.ENDPOINT) == set()


async def test_a_poll_that_was_cut_off_does_not_count_as_sent(pair: Pair) -> None:
    pair.server.offer(CLUSTERS, [{"name": "a"}])
    await pair.envoy.poll()
    cut = asyncio.create_task(pair.envoy.poll("1"))
    await asyncio.sleep(0.01)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    await asyncio.sleep(0.01)
    pair.server.offer(CLUSTERS, [{"name": "b"}])
    assert await pair.envoy.poll("1") is not None
