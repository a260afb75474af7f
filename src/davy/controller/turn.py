"""Whose turn it is to work: ours at once without a lease, else only while the lease is ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from davy.controller.web import Readiness
from davy.kube.lease import Lease, LeaseLost

log = structlog.get_logger("davy")


class Turn:
    """One candidate for the work. While it stands by it sends nothing but a look at the lease every few seconds."""

    def __init__(self, lease: Lease | None) -> None:
        self._lease = lease
        self.begun = False

    async def taken(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does the work when it is our turn. Raises LeaseLost once the work has been stopped because of that."""
        if self._lease is None:
            await self._begin(work)
            return
        log.info("standing by", lease=self._lease.place, identity=self._lease.identity)
        try:
            await self._lease.lead(lambda: self._begin(work))
        except LeaseLost as lost:
            log.error("lost the lease; every step has been stopped", why=str(lost))  # noqa: TRY400 - no fault of ours
            raise

    async def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        self.begun = True
        if self._lease is not None:
            log.info("leading", lease=self._lease.place)
        await work()

    @property
    def standing_by(self) -> Readiness:
        """Ready too, for it can take over: a rollout must not wait for a pod that waits for its predecessor."""
        if self._lease is None:
            return Readiness(False, "not begun yet")
        if self._lease.trouble:
            return Readiness(False, f"standing by: lease {self._lease.place} cannot be had: {self._lease.trouble}")
        return Readiness(True, f"standing by: lease {self._lease.place} is held by {self._lease.holder or 'nobody'}")
