"""Writes the gateway's statuses to the API server, one after the other, the newest of each object only."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import msgspec
import structlog

from davy.cluster.gateway.shelves import POD
from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.errors import Conflict, KubeError, NotFound
from davy.kube.kinds import Kind

log = structlog.get_logger("davy.cluster.gateway")


class Target(NamedTuple):
    kind: Kind
    namespace: str
    name: str


class Patch(NamedTuple):
    """A merge patch; with a resourceVersion in it, it is refused for an object that has changed meanwhile."""

    body: dict[str, Any]
    subresource: str = ""
    cache: Cache | None = None  # takes the reply


class Report:
    """A queue of patches. A later patch for the same object replaces one that has not been sent."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: dict[Target, Patch] = {}
        self._sending: tuple[Target, Patch] | None = None
        self._any = asyncio.Event()

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or self._sending is not None

    def status(self, cache: Cache, namespace: str, name: str, version: str, status: dict[str, Any]) -> None:
        body = {"metadata": {"resourceVersion": version}, "status": status}
        self._add(Target(cache.kind, namespace, name), Patch(body, "status", cache))

    def annotate_pod(self, namespace: str, name: str, uid: str, annotation: str, value: str) -> None:
        """The uid in the patch makes it fail for a new pod of the same name."""
        metadata = {"annotations": {annotation: value}, **({"uid": uid} if uid else {})}
        self._add(Target(POD, namespace, name), Patch({"metadata": metadata}))

    def _add(self, target: Target, patch: Patch) -> None:
        if (target, patch) == self._sending:
            return  # the reply is not there yet, so the object looks as if nothing had been written
        self._waiting[target] = patch
        self._any.set()

    async def run(self) -> None:
        while True:
            await self._any.wait()
            self._any.clear()
            while self._waiting:
                target = next(iter(self._waiting))
                patch = self._waiting.pop(target)
                self._sending = target, patch
                await self._send(target, patch)
                self._sending = None

    async def _send(self, target: Target, patch: Patch) -> None:
        kind, namespace, name = target
        try:
            reply = await self._client.patch(
                kind,
                namespace or None,
                name,
                patch.body,
                content="merge",
                subresource=patch.subresource,
                type=msgspec.Raw,
            )
        except (Conflict, NotFound) as error:
            # It changed or went: the watch tells, and the next round writes what is true then.
            log.debug("status not written", kind=str(kind), object=f"{namespace}/{name}", error=str(error))
        except KubeError as error:
            log.warning("status not written", kind=str(kind), object=f"{namespace}/{name}", error=str(error))
        else:
            if patch.cache is not None:
                patch.cache.put(bytes(reply))
