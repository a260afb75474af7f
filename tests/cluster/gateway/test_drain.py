"""The drain gate against an Envoy of which each look is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from davy.cluster.gateway.admin import Admin, Host, HostKey, hosts
from davy.cluster.gateway.drain import Drains, hosts_of, terminating_pods
from davy.cluster.gateway.endpoints import PodKey
from davy.cluster.gateway.translate import translate

from .worlds import endpoint, http_route, piece, to, world

POD = PodKey("default", "old", "uid-old")
KEY = HostKey("default_a_80", "127.0.1.4", 9898)
HOSTS = {POD: frozenset({KEY})}
BUSY, QUIET, UNAWARE = {KEY: Host(True, 3)}, {KEY: Host(True, 0)}, {KEY: Host(False, 0)}


class Looks(Admin):
    """Shows one state after the other; the last one for ever."""

    def __init__(self, *states: dict[HostKey, Host] | None) -> None:
        self.states = list(states)
        self.looks = 0

    async def hosts(self) -> dict[HostKey, Host]:
        self.looks += 1
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            raise TimeoutError
        return state


async def drained_after(admin: Looks, *, patience: float = 25.0, pods: Sequence[PodKey] = (POD,)) -> int:
    """How many looks it took until all pods were let go."""
    done = asyncio.Event()
    drains = Drains(lambda: admin, done.set, patience=patience)
    running = asyncio.create_task(drains.run())
    try:
        drains.follow(pods, HOSTS)
        await done.wait()
        assert drains.drained == set(pods)
        return admin.looks
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


CASES: list[tuple[list[dict[HostKey, Host] | None], int]] = [
    ([QUIET], 2),
    ([BUSY, BUSY, QUIET], 4),
    ([QUIET, BUSY, QUIET], 4),
    ([UNAWARE, UNAWARE, QUIET], 4),
    ([BUSY, {}], 3),
    ([None, QUIET], 3),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("states", "looks"), CASES)
async def test_a_pod_is_let_go_after_two_quiet_looks(states: list[dict[HostKey, Host] | None], looks: int) -> None:
    assert await drained_after(Looks(*states)) == looks


@pytest.mark.looptime
async def test_patience_ends_even_with_requests_open() -> None:
    began = asyncio.get_running_loop().time()
    await drained_after(Looks(BUSY), patience=25.0)
    assert 25.0 <= asyncio.get_running_loop().time() - began <= 25.1


async def test_a_pod_that_envoy_does_not_know_is_let_go_without_a_look() -> None:
    admin = Looks(QUIET)
    assert await drained_after(admin, pods=[PodKey("default", "x", "y")]) == 0


@pytest.fixture
async def running() -> AsyncIterator[tuple[Drains, Looks]]:
    admin = Looks(BUSY)
    drains = Drains(lambda: admin, lambda: None, pause=0.001)
    task = asyncio.create_task(drains.run())
    yield drains, admin
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_envoy_is_not_asked_when_nothing_drains(running: tuple[Drains, Looks]) -> None:
    drains, admin = running
    drains.follow([POD], HOSTS)
    while admin.looks < 3:
        await asyncio.sleep(0.001)
    drains.follow([], {})
    await asyncio.sleep(0.01)
    looks = admin.looks
    await asyncio.sleep(0.02)
    assert admin.looks == looks
    assert drains.drained == frozenset()


def test_where_a_pod_drains_is_read_from_the_configuration() -> None:
    slices = {("default", "a"): (piece("a", endpoint("127.0.1.4", "old", terminating=True), endpoint("127.0.1.1")),)}
    found = world(http_route("app", to("a")), slices=slices)
    assert hosts_of(translate(found)) == HOSTS
    assert terminating_pods(slices["default", "a"]) == {POD: "127.0.1.4"}


CLUSTERS = b"""{"cluster_statuses": [
  {"name": "default_a_80", "host_statuses": [
    {"address": {"socket_address": {"address": "127.0.1.4", "port_value": 9898}},
     "stats": [{"name": "rq_success", "value": "7"}, {"type": "GAUGE", "name": "rq_active", "value": "3"}],
     "health_status": {"eds_health_status": "DRAINING"}, "weight": 1}]},
  {"name": "davy_xds", "host_statuses": [
    {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}}, "stats": [],
     "health_status": {"eds_health_status": "HEALTHY"}}]},
  {"name": "empty"}]}"""


def test_envoys_page_of_clusters_is_read() -> None:
    assert hosts(CLUSTERS) == {KEY: Host(True, 3), HostKey("davy_xds", "127.0.0.1", 1): Host(False, 0)}
