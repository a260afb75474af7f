"""The applier's twin in the model: makes one write true, the way the API server would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from davy.api import codec
from davy.api.ref import Manifest, Ref, ref_of
from davy.core.names import FINALIZER
from davy.render import Apply, Create, Finalizer, Replace, Scale, Status, Write
from davy.sim.world import Conflict, World

BOOKS = "managedFields"
"""Where the model's server keeps what we applied last: the manifest itself."""


ATOMIC = frozenset({"selector", "nodeSelector"})
"""Maps that server-side apply takes as one value."""


class Misfit(AssertionError):  # noqa: N818 - a property
    """A write that the API server can only refuse, however often it is tried."""


def perform(world: World, write: Write) -> Manifest | None:
    """The object as the server would answer it; None if it went. Raises `Conflict` and `Forbidden` as the server."""
    match write:
        case Create(manifest):
            return world.create(manifest)
        case Apply(manifest):
            return apply(world, manifest)
        case Replace(ref, resource_version, parts):
            live = existing(world, ref)
            fresh = live["metadata"]["resourceVersion"] == resource_version
            return world.update(ref, replaced(live, parts) if fresh else live, resource_version)
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
    if not isinstance(write, Apply) or held is None:
        return False
    return held["metadata"].get(BOOKS) == write.manifest and holds(held, write.manifest)


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
    """Server-side apply, with force."""
    ref = ref_of(manifest)
    live = world.objects.get(ref)
    if live is None:
        return world.create(with_books(manifest, manifest))
    return world.update(ref, applied(live, manifest))


def applied(live: Manifest, wanted: Manifest) -> Manifest:
    """Wanted fields get their values, lists are replaced whole; what we wanted before and want no more goes."""
    before = live["metadata"].get(BOOKS)
    if before != wanted:
        live = with_books(without(live, before or {}, wanted), wanted)
    return live if holds(live, wanted) else merge(live, wanted)


def with_books(manifest: Manifest, wanted: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], BOOKS: wanted}}


def holds(live: Any, wanted: Any) -> bool:
    """Every wanted field has its value."""
    if live is wanted:
        return True
    if not isinstance(live, dict) or not isinstance(wanted, dict):
        return bool(live == wanted)
    return all(
        key in live and (live[key] == value if key in ATOMIC else holds(live[key], value))
        for key, value in wanted.items()
    )


def merge(live: Any, wanted: Any) -> Any:
    if not isinstance(live, dict) or not isinstance(wanted, dict):
        return wanted
    return {
        **live,
        **{key: value if key in ATOMIC else merge(live.get(key), value) for key, value in wanted.items()},
    }


def without(live: Manifest, before: Manifest, wanted: Manifest) -> Manifest:
    """Without the fields that were ours and are wanted no more; maps that held nothing else go with them."""
    kept = {}
    for key, value in live.items():
        ours, now = before.get(key), wanted.get(key)
        if isinstance(value, dict) and isinstance(ours, dict):
            value = without(value, ours, now if isinstance(now, dict) else {})
            if not value and key not in wanted:
                continue
        elif key in before and key not in wanted:
            continue
        kept[key] = value
    return kept


def replaced(live: Manifest, parts: Mapping[str, Any]) -> Manifest:
    """A JSON patch of `add` and `remove`, one for each part. Raises `Misfit` where the server would answer 422."""
    for pointer, value in parts.items():
        path = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        live = put(live, path, value, pointer)
    return live


def put(node: Any, path: list[str], value: Any, pointer: str) -> Any:
    first, *rest = path
    if not isinstance(node, dict) or ((rest or value is None) and first not in node):
        raise Misfit(f"a JSON patch cannot reach {pointer}: there is no such place in the object")
    if rest:
        return {**node, first: put(node[first], rest, value, pointer)}
    if value is None:
        return {key: item for key, item in node.items() if key != first}
    return {**node, first: value}
