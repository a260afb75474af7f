"""Which version of each HTTPRoute is shown to Envoy: the newest, or the last good one for a while."""

from __future__ import annotations

from collections.abc import Iterable

from davy.cluster.gateway.backends import Backend, port_of, resolve
from davy.cluster.gateway.endpoints import places
from davy.cluster.gateway.objects import HTTPRoute, ServiceRef
from davy.cluster.gateway.translate import World

RouteKey = tuple[str, str]


class Showing:
    """Remembers what is in force, what Envoy refused, and what waits for endpoints.

    patience: seconds that a route is kept at its last version because a backend that it newly sends to has no ready
    endpoint yet. Pods become ready a moment before their EndpointSlice says so, and traffic in that gap would fail.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._in_force: dict[RouteKey, HTTPRoute] = {}
        self._refused: dict[RouteKey, tuple[HTTPRoute, str]] = {}
        self._waiting: dict[RouteKey, tuple[HTTPRoute, float]] = {}

    def choose(self, world: World, now: float) -> tuple[HTTPRoute, ...]:
        """The routes to show, for the newest ones in `world`; drops what is remembered of deleted ones."""
        self._forget({route.key for route in world.routes})
        shown = (self._shown(world, route, now) for route in world.routes)
        return tuple(route for route in shown if route is not None)

    def _shown(self, world: World, route: HTTPRoute, now: float) -> HTTPRoute | None:
        before = self._in_force.get(route.key)
        if before is not None and same_generation(before, route):
            return route
        if self.refusal(route) is not None or self._waits(world, route, before, now):
            return before
        return route

    def _waits(self, world: World, route: HTTPRoute, before: HTTPRoute | None, now: float) -> bool:
        if not newly_sent_to_nobody(world, route, before):
            self._waiting.pop(route.key, None)
            return False
        waiting = self._waiting.get(route.key)
        if waiting is None or not same_generation(waiting[0], route):
            waiting = self._waiting[route.key] = route, now + self._patience
        return now < waiting[1]

    def next_deadline(self, now: float) -> float | None:
        """When a route that waits is shown as it is."""
        return min((deadline for _, deadline in self._waiting.values() if deadline > now), default=None)

    def new_among(self, shown: Iterable[HTTPRoute]) -> list[HTTPRoute]:
        """Those that were not in force yet: the ones that a refusal can be about."""
        return [route for route in shown if not self.is_in_force(route)]

    def without(self, shown: Iterable[HTTPRoute], suspects: Iterable[HTTPRoute]) -> tuple[HTTPRoute, ...]:
        """The same with the suspects as they were before."""
        keys = {route.key for route in suspects}
        routes = (self._in_force.get(route.key) if route.key in keys else route for route in shown)
        return tuple(route for route in routes if route is not None)

    def acknowledge(self, shown: Iterable[HTTPRoute]) -> None:
        self._in_force = {route.key: route for route in shown}

    def refuse(self, route: HTTPRoute, words: str) -> None:
        self._refused[route.key] = route, words

    def refusal(self, route: HTTPRoute) -> str | None:
        """Why Envoy does not take this generation."""
        refused = self._refused.get(route.key)
        return refused[1] if refused is not None and same_generation(refused[0], route) else None

    def is_in_force(self, route: HTTPRoute) -> bool:
        before = self._in_force.get(route.key)
        return before is not None and same_generation(before, route)

    def _forget(self, present: set[RouteKey]) -> None:
        for memory in (self._in_force, self._refused, self._waiting):
            for key in memory.keys() - present:
                del memory[key]


def same_generation(one: HTTPRoute, other: HTTPRoute) -> bool:
    return (one.metadata.uid, one.metadata.generation) == (other.metadata.uid, other.metadata.generation)


def newly_sent_to_nobody(world: World, route: HTTPRoute, before: HTTPRoute | None) -> bool:
    """Whether the route gives weight to a backend without ready endpoints that had none before."""
    old = _weighted(before) if before else set()
    return any(not _is_ready(world, route, ref) for ref in _weighted(route) - old)


def _weighted(route: HTTPRoute) -> set[ServiceRef]:
    return {
        ServiceRef(name=ref.name, group=ref.group, kind=ref.kind, namespace=ref.namespace, port=ref.port)
        for rule in route.spec.rules
        for ref in rule.backend_refs
        if ref.weight
    }


def _is_ready(world: World, route: HTTPRoute, ref: ServiceRef) -> bool:
    backend = resolve(world.services, route.metadata.namespace, ref)
    if not isinstance(backend, Backend):
        return False
    key = backend.namespace, backend.service
    port = port_of(world.services[key], backend.port)
    found = places(port, world.slices.get(key, ()), world.drained) if port else ()
    return any(not place.draining for place in found)
