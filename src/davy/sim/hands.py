"""The applier's twin in the model: makes one write true, the way the API server would."""

from __future__ import annotations

import copy
from typing import Any, assert_never

from davy.api import codec
from davy.api.ref import Manifest, Ref, ref_of
from davy.core.names import FINALIZER
from davy.render import Apply, Create, Finalizer, Replace, Scale, Status, Write
from davy.sim.world import Conflict, World


def perform(world: World, write: Write) -> bool:
    """Whether the write changed anything. Raises `Conflict` as the server would."""
    before = world.version
    match write:
        case Create(manifest):
            world.create(manifest)
        case Apply(manifest):
            apply(world, manifest)
        case Replace(ref, resource_version, parts):
            world.update(ref, replaced(world.objects[ref], parts), resource_version)
        case Scale(ref, replicas):
            live = existing(world, ref)
            world.update(ref, {**live, "spec": {**live["spec"], "replicas": replicas}})
        case Finalizer(canary, present):
            live = existing(world, canary.ref)
            others = [name for name in live["metadata"].get("finalizers") or () if name != FINALIZER]
            names = [*others, FINALIZER] if present else others
            metadata = {**live["metadata"], "finalizers": names}
            world.update(canary.ref, {**live, "metadata": metadata}, canary.metadata.resource_version)
        case Status(canary, status):
            live = existing(world, canary.ref)
            new = {**live, "status": codec.encode_status(status)}
            world.update(canary.ref, new, canary.metadata.resource_version)
        case _:
            assert_never(write)
    return world.version != before


def existing(world: World, ref: Ref) -> Manifest:
    if ref not in world.objects:
        raise Conflict(f"{ref} is gone")
    return world.objects[ref]


def apply(world: World, manifest: Manifest) -> None:
    """Server-side apply with one manager: wanted fields get their values, lists are replaced whole."""
    ref = ref_of(manifest)
    live = world.objects.get(ref)
    if live is None:
        world.create(manifest)
        return
    merged = merge(live, manifest)
    if merged != live:
        world.update(ref, merged)


def merge(live: Any, wanted: Any) -> Any:
    if not isinstance(live, dict) or not isinstance(wanted, dict):
        return copy.deepcopy(wanted)
    return {**live, **{key: merge(live.get(key), value) for key, value in wanted.items()}}


def replaced(live: Manifest, parts: Any) -> Manifest:
    new = copy.deepcopy(live)
    for pointer, value in parts.items():
        _, section, field = pointer.split("/")
        if value is None:
            new[section].pop(field, None)
        else:
            new[section][field] = copy.deepcopy(value)
    return new
