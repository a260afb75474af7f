"""The applier's twin in the model: makes one write true, the way the API server would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from davy.api import codec
from davy.api.ref import Manifest, Ref, ref_of
from davy.core.names import FINALIZER
from davy.render import Apply, Create, Finalizer, Replace, Scale, Status, Write
from davy.sim.world import Conflict, World


def perform(world: World, write: Write) -> Manifest | None:
    """The object as the server would answer it; None if it went. Raises `Conflict` as the server would."""
    match write:
        case Create(manifest):
            return world.create(manifest)
        case Apply(manifest):
            return apply(world, manifest)
        case Replace(ref, resource_version, parts):
            return world.update(ref, replaced(existing(world, ref), parts), resource_version)
        case Scale(ref, replicas):
            live = existing(world, ref)
            return world.update(ref, {**live, "spec": {**live["spec"], "replicas": replicas}})
        case Finalizer(canary, present):
            live = existing(world, canary.ref)
            others = [name for name in live["metadata"].get("finalizers") or () if name != FINALIZER]
            metadata = {**live["metadata"], "finalizers": [*others, FINALIZER] if present else others}
            return world.update(canary.ref, {**live, "metadata": metadata}, canary.metadata.resource_version)
        case Status(canary, status):
            new = {**existing(world, canary.ref), "status": codec.encode_status(status)}
            return world.update(canary.ref, new, canary.metadata.resource_version)
        case _:
            assert_never(write)


def already(write: Write, held: Manifest | None) -> bool:
    """The object is so already, as far as we know: the applier makes no request then."""
    return isinstance(write, Apply) and held is not None and merge(held, write.manifest) == held


def written(write: Write) -> Ref:
    """The address of what is written."""
    match write:
        case Create(manifest) | Apply(manifest):
            return ref_of(manifest)
        case Replace(ref) | Scale(ref):
            return ref
        case Finalizer(canary) | Status(canary):
            return canary.ref
        case _:
            assert_never(write)


def existing(world: World, ref: Ref) -> Manifest:
    if ref not in world.objects:
        raise Conflict(f"{ref} is gone")
    return world.objects[ref]


def apply(world: World, manifest: Manifest) -> Manifest | None:
    """Server-side apply with one manager: wanted fields get their values, lists are replaced whole."""
    ref = ref_of(manifest)
    live = world.objects.get(ref)
    return world.create(manifest) if live is None else world.update(ref, merge(live, manifest))


def merge(live: Any, wanted: Any) -> Any:
    if not isinstance(live, dict) or not isinstance(wanted, dict):
        return wanted
    return {**live, **{key: merge(live.get(key), value) for key, value in wanted.items()}}


def replaced(live: Manifest, parts: Mapping[str, Any]) -> Manifest:
    new = {key: dict(value) if isinstance(value, dict) else value for key, value in live.items()}
    for pointer, value in parts.items():
        _, section, field = pointer.split("/")
        if value is None:
            new[section].pop(field, None)
        else:
            new[section][field] = value
    return new
