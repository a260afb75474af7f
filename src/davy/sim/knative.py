"""Knative's controllers in the model: a Revision of each template, ready after a while, and the traffic among them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from davy.api.ref import Manifest, Ref
from davy.sim.crews import START, start_seconds

if TYPE_CHECKING:
    from davy.sim.world import World

MAKING = timedelta(seconds=0.5)
"""Between a new template and its Revision."""
SPREADING = timedelta(seconds=1)
"""Until the gateways have a new split; longer, if the world's gateway is slower."""


def tend(world: World, ref: Ref) -> None:
    live = world.objects[ref]
    if unmade(world, ref, live) and world.now >= world.written_at[ref] + MAKING:
        make(world, ref, live)
    for revision in revisions(world, ref):
        tend_revision(world, revision)
    show(world, ref, world.objects[ref])


def moments(world: World, ref: Ref) -> Iterator[datetime]:
    """When a Revision is made, or is ready, or the gateways have the split."""
    live = world.objects[ref]
    if unmade(world, ref, live):
        yield world.written_at[ref] + MAKING
    if not spread(world, ref, live):
        yield due(world, ref)
    for revision in revisions(world, ref):
        if "status" not in world.objects[revision]:
            yield ready_at(world, revision)


def ready(world: World, ref: Ref) -> int:
    """Of the Service: whether anything serves behind it."""
    return int(any(revision_ready(world, revision) for revision in revisions(world, ref)))


def revision_ready(world: World, ref: Ref) -> int:
    conditions = world.objects[ref].get("status", {}).get("conditions") or ()
    return int(any(item["type"] == "Ready" and item["status"] == "True" for item in conditions))


def nothing(world: World, ref: Ref) -> None:
    """Revisions are tended with their Service."""


def never(world: World, ref: Ref) -> tuple[datetime, ...]:
    return ()


def revisions(world: World, ref: Ref) -> list[Ref]:
    """In the order in which they were made."""
    name = f"{ref.name}-"
    return [other for other in world.objects if other.kind == "Revision" and other.name.startswith(name)]


def latest(live: Manifest) -> str:
    return str((live.get("status") or {}).get("latestCreatedRevisionName", ""))


def unmade(world: World, ref: Ref, live: Manifest) -> bool:
    """The template has no Revision yet."""
    made = world.objects.get(Ref(ref.api_version, "Revision", ref.namespace, latest(live)))
    return made is None or made["spec"] != live["spec"]["template"]["spec"]


def make(world: World, ref: Ref, live: Manifest) -> None:
    name = f"{ref.name}-{len(revisions(world, ref)) + 1:05d}"
    owner = {"apiVersion": ref.api_version, "kind": ref.kind, "name": ref.name, "uid": live["metadata"]["uid"]}
    world.create(
        {
            "apiVersion": ref.api_version,
            "kind": "Revision",
            "metadata": {"name": name, "namespace": ref.namespace, "ownerReferences": [{**owner, "controller": True}]},
            "spec": live["spec"]["template"]["spec"],
        }
    )
    world.show(ref, {**live, "status": {**(live.get("status") or {}), "latestCreatedRevisionName": name}})


def ready_at(world: World, ref: Ref) -> datetime:
    seconds = start_seconds(ref, world.objects[ref])
    return world.written_at[ref] + timedelta(seconds=START if seconds is None else seconds)


def tend_revision(world: World, ref: Ref) -> None:
    """It becomes ready, or is found ill, once."""
    live = world.objects[ref]
    if "status" in live or world.now < ready_at(world, ref):
        return
    ill = start_seconds(ref, live) is None
    condition = {"type": "Ready", "status": "False" if ill else "True", "reason": "ExitCode1" if ill else ""}
    condition["lastTransitionTime"] = world.now.isoformat()
    world.show(ref, {**live, "status": {"conditions": [condition]}})


def due(world: World, ref: Ref) -> datetime:
    slow = timedelta(seconds=world.gateway.seconds) if world.gateway else timedelta(0)
    return world.written_at[ref] + max(slow, SPREADING)


def spread(world: World, ref: Ref, live: Manifest) -> bool:
    """The gateways have the split that the spec says."""
    known = world.in_force.get(ref)
    return known is not None and known["spec"].get("traffic") == live["spec"].get("traffic")


def show(world: World, ref: Ref, live: Manifest) -> None:
    """The status as Knative would write it."""
    if not spread(world, ref, live) and world.now >= due(world, ref):
        world.in_force[ref] = live
    good = [revision.name for revision in revisions(world, ref) if revision_ready(world, revision)]
    status: dict[str, Any] = {**(live.get("status") or {}), "observedGeneration": live["metadata"]["generation"]}
    status["conditions"] = [{"type": "RoutesReady", "status": "True" if spread(world, ref, live) else "Unknown"}]
    if good:
        status["latestReadyRevisionName"] = good[-1]
        if spread(world, ref, live):
            status["traffic"] = [resolved(entry, good[-1]) for entry in live["spec"].get("traffic") or [WHOLE]]
    if status != live.get("status"):
        world.show(ref, {**live, "status": status})


WHOLE: Manifest = {"latestRevision": True, "percent": 100}


def resolved(entry: Manifest, ready: str) -> Manifest:
    return {**entry, "revisionName": ready} if entry.get("latestRevision") else entry
