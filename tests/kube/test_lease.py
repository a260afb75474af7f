"""One leader at a time, whatever the network does; nobody waits longer than the terms say."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import ANY

import pytest
from structlog.testing import capture_logs

from davy.kube.client import Client
from davy.kube.errors import AlreadyExists, Conflict, Forbidden, NotFound, Unreachable
from davy.kube.identity import Config
from davy.kube.lease import Lease, LeaseLost

pytestmark = pytest.mark.looptime

START = datetime(2026, 1, 1, tzinfo=UTC)


class Store:
    """The one Lease object."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0

    @property
    def holder(self) -> str:
        return str(self.lease["spec"]["holderIdentity"]) if self.lease else ""


class Line(Client):
    """One candidate's connection to the store, which can be cut, or lose the replies."""

    def __init__(self, store: Store) -> None:
        super().__init__(Config("http://nowhere"))
        self.store = store
        self.fault: str | None = None

    async def get(self, *_: Any, **__: Any) -> Any:
        await self._cross()
        if self.store.lease is None:
            raise NotFound("no lease")
        return self.store.lease

    async def create(self, manifest: Any, **__: Any) -> Any:
        await self._cross()
        if self.store.lease is not None:
            raise AlreadyExists("there is one")
        return await self._stored(manifest)

    async def replace(self, manifest: Any, **__: Any) -> Any:
        await self._cross()
        if manifest["metadata"]["resourceVersion"] != str(self.store.version):
            raise Conflict("somebody was faster")
        return await self._stored(manifest)

    async def _cross(self) -> None:
        await asyncio.sleep(0.01)
        if self.fault == "cut":
            raise Unreachable("cut")
        if self.fault == "forbidden":
            raise Forbidden('leases is forbidden: User "davy" cannot get them in the namespace "davy"')
        if self.fault == "hangs":
            await asyncio.Event().wait()

    async def _stored(self, manifest: Any) -> Any:
        self.store.version += 1
        metadata = {**manifest["metadata"], "resourceVersion": str(self.store.version)}
        self.store.lease = {**manifest, "metadata": metadata}
        if self.fault == "loses replies":
            raise Unreachable("reply lost", maybe_applied=True)
        return self.store.lease


def candidate(store: Store, name: str) -> tuple[Lease, Line]:
    line, clock = Line(store), asyncio.get_running_loop().time
    began = clock()
    lease = Lease(
        line,
        "davy",
        "leader",
        name,
        clock=clock,
        now=lambda: START + timedelta(seconds=clock() - began),
        random=Random(0),
    )
    return lease, line


class Watchman:
    """Knows who works, and insists that it is one at most."""

    def __init__(self) -> None:
        self.working: list[str] = []
        self.history: list[str] = []

    async def work(self, name: str) -> None:
        assert self.working == [], f"{name} begins while {self.working} works"
        self.working.append(name)
        self.history.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            self.working.remove(name)


def now() -> float:
    return asyncio.get_running_loop().time()


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))


async def test_a_free_lease_is_taken_at_once_and_written_as_kubernetes_does() -> None:
    store = Store()
    lease, _ = candidate(store, "one")
    await lease.acquire()
    assert store.lease is not None
    assert store.lease["metadata"]["name"] == "leader"
    assert store.lease["spec"] == {
        "holderIdentity": "one",
        "leaseDurationSeconds": 60,
        "acquireTime": "2026-01-01T00:00:00.010000Z",
        "renewTime": "2026-01-01T00:00:00.010000Z",
        "leaseTransitions": 0,
    }


async def test_two_candidates_one_leader_and_a_clean_handover() -> None:
    store, watchman = Store(), Watchman()
    (one, _), (two, _) = candidate(store, "one"), candidate(store, "two")
    first = asyncio.create_task(one.lead(lambda: watchman.work("one")))
    await asyncio.sleep(1)
    second = asyncio.create_task(two.lead(lambda: watchman.work("two")))
    await asyncio.sleep(300)
    assert watchman.history == ["one"]
    left = now()
    await end(first)
    assert store.holder == ""
    while watchman.history != ["one", "two"]:
        await asyncio.sleep(0.1)
    assert now() - left <= 6.2  # one retry, not the whole duration
    assert store.lease is not None
    assert store.lease["spec"]["leaseTransitions"] == 2
    await end(second)


async def test_a_dead_leader_is_followed_after_the_duration() -> None:
    store = Store()
    (one, _), (two, _) = candidate(store, "one"), candidate(store, "two")
    await one.acquire()  # and never renews
    began = now()
    await two.acquire()
    assert 60 <= now() - began <= 67
    assert store.holder == "two"


@pytest.mark.parametrize("fault", ["cut", "hangs"])
async def test_a_leader_that_cannot_renew_stops_long_before_another_may_begin(fault: str) -> None:
    store, watchman = Store(), Watchman()
    (one, line), (two, _) = candidate(store, "one"), candidate(store, "two")
    first = asyncio.create_task(one.lead(lambda: watchman.work("one")))
    second = asyncio.create_task(two.lead(lambda: watchman.work("two")))
    await asyncio.sleep(10)
    began, line.fault = now(), fault
    with pytest.raises(LeaseLost, match="could not be renewed for 15 s"):
        await first
    assert now() - began <= 15 + 1 + 5  # the deadline, a pause, the attempt to give it back
    assert watchman.working == []
    while watchman.history != ["one", "two"]:
        await asyncio.sleep(1)
    assert now() - began >= 55
    await end(second)


TROUBLES = {
    "cut": "^cut$",
    "hangs": "^the API server gave no answer in time$",
    "forbidden": '^leases is forbidden: .*"davy"; allow get, create and update of leases there, or name another',
}


@pytest.mark.parametrize("fault", TROUBLES)
async def test_trouble_is_said_once_and_waited_out(fault: str) -> None:
    store = Store()
    lease, line = candidate(store, "one")
    line.fault = fault
    with capture_logs() as said:
        acquiring = asyncio.create_task(lease.acquire())
        await asyncio.sleep(100)
        assert re.search(TROUBLES[fault], lease.trouble)
        line.fault = None
        await acquiring
    assert [(each["lease"], each["why"]) for each in said] == [("davy/leader", ANY)]
    assert (lease.trouble, store.holder) == ("", "one")


async def test_that_another_candidate_was_faster_is_no_trouble() -> None:
    store = Store()
    (one, _), (two, _) = candidate(store, "one"), candidate(store, "two")
    with capture_logs() as said:
        acquiring = [asyncio.create_task(each.acquire()) for each in (one, two)]
        await asyncio.sleep(10)
    assert (one.trouble, two.trouble, said) == ("", "", [])
    for each in acquiring:
        await end(each)


async def test_a_short_cut_does_no_harm() -> None:
    store, watchman = Store(), Watchman()
    (one, line), (two, _) = candidate(store, "one"), candidate(store, "two")
    tasks = [
        asyncio.create_task(each.lead(lambda name=name: watchman.work(name)))  # type: ignore[misc]
        for each, name in ((one, "one"), (two, "two"))
    ]
    for fault, seconds in (("cut", 9), ("loses replies", 9), ("hangs", 6)):
        await asyncio.sleep(20)
        line.fault = fault
        await asyncio.sleep(seconds)
        line.fault = None
    await asyncio.sleep(100)
    assert [task.done() for task in tasks] == [False, False]
    assert watchman.history == ["one"]
    for task in tasks:
        await end(task)


async def test_a_lease_taken_by_force_ends_the_work_at_the_next_renewal() -> None:
    store, watchman = Store(), Watchman()
    one, _ = candidate(store, "one")
    working = asyncio.create_task(one.lead(lambda: watchman.work("one")))
    await asyncio.sleep(1)
    assert store.lease is not None
    await Line(store).replace({**store.lease, "spec": {**store.lease["spec"], "holderIdentity": "thief"}})
    began = now()
    with pytest.raises(LeaseLost, match="davy/leader is held by thief now"):
        await working
    assert now() - began <= 6.1
    assert store.holder == "thief"


async def test_the_works_own_failure_gives_the_lease_back_and_is_raised() -> None:
    store = Store()
    one, _ = candidate(store, "one")

    async def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await one.lead(fail)
    assert store.holder == ""


async def test_the_lease_is_kept_until_the_work_has_ended() -> None:
    store = Store()
    one, _ = candidate(store, "one")
    holders = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(100)  # longer than the duration, so it has to be renewed
            holders.append(store.holder)

    working = asyncio.create_task(one.lead(slow))
    await asyncio.sleep(1)
    await end(working)
    assert (holders, store.holder) == (["one"], "")
    assert store.lease is not None
    assert store.lease["spec"]["renewTime"] >= "2026-01-01T00:01:41"


@pytest.mark.parametrize("seed", range(12))
async def test_never_two_leaders_whatever_the_network_does(seed: int) -> None:
    random, store, watchman = Random(seed), Store(), Watchman()
    lines: list[Line] = []

    async def live(name: str) -> None:
        lease, line = candidate(store, name)
        lines.append(line)
        while True:
            try:
                await lease.lead(lambda: watchman.work(name))
            except LeaseLost:
                await asyncio.sleep(1)

    tasks = [asyncio.create_task(live(name)) for name in ("one", "two", "three")]
    for _ in range(40):
        await asyncio.sleep(random.uniform(0, 40))
        random.choice(lines).fault = random.choice(["cut", "hangs", "loses replies", None, None])
    for line in lines:
        line.fault = None
    await asyncio.sleep(70)
    assert len(watchman.working) == 1
    assert watchman.working[0] == store.holder
    for task in tasks:
        await end(task)
    assert watchman.working == []
