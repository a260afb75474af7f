"""Stand-in for a gateway: takes up HTTPRoutes after a while, and says so in their status if it is one that does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from msgspec import Struct
from tests.disasters.plane import Plane, Written

from davy.kube.client import Client
from davy.kube.errors import NotFound
from davy.kube.kinds import Kind

Manifest = dict[str, Any]

ROUTES = "httproutes.gateway.networking.k8s.io"
ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute")


class Traits(Struct, frozen=True):
    """What kind of gateway it is."""

    seconds: float = 1.0
    """From a write until the proxies follow it."""
    reports: bool = True
    """It writes the route's status once they do."""
    controller: str = "gateway.example/controller"


class Gateway:
    """`run` until it is cancelled. `changed` is called whenever the proxies follow another route."""

    def __init__(self, plane: Plane, client: Client, traits: Traits, changed: Callable[[], None]) -> None:
        self.traits = traits
        self.in_force: dict[tuple[str, str], Manifest] = {}
        """Routes as the proxies have them."""
        self._plane = plane
        self._client = client
        self._changed = changed
        self._reports: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        plane.hear(ROUTES, self._heard)

    async def run(self) -> None:
        while True:
            key = await self._reports.get()
            route = self._plane.get(ROUTES, *key)
            if route is not None and self.traits.reports:
                with suppress(NotFound):
                    await self._report(route)

    def _heard(self, written: Written) -> None:
        key, old, new = written.event.key, written.event.old, written.event.entry.manifest
        if written.event.type == "DELETED":
            self._later(self._dropped, key)
        elif old is None or old.manifest["metadata"]["generation"] != new["metadata"]["generation"]:
            self._later(self._taken_up, key, new)

    def _later(self, do: Callable[..., None], *about: Any) -> None:
        if self.traits.seconds:
            asyncio.get_running_loop().call_later(self.traits.seconds, do, *about)
        else:
            do(*about)

    def _taken_up(self, key: tuple[str, str], route: Manifest) -> None:
        self.in_force[key] = route
        self._reports.put_nowait(key)
        self._changed()

    def _dropped(self, key: tuple[str, str]) -> None:
        if self._plane.get(ROUTES, *key) is None:
            self.in_force.pop(key, None)
            self._changed()

    async def _report(self, route: Manifest) -> None:
        metadata = route["metadata"]
        seen = self.in_force[metadata["namespace"], metadata["name"]]["metadata"]["generation"]
        accepted = {
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "",
            "observedGeneration": seen,
            "lastTransitionTime": metadata["creationTimestamp"],
        }
        parents = [
            {"parentRef": parent, "controllerName": self.traits.controller, "conditions": [accepted]}
            for parent in route["spec"]["parentRefs"]
        ]
        body = {"status": {"parents": parents}}
        await self._client.patch(
            ROUTE, metadata["namespace"], metadata["name"], body, content="merge", subresource="status"
        )
