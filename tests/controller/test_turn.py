"""Many replicas, one that works: what the others do meanwhile, and how the turn passes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from davy.controller import process
from davy.controller.process import operator
from davy.kube.client import Client
from davy.kube.errors import Forbidden
from davy.kube.kinds import Kind
from davy.kube.lease import Lease, LeaseLost, Terms
from davy.settings import Settings

from .conftest import NAMESPACE, Until

LEASE = Kind("coordination.k8s.io/v1", "Lease")
PLACE = f"{NAMESPACE}/leader"
BRISK = Terms(duration=60, renew_deadline=5, retry=0.05)
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


class Replica(Client):
    """Notes its requests; can be forbidden the lease, and holds its other writes back until it is let."""

    forbidden = False
    identity = ""
    asked: list[tuple[str, str]]
    finished: list[tuple[str, str]]
    let: asyncio.Event
    lease: Lease

    async def request(self, method: str, path: str, **more: Any) -> bytes:
        self.asked.append((method, path))
        if "/leases" in path:
            if self.forbidden:
                raise Forbidden(f'leases is forbidden: User "{self.identity}" cannot have them')
        elif method in WRITES:
            await self.let.wait()
        answer = await super().request(method, path, **more)
        self.finished.append((method, path))
        return answer

    def beyond_the_lease(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.asked if "coordination.k8s.io" not in path]

    def wrote(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.finished if method in WRITES and "/leases" not in path]


Recruit = Callable[[str], Replica]


@pytest.fixture
async def recruit(client: Client) -> AsyncIterator[Recruit]:
    async with AsyncExitStack() as stack:

        def recruited(name: str) -> Replica:
            replica = Replica(client.config)
            replica.asked, replica.finished, replica.let, replica.identity = [], [], asyncio.Event(), name
            replica.let.set()
            replica.lease = Lease(replica, NAMESPACE, "leader", name, terms=BRISK)
            stack.push_async_callback(replica.close)
            return replica

        yield recruited


@asynccontextmanager
async def running(replica: Replica, *, alone: bool = False) -> AsyncIterator[str]:
    """The address of its endpoints."""
    async with (
        replica,
        operator(
            replica,
            Settings(),
            clock=lambda: datetime.now(UTC),
            host="127.0.0.1",
            lease=None if alone else replica.lease,
        ) as port,
    ):
        yield f"http://127.0.0.1:{port}"


async def said(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


def working(url: str) -> Callable[[], Any]:
    async def ready() -> bool:
        return await said(f"{url}/readyz") == (200, "OK")

    return ready


def writing(replica: Replica) -> Callable[[], Any]:
    async def begun() -> bool:
        return any(method in WRITES and "/canaries/" in path for method, path in replica.asked)

    return begun


async def holder(client: Client) -> str:
    return str((await client.get(LEASE, NAMESPACE, "leader"))["spec"].get("holderIdentity", ""))


def canary(name: str) -> dict[str, Any]:
    """With a metric that nobody defines: looking at it once costs a status and an Event."""
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "provider": "kubernetes",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {"port": 80},
            "analysis": {
                "interval": "10s",
                "threshold": 1,
                "iterations": 1,
                "metrics": [{"name": "x", "templateRef": {"name": "gone"}}],
            },
        },
    }


async def test_one_works_and_the_other_only_looks_at_the_lease(client: Client, recruit: Recruit, until: Until) -> None:
    first, second = recruit("first"), recruit("second")
    async with running(first) as leader:
        await until(working(leader))
        async with running(second) as standby:

            async def waits() -> bool:
                return await said(f"{standby}/readyz") == (200, f"standing by: lease {PLACE} is held by first")

            async def looked_at() -> bool:
                return any("canaries/app/status" in path for _, path in first.wrote())

            await until(waits)
            await client.create(canary("app"))
            await until(looked_at)
            looks = len(second.asked)

            async def looked_again() -> bool:
                return len(second.asked) > looks + 2

            await until(looked_again)
            assert second.beyond_the_lease() == []
            assert {method for method, _ in second.asked} == {"GET"}
            assert await said(f"{standby}/healthz") == (200, "OK")
            assert "flagger_info{" in (await said(f"{standby}/metrics"))[1]


async def test_a_replica_that_is_told_to_stop_passes_its_turn_on_at_once(
    client: Client, recruit: Recruit, until: Until
) -> None:
    first, second = recruit("first"), recruit("second")
    async with AsyncExitStack() as stack:
        async with running(first) as leader:
            await until(working(leader))
            standby = await stack.enter_async_context(running(second))
        await until(working(standby))
        assert await holder(client) == "second"
        done = len(first.asked)
        await client.create(canary("app"))

        async def looked_at() -> bool:
            return any("canaries/app/status" in path for _, path in second.wrote())

        await until(looked_at)
        assert len(first.asked) == done
    assert await holder(client) == ""


async def test_a_standby_that_is_told_to_stop_ends_and_leaves_the_lease_alone(
    client: Client, recruit: Recruit, until: Until
) -> None:
    first, second = recruit("first"), recruit("second")
    async with running(first) as leader:
        await until(working(leader))
        async with running(second):
            pass
        assert await holder(client) == "first"
        assert await said(f"{leader}/readyz") == (200, "OK")


async def test_a_lost_lease_ends_the_operator_when_all_has_stopped(
    client: Client, recruit: Recruit, until: Until
) -> None:
    first = recruit("first")

    async def robbed() -> None:
        async with running(first) as leader:
            await until(working(leader))
            first.let.clear()
            await client.create(canary("app"))
            await until(writing(first))
            await client.patch(LEASE, NAMESPACE, "leader", {"spec": {"holderIdentity": "thief"}}, content="merge")
            await asyncio.Event().wait()

    with pytest.raises(BaseExceptionGroup) as lost, capture_logs() as lines:
        await robbed()
    assert lost.group_contains(LeaseLost, match=f"lease {PLACE} is held by thief now")
    assert [line["why"] for line in lines if line["log_level"] == "error"] == [f"lease {PLACE} is held by thief now"]
    asked = list(first.asked)
    first.let.set()
    assert await holder(client) == "thief"
    assert (first.wrote(), first.asked) == ([], asked)


async def test_a_lease_that_may_not_be_had_is_told_and_waited_for(recruit: Recruit, until: Until) -> None:
    first = recruit("first")
    first.forbidden = True
    why = (
        'leases is forbidden: User "first" cannot have them; '
        "allow get, create and update of leases there, or name another namespace"
    )
    with capture_logs() as lines:
        async with running(first) as url:

            async def told() -> bool:
                return await said(f"{url}/readyz") == (503, f"standing by: lease {PLACE} cannot be had: {why}")

            await until(told)
            looks = len(first.asked)

            async def looked_again() -> bool:
                return len(first.asked) > looks + 2

            await until(looked_again)
            assert [line["why"] for line in lines if line["log_level"] == "warning"] == [why]
            assert (await said(f"{url}/healthz"))[0] == 200
            first.forbidden = False
            await until(working(url))


async def test_a_tick_under_way_is_finished_and_no_other_is_begun(
    client: Client, recruit: Recruit, until: Until
) -> None:
    alone = recruit("alone")
    leaving = asyncio.Event()

    async def operate() -> None:
        async with running(alone, alone=True) as url:
            await until(working(url))
            alone.let.clear()
            await client.create(canary("app"))
            await leaving.wait()

    operating = asyncio.create_task(operate())
    await until(writing(alone))
    leaving.set()
    await client.create(canary("late"))
    assert alone.wrote() == []
    alone.let.set()
    await operating
    paths = [path for _, path in alone.wrote()]
    assert any("canaries/app/status" in path for path in paths)
    assert paths[-1].endswith("/events")
    assert not any("late" in path for path in paths)
    assert (await client.get(Kind("flagger.app/v1beta1", "Canary"), NAMESPACE, "app")).get("status")


async def test_a_write_that_never_ends_is_given_up(
    client: Client, recruit: Recruit, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.05)
    first = recruit("first")
    with capture_logs() as lines:
        async with running(first) as url:
            await until(working(url))
            first.let.clear()
            await client.create(canary("app"))
            await until(writing(first))
    assert first.wrote() == []
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "stopped in the middle of a tick; it is taken up again at the next start"
    ]
    assert await holder(client) == ""
