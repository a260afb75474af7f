"""Guards against a CustomResourceDefinition that would drop what we must remember, without a word.

Helm never upgrades `crds/`: a cluster may still hold Flagger's, whose schema prunes our fields of the status.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from davy.api.schema import missing
from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.kinds import Kind
from davy.kube.objects import Change

CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
CANARIES = "canaries.flagger.app"
CURE = "kubectl apply --server-side --force-conflicts -f deploy/crds"

log = structlog.get_logger("davy")


class SchemaFence:
    """Watches the one CustomResourceDefinition; `why` says what is wrong with it."""

    def __init__(self, client: Client) -> None:
        self.why: str | None = "the CustomResourceDefinition canaries.flagger.app has not been read yet"
        self._cache = Cache(client, CRD, fields=f"metadata.name={CANARIES}")
        self._cache.subscribe(self._changed)
        self._open = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def passed(self) -> None:
        """Returns once the cluster keeps every field that is needed."""
        self._watching = asyncio.create_task(self._cache.run())
        await self._cache.synced.wait()
        if self._cache.get(None, CANARIES) is None:
            self._judge(None)
        await self.opened()

    async def opened(self) -> None:
        """Returns at once while the definition is right; waits while it is not."""
        await self._open.wait()

    async def kept(self) -> None:
        """Never returns while the watch goes on."""
        if self._watching is not None:
            await self._watching

    def _changed(self, change: Change) -> None:
        self._judge(None if change.type == "DELETED" else change.object.manifest())

    def _judge(self, served: dict[str, Any] | None) -> None:
        self.why = fault(served)
        if self.why:
            self._open.clear()
            log.error("no step is taken", why=self.why)
        else:
            self._open.set()


def fault(served: dict[str, Any] | None) -> str | None:
    """What keeps us from working with this definition, and the command that cures it."""
    if served is None:
        return f"the CustomResourceDefinition {CANARIES} is not installed; run: {CURE}"
    lost = missing(served)
    if not lost:
        return None
    shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
    return f"the CustomResourceDefinition {CANARIES} would drop {shown}; run: {CURE}"
