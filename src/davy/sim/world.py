"""A cluster as the mind's writes change it: objects, pods that take time to start, a gateway, and a clock that we move.

What the API server shows (Deployment status, route status) follows what is true (pods, routes in force); the safety
properties look at the truth. Manifests are never changed in place, so a world can be forked for the price of a few
dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from davy.api.ref import Manifest, Ref, ref_of
from davy.sim import deployments
from davy.sim.deployments import Crew

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


class Conflict(Exception):  # noqa: N818 - a state of the world
    """The object was changed, or made, or removed, since the writer looked."""


class Event(NamedTuple):
    """One change of one object, as a watch tells it. `manifest` is None for a deletion."""

    ref: Ref
    manifest: Manifest | None
    foreign: bool
    """Neither our operator nor a controller of the cluster did it: a human, another tool, a dying node."""


class Gateway(NamedTuple):
    """A controller that takes up routes after a while and says so in their status."""

    controller: str
    seconds: float


@dataclass
class World:
    """The whole truth. Methods are what an API server and its controllers would do at once or after a while."""

    now: datetime = BEGIN
    objects: dict[Ref, Manifest] = field(default_factory=dict)
    crews: dict[Ref, Crew] = field(default_factory=dict)
    gateway: Gateway | None = None
    in_force: dict[Ref, Manifest] = field(default_factory=dict)
    """Routes as the proxies have taken them up: what the traffic follows."""
    written_at: dict[Ref, datetime] = field(default_factory=dict)
    """When each object's spec last changed."""
    log: list[Event] = field(default_factory=list)
    version: int = 0
    births: int = 0
    foreign: bool = False
    """Changes that are made now are somebody else's."""

    def fork(self) -> World:
        """Another world that begins as this one stands."""
        kept = {name: getattr(self, name).copy() for name in ("objects", "crews", "in_force", "written_at", "log")}
        return replace(self, **kept)

    def create(self, manifest: Manifest) -> Manifest:
        ref = ref_of(manifest)
        if ref in self.objects:
            raise Conflict(f"{ref} exists")
        self.births += 1
        born = {"uid": f"uid-{self.births}-{ref.name}", "creationTimestamp": second(self.now)}
        self.written_at[ref] = self.now
        return self._store(ref, {**manifest, "metadata": {**born, **manifest["metadata"], "generation": 1}})

    def update(self, ref: Ref, new: Manifest, resource_version: str | None = None) -> Manifest | None:
        """The object becomes `new`; the generation moves with the spec only. Returns it as stored; None if it went."""
        old = self.objects.get(ref)
        if old is None:
            raise Conflict(f"{ref} is gone")
        if resource_version is not None and old["metadata"]["resourceVersion"] != resource_version:
            raise Conflict(f"{ref} has changed")
        if new == old:
            return old
        generation = old["metadata"]["generation"]
        if new.get("spec") != old.get("spec"):
            self.written_at[ref] = self.now
            generation += 1
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            self._drop(ref)
            return None
        return self._store(ref, {**new, "metadata": {**new["metadata"], "generation": generation}})

    def rewrite(self, ref: Ref, new: Manifest) -> None:
        """The server itself serves the object differently: no new generation."""
        self._store(ref, new)

    def delete(self, ref: Ref) -> None:
        """Gone at once, or marked, if a finalizer holds it."""
        old = self.objects.get(ref)
        if old is None:
            return
        if not old["metadata"].get("finalizers"):
            self._drop(ref)
        elif not old["metadata"].get("deletionTimestamp"):
            self._store(ref, {**old, "metadata": {**old["metadata"], "deletionTimestamp": second(self.now)}})

    def _drop(self, ref: Ref) -> None:
        uid = self.objects.pop(ref)["metadata"]["uid"]
        self.crews.pop(ref, None)
        self.in_force.pop(ref, None)
        self.log.append(Event(ref, None, self.foreign))
        for other in [other for other, manifest in self.objects.items() if owner(manifest) == uid]:
            if other in self.objects:
                self._drop(other)

    def _store(self, ref: Ref, manifest: Manifest) -> Manifest:
        self.version += 1
        stored = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(self.version)}}
        self.objects[ref] = stored
        self.log.append(Event(ref, stored, self.foreign))
        return stored

    def pass_to(self, moment: datetime) -> None:
        self.now = max(self.now, moment)
        self.settle()

    def settle(self) -> None:
        """The controllers catch up with the present moment."""
        for ref in [ref for ref in self.objects if ref.kind in CONTROLLERS]:
            CONTROLLERS[ref.kind](self, ref)

    def kill(self, ref: Ref, seconds: float) -> None:
        """All pods of the workload die; those that replace them serve after a while."""
        if ref in self.crews:
            self.crews[ref] = deployments.killed(self.crews[ref], self.now, seconds)
            self.settle()

    def next_event(self) -> datetime | None:
        """When the next pod becomes ready, a rollout's deadline passes, or the gateway takes up a route."""
        moments = [self.due(ref) for ref, live in self.objects.items() if self._waits(ref, live)]
        for ref, crew in self.crews.items():
            moments += deployments.next_change(self.objects[ref], crew, self.now)
        return min((moment for moment in moments if moment > self.now), default=None)

    def due(self, ref: Ref) -> datetime:
        """When the gateway takes up the route as it stands."""
        return self.written_at[ref] + timedelta(seconds=self.gateway.seconds if self.gateway else 0)

    def _waits(self, ref: Ref, live: Manifest) -> bool:
        return self.gateway is not None and ref.kind == "HTTPRoute" and taken_up(live) < live["metadata"]["generation"]

    def ready(self, ref: Ref) -> int:
        """Pods of the workload that serve now: the truth, not what the status says."""
        crew = self.crews.get(ref)
        return crew.ready(self.now) if crew else 0

    def tend_deployment(self, ref: Ref) -> None:
        live = self.objects[ref]
        self.crews[ref] = crew = deployments.advanced(ref, live, self.crews.get(ref), self.now)
        status = deployments.shown(live, crew, self.now)
        if status != live.get("status"):
            self._store(ref, {**live, "status": status})

    def tend_route(self, ref: Ref) -> None:
        """The proxies follow a route at once, or when the gateway has taken it up."""
        live = self.objects[ref]
        if self.gateway is None:
            self.in_force[ref] = live
        elif self._waits(ref, live) and self.now >= self.due(ref):
            self.in_force[ref] = live
            self._store(ref, {**live, "status": {"parents": reports(live, self.gateway.controller)}})


CONTROLLERS: Mapping[str, Callable[[World, Ref], None]] = {
    "Deployment": World.tend_deployment,
    "HTTPRoute": World.tend_route,
}


def taken_up(route: Manifest) -> int:
    """The generation that the gateway has reported."""
    parents = route.get("status", {}).get("parents") or ()
    return max((parent["conditions"][0]["observedGeneration"] for parent in parents), default=0)


def reports(route: Manifest, controller: str) -> list[Manifest]:
    accepted = {"type": "Accepted", "status": "True", "observedGeneration": route["metadata"]["generation"]}
    return [
        {"parentRef": parent, "controllerName": controller, "conditions": [accepted]}
        for parent in route["spec"]["parentRefs"]
    ]


def second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def owner(manifest: Manifest) -> str:
    return next((ref["uid"] for ref in manifest["metadata"].get("ownerReferences") or () if ref.get("controller")), "")
