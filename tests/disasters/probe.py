"""Looks at every change where the requests of a client would go, and keeps account of every moment in which they fail.

Two clients: one comes through the gateway (by the route that its proxies have at that moment), one calls the apex
Service. A way fails if a backend with weight has no pod that serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.disasters.gateway import Gateway
from tests.disasters.plane import CLUSTER, Plane
from tests.disasters.workloads import Workloads

Manifest = dict[str, Any]
SERVICES = "services"


@dataclass(slots=True)
class Gap:
    """Requests failed from one second to another. `by`: who made the change that it began with."""

    way: str
    by: str
    begin: float
    end: float | None = None

    def lasted(self, now: float) -> float:
        return (now if self.end is None else self.end) - self.begin


class Probe:
    """`gaps`: all that there were since an app first served on that way."""

    def __init__(self, plane: Plane, time: Callable[[], float]) -> None:
        self.gaps: list[Gap] = []
        self.workloads: Workloads | None = None
        self.gateway: Gateway | None = None
        self.apps: list[tuple[str, str]] = []
        self._plane = plane
        self._time = time
        self._served: set[str] = set()
        self._open: dict[str, Gap] = {}
        plane.hear(SERVICES, lambda written: self.look())

    def look(self) -> None:
        """Something has changed."""
        for namespace, app in self.apps:
            for client, backends in self._ways(namespace, app):
                self._judge(client, backends, namespace)

    def _ways(self, namespace: str, app: str) -> Iterator[tuple[str, list[str]]]:
        if self._plane.get(SERVICES, namespace, app) is not None:
            yield f"apex Service {app}", [app]
        route = self.gateway.in_force.get((namespace, app)) if self.gateway else None
        if route is not None:
            yield f"route {app}", list(weighted(route))

    def _judge(self, way: str, backends: list[str], namespace: str) -> None:
        dead = sorted({name for name in backends if not self.endpoints(namespace, name)})
        if not dead:
            self._served.add(way)
            if gap := self._open.pop(way, None):
                gap.end = self._time()
        elif way in self._served and way not in self._open:
            words = f"{way}: no pod serves behind {', '.join(dead)}"
            self._open[way] = gap = Gap(words, self._plane.author, self._time())
            self.gaps.append(gap)

    def endpoints(self, namespace: str, service: str) -> int:
        """Pods that serve behind a Service."""
        found = self._plane.get(SERVICES, namespace, service)
        if found is None or self.workloads is None:
            return 0
        return self.workloads.serving(namespace, found["spec"].get("selector") or {})

    def lasting(self, seconds: float = 0.0) -> list[Gap]:
        """Those that lasted longer, whoever began them."""
        return [gap for gap in self.gaps if gap.lasted(self._time()) > seconds]

    def by(self, *authors: str) -> list[Gap]:
        """Those that such a writer began, however short."""
        return [gap for gap in self.gaps if gap.by in authors]

    def verdict(self, tolerated: float | None) -> list[Gap]:
        """Gaps that there must not be: those of the operator's own making, and those that last too long.

        `tolerated`: seconds that a gap may last which others made; None: as long as it likes.
        """
        own = [gap for gap in self.gaps if gap.by not in ("kubectl", CLUSTER)]
        long = [] if tolerated is None else self.lasting(tolerated)
        return own + [gap for gap in long if gap not in own]


def weighted(route: Manifest) -> Iterator[str]:
    """The backends to which some requests go."""
    for rule in route["spec"].get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            if backend.get("weight", 1) > 0:
                yield backend["name"]
