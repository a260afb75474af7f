"""A cluster as the mind's writes change it: objects, their controllers, and a clock that we move.

What the API server shows (status of workloads and routes) follows what is true (pods, routes in force); the safety
properties look at the truth. Manifests are never changed in place, so a world can be forked for the price of a few
dicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from davy.api.ref import Manifest, Ref, ref_of
from davy.sim import controllers, crews
from davy.sim.crews import Crew

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
APP = Ref("apps/v1", "Deployment", "test", "app")
FOREGROUND = "foregroundDeletion"


class Conflict(Exception):  # noqa: N818 - a state of the world
    """The object was changed, or made, or removed, since the writer looked."""


class Forbidden(Exception):  # noqa: N818 - a state of the world
    """The server does not take it: the namespace is being deleted."""


class Event(NamedTuple):
    """One change of one object, as a watch tells it. `manifest` is None for a deletion."""

    ref: Ref
    manifest: Manifest | None
    foreign: bool
    """Neither our operator nor a controller of the cluster did it: a human, another tool, a dying node."""


class Gateway(NamedTuple):
    """A controller that takes up routes after a while. One with a name says so in their status."""

    controller: str
    seconds: float


@dataclass
class World:
    """The whole truth. Methods are what an API server and its controllers would do at once or after a while."""

    now: datetime = BEGIN
    objects: dict[Ref, Manifest] = field(default_factory=dict)
    crews: dict[Ref, Crew] = field(default_factory=dict)
    target: Ref = APP
    """What is released."""
    gateway: Gateway | None = None
    nodes: int = 3
    """Nodes that a DaemonSet has pods on."""
    load: int = 0
    """Pods that all the traffic together needs; what autoscalers go by."""
    shares: dict[Ref, int] = field(default_factory=dict)
    """Percent of the traffic that each workload has, as far as autoscalers have noticed."""
    wishes: dict[Ref, tuple[int, datetime]] = field(default_factory=dict)
    """What an autoscaler wants, and since when."""
    in_force: dict[Ref, Manifest] = field(default_factory=dict)
    """Routes as the proxies have taken them up: what the traffic follows."""
    written_at: dict[Ref, datetime] = field(default_factory=dict)
    """When each object's spec last changed."""
    manners: dict[str, str] = field(default_factory=dict)
    """How the outside answers, see davy.sim.outside: by the type of a hook, or `alert`."""
    log: list[Event] = field(default_factory=list)
    version: int = 0
    births: int = 0
    ending: bool = False
    """The namespace is being deleted: nothing new is taken."""
    foreign: bool = False
    """Changes that are made now are somebody else's."""

    def fork(self) -> World:
        """Another world that begins as this one stands."""
        return replace(self, **{name: getattr(self, name).copy() for name in KEPT})

    def create(self, manifest: Manifest) -> Manifest:
        ref = ref_of(manifest)
        if ref in self.objects:
            raise Conflict(f"{ref} exists")
        if self.ending:
            raise Forbidden(f"{ref}: the namespace is being terminated")
        self.births += 1
        born = {"uid": f"uid-{self.births}-{ref.name}", "creationTimestamp": second(self.now)}
        self.written_at[ref] = self.now
        numbered = {"generation": 1} if ref.group else {}
        return self._store(ref, {**manifest, "metadata": {**born, **manifest["metadata"], **numbered}})

    def update(self, ref: Ref, new: Manifest, resource_version: str | None = None) -> Manifest | None:
        """The object becomes `new`; the generation moves with the spec only. Returns it as stored; None if it went."""
        old = self.objects.get(ref)
        if old is None:
            raise Conflict(f"{ref} is gone")
        if resource_version is not None and old["metadata"]["resourceVersion"] != resource_version:
            raise Conflict(f"{ref} has changed")
        if new == old:
            return old
        metadata = new["metadata"]
        if new.get("spec") != old.get("spec"):
            self.written_at[ref] = self.now
            if ref.group:  # what is in the core group has none
                metadata = {**metadata, "generation": old["metadata"]["generation"] + 1}
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            self._drop(ref)
            return None
        return self._store(ref, {**new, "metadata": metadata})

    def show(self, ref: Ref, new: Manifest) -> None:
        """A controller shows something, or the server itself serves the object differently: no new generation."""
        self._store(ref, new)

    def delete(self, ref: Ref, propagation: str = "Background") -> None:
        """Gone at once, or marked, if a finalizer holds it. In the foreground, what blocks the owner goes first."""
        old = self.objects.get(ref)
        if old is None:
            return
        metadata = old["metadata"]
        if metadata.get("deletionTimestamp"):
            return
        if propagation == "Foreground":
            metadata = {**metadata, "finalizers": [*(metadata.get("finalizers") or ()), FOREGROUND]}
        if not metadata.get("finalizers"):
            self._drop(ref)
            return
        self._store(ref, {**old, "metadata": {**metadata, "deletionTimestamp": second(self.now)}})
        if propagation == "Foreground":
            self._collect(ref, metadata["uid"])

    def _collect(self, ref: Ref, uid: str) -> None:
        """The garbage collector, in the foreground."""
        for other in [other for other, manifest in self.objects.items() if blocks(manifest, uid)]:
            self.delete(other)
        live = self.objects[ref]
        rest = [name for name in live["metadata"]["finalizers"] if name != FOREGROUND]
        self.update(ref, {**live, "metadata": {**live["metadata"], "finalizers": rest}})

    def _drop(self, ref: Ref) -> None:
        self.version += 1
        uid = self.objects.pop(ref)["metadata"]["uid"]
        for known in (self.crews, self.in_force, self.wishes):
            known.pop(ref, None)
        self.log.append(Event(ref, None, self.foreign))
        for other in [other for other, manifest in self.objects.items() if uid in owners(manifest)]:
            if other in self.objects and not self._owned(self.objects[other]):
                self._drop(other)

    def _owned(self, manifest: Manifest) -> bool:
        """One of its owners is still there."""
        uids = owners(manifest)
        return any(other["metadata"]["uid"] in uids for other in self.objects.values())

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
        for ref in [ref for ref in self.objects if ref.kind in controllers.KINDS]:
            if ref in self.objects and (controller := controllers.of(ref)):
                controller.tend(self, ref)

    def kill(self, ref: Ref, seconds: float) -> None:
        """All pods of the workload die; those that replace them serve after a while."""
        if ref in self.crews:
            self.version += 1
            self.crews[ref] = crews.killed(self.crews[ref], self.now, seconds)
            self.settle()

    def next_event(self) -> datetime | None:
        """When the next pod becomes ready, a rollout's deadline passes, a route is taken up, an autoscaler acts."""
        return min((moment for moment in self._moments() if moment > self.now), default=None)

    def _moments(self) -> Iterator[datetime]:
        for ref in self.objects:
            if ref.kind in controllers.KINDS and (controller := controllers.of(ref)):
                yield from controller.moments(self, ref)

    def ready(self, ref: Ref) -> int:
        """Pods of the workload that serve now: the truth, not what the status says."""
        if ref not in self.objects:
            return 0
        controller = controllers.of(ref)
        return controller.ready(self, ref) if controller else 0


KEPT = ("objects", "crews", "shares", "wishes", "in_force", "written_at", "manners", "log")
"""What a fork has copies of."""


def second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def owners(manifest: Manifest) -> tuple[str, ...]:
    return tuple(ref["uid"] for ref in manifest["metadata"].get("ownerReferences") or ())


def blocks(manifest: Manifest, uid: str) -> bool:
    """A deletion of the owner in the foreground waits for this."""
    references: list[Mapping[str, object]] = manifest["metadata"].get("ownerReferences") or []
    return any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in references)
