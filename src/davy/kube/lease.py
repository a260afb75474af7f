"""One among many: a Lease that one process holds, so that only one does the work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import structlog

from davy.kube.client import Client
from davy.kube.errors import AlreadyExists, Conflict, Forbidden, KubeError, NotFound
from davy.kube.kinds import Kind

LEASE = Kind("coordination.k8s.io/v1", "Lease")
RELEASE_TIMEOUT = 1.0  # seconds; whoever told us to stop does not wait long

log = structlog.get_logger("davy.kube")


class LeaseLost(Exception):  # noqa: N818 - it is what happened
    """We may no longer be the one; whatever only the holder may do has to end at once."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds. A holder that cannot renew gives up long before another one may take over."""

    duration: float = 60.0  # others wait this long after the last renewal they saw
    renew_deadline: float = 15.0  # the holder gives up if no renewal has succeeded for so long
    retry: float = 5.0  # pause between attempts to acquire or to renew


TERMS = Terms()


class Lease:
    """The candidate `identity` for one Lease object. Clocks of different machines are never compared."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        terms: Terms = TERMS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Random | None = None,
    ) -> None:
        self.identity = identity
        self.holder = ""  # as last seen
        self.trouble = ""  # why the last attempt failed, in one line
        self.place = f"{namespace}/{name}"
        self._client = client
        self._namespace = namespace
        self._name = name
        self._terms = terms
        self._clock = clock
        self._now = now
        self._sleep = sleep
        self._random = random or Random()
        self._lease: dict[str, Any] | None = None  # the object as we wrote it last
        self._seen: tuple[str, float] = ("", 0.0)  # resourceVersion of the last renewal seen, and when we saw it

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Waits until the Lease is ours, does the work, gives it back.

        If it is lost, the work is cancelled, and LeaseLost raised once it has ended.
        """
        await self.acquire()
        keeping, working = asyncio.ensure_future(self.keep()), asyncio.ensure_future(work())
        try:
            await asyncio.wait((keeping, working), return_when=asyncio.FIRST_COMPLETED)
            lost = keeping.done()
        finally:
            await _end(working)  # before the Lease is let go: nobody else may begin while we still work
            await _end(keeping)
            await self.release()
        await (keeping if lost else working)

    async def acquire(self) -> None:
        """Waits until the Lease is ours; the server's refusals and absences are waited out too."""
        while not await self._tried(within=self._terms.renew_deadline):
            await self._sleep(self._terms.retry * self._random.uniform(1.0, 1.2))

    async def keep(self) -> None:
        """Renews for ever. Raises LeaseLost when another holds it, or if it could not be renewed in time."""
        renewed, pause = self._clock(), self._terms.retry
        while True:
            await self._sleep(pause)
            asked = self._clock()
            left = min(renewed + self._terms.renew_deadline - asked, self._terms.renew_deadline / 5)
            if left > 0 and await self._tried(within=left):
                renewed, pause = asked, self._terms.retry  # others count from when they see it, which is later
                continue
            pause = self._terms.retry / 5
            if self.holder != self.identity:
                raise LeaseLost(f"lease {self.place} is held by {self.holder or 'nobody'} now")
            if self._clock() - renewed >= self._terms.renew_deadline:
                why = f" ({self.trouble})" if self.trouble else ""
                raise LeaseLost(f"lease {self.place} could not be renewed for {self._terms.renew_deadline:.0f} s{why}")

    async def release(self) -> None:
        """Gives it back, so that another need not wait; as far as the server can be reached at all."""
        if self._lease is None or self.holder != self.identity:
            return
        with suppress(KubeError, TimeoutError):
            async with asyncio.timeout(RELEASE_TIMEOUT):
                await self._write(self._lease, holder="", duration=1)

    async def _tried(self, within: float) -> bool:
        """One attempt, of so many seconds, to hold it for another while."""
        try:
            async with asyncio.timeout(within):
                held = await self._try()
        except (KubeError, TimeoutError) as error:
            self._lease = None  # what we know of it may be out of date
            self._fail(error)
            return False
        self.trouble = ""
        return held

    def _fail(self, error: KubeError | TimeoutError) -> None:
        """Said once, not every few seconds. That another candidate was faster is no trouble."""
        words = "" if isinstance(error, Conflict | AlreadyExists) else trouble(error)
        if words and words != self.trouble:
            log.warning("the lease cannot be had; trying again", lease=self.place, why=words)
        self.trouble = words

    async def _try(self) -> bool:
        lease = self._lease if self._lease is not None else await self._look()
        if not self._free(lease):
            return False
        await self._write(lease, holder=self.identity, duration=int(self._terms.duration))
        return True

    async def _look(self) -> dict[str, Any]:
        try:
            lease = await self._client.get(LEASE, self._namespace, self._name)
        except NotFound:
            return self._new()
        self.holder = (lease.get("spec") or {}).get("holderIdentity") or ""
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = version, self._clock()
        return lease

    def _free(self, lease: dict[str, Any]) -> bool:
        if self.holder in ("", self.identity):
            return True
        # Their duration, by our clock, since we saw the last sign of life.
        patience = lease["spec"].get("leaseDurationSeconds") or self._terms.duration
        return self._clock() - self._seen[1] >= patience

    def _new(self) -> dict[str, Any]:
        self.holder = ""
        metadata = {"namespace": self._namespace, "name": self._name}
        return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": {}}

    async def _write(self, lease: dict[str, Any], *, holder: str, duration: int) -> None:
        now = self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            **(lease.get("spec") or {}),
            "holderIdentity": holder,
            "leaseDurationSeconds": duration,
            "renewTime": now,
        }
        if holder != self.holder:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = spec.get("leaseTransitions", -1) + 1
        written = {**lease, "spec": spec}
        fresh = "resourceVersion" not in lease["metadata"]
        self._lease = await (self._client.create(written) if fresh else self._client.replace(written))
        self.holder = holder


def trouble(error: KubeError | TimeoutError) -> str:
    """What keeps us from the lease, and the cure where it is in the user's hands."""
    match error:
        case Forbidden():
            return f"{error}; allow get, create and update of leases there, or name another namespace"
        case TimeoutError():
            return "the API server gave no answer in time"
        case _:
            return str(error)


async def _end(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))
