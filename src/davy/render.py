"""From a plan to writes, in the one safe order.

Capacity before traffic; traffic before removing capacity; memory last. Whether traffic has moved far enough for
capacity to go is the mind's business (core/traffic.py); here is only the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.api.status import CanaryStatus
from davy.core import names
from davy.core.edit import Edit, differing
from davy.core.plan import Desired, PrimaryWish
from davy.perceive import Seen, checksums, kind_of, of_everyone, router_of, scaler_of, split_by
from davy.settings import Settings
from davy.targets import configs
from davy.targets.base import Making, SelectorMissing, Target


class Create(Struct, frozen=True):
    """Make an object that must not exist yet. A workload is made with its replicas; later it is only scaled."""

    manifest: Manifest


class Apply(Struct, frozen=True):
    """The object has these fields, and no others of ours."""

    manifest: Manifest


class Replace(Struct, frozen=True):
    """These parts of an object become exactly this, provided that nobody has changed it since we looked."""

    ref: Ref
    resource_version: str
    parts: Mapping[str, Any]
    """JSON pointer → its new value, whole."""


class Scale(Struct, frozen=True):
    """The workload is to have this many pods."""

    ref: Ref
    replicas: int


class Finalizer(Struct, frozen=True):
    """The canary is to have (not to have) our finalizer. It moves the canary's resourceVersion: it ends the tick."""

    canary: Canary
    present: bool


class Status(Struct, frozen=True):
    """The canary's status; refused by the server if it was decided from an old one."""

    canary: Canary
    status: CanaryStatus


Write = Create | Apply | Replace | Scale | Finalizer | Status


def render(desired: Desired, status: CanaryStatus, seen: Seen, canary: Canary, settings: Settings) -> tuple[Write, ...]:
    """The writes of one tick, in their order. `canary`: with the spec in force."""
    present = names.FINALIZER in canary.metadata.finalizers
    if desired.finalizer and not present:
        return (Finalizer(seen.canary, present=True),)
    writes = tuple(effects(desired, seen, canary, settings))
    if desired.finalizer is False and present:
        return (*writes, Finalizer(seen.canary, present=False))
    if status != seen.canary.status:
        return (*writes, Status(seen.canary, status))
    return writes


class Scene(Struct, frozen=True):
    """What all writes of one tick are made from."""

    seen: Seen
    canary: Canary
    kind: Target
    target: Manifest
    making: Making | None
    """None: the sides cannot be told apart, so that only the target's own scale can be touched."""


def scene_of(desired: Desired, seen: Seen, canary: Canary, settings: Settings) -> Scene | None:
    kind = kind_of(canary)
    target = kind.target(canary, seen.objects) if kind else None
    if kind is None or target is None:
        return None
    return Scene(seen, canary, kind, target, making_of(desired, seen, canary, kind, target, settings))


def making_of(
    desired: Desired, seen: Seen, canary: Canary, kind: Target, target: Manifest, settings: Settings
) -> Making | None:
    try:
        selector = kind.selector(target, settings.selector_labels)
    except SelectorMissing:
        return None
    tracked = frozenset(checksums(seen.configs) or {})
    prefixes = settings.include_label_prefix
    return Making(canary=canary, run=desired.run, selector=selector, prefixes=prefixes, tracked=tracked)


def effects(desired: Desired, seen: Seen, canary: Canary, settings: Settings) -> Iterator[Write]:
    """Capacity, then what gives the primary its shape, then traffic, then what takes capacity away."""
    scene = scene_of(desired, seen, canary, settings)
    if scene is None:
        yield from routes(desired, seen, canary, settings)
        return
    yield from scaler_held(desired, scene, paused=False)
    yield from scaled(desired, scene, up=True)
    if scene.making is not None:
        if desired.services:
            for service in scene.kind.services(scene.target, scene.making, seen.objects):
                yield Apply(service)
        if desired.configs:
            yield from copies(scene, scene.making)
        yield from primary(desired, scene, scene.making)
        yield from primary_scaler(desired, scene, scene.making)
        yield from apex(desired, scene, scene.making)
    yield from routes(desired, seen, canary, settings)
    yield from scaler_held(desired, scene, paused=True)
    yield from scaled(desired, scene, up=False)


def scaled(desired: Desired, scene: Scene, *, up: bool) -> Iterator[Write]:
    wanted, now = desired.target_replicas, scene.kind.replicas(scene.target)
    if scene.kind.scalable and wanted is not None and wanted != now and (wanted > now) is up:
        yield from sized(scene, scene.canary.target, scene.target, wanted)
    side = scene.kind.primary(scene.canary, scene.seen.objects)
    least = desired.primary_replicas
    if up and side is not None and scene.kind.scalable and least is not None and scene.kind.replicas(side) < least:
        yield from sized(scene, names.primary(scene.canary), side, least)


def sized(scene: Scene, ref: Ref, side: Manifest, replicas: int) -> Iterator[Write]:
    edit = scene.kind.sized(side, replicas)
    if edit is None:
        yield Scale(ref, replicas)
    else:
        yield from edited(edit, scene.seen)


def edited(edit: Edit, seen: Seen) -> Iterator[Write]:
    """The edit as a write, if anything is not so yet."""
    live = seen.objects.get(edit.ref)
    parts = differing(live, edit) if live is not None else {}
    if live is not None and parts:
        yield Replace(edit.ref, live["metadata"]["resourceVersion"], parts)


def copies(scene: Scene, making: Making) -> Iterator[Write]:
    """The primary's copies of the tracked configs."""
    objects = scene.seen.objects
    for name in sorted(making.tracked):
        source, copy = configs.refs(scene.canary.namespace, name)
        strangers = copy in objects and configs.foreign(objects[copy])
        if source in objects and not strangers:
            yield from made(configs.copied(objects[source], objects.get(copy), making), scene.seen)


def made(wanted: Manifest | Edit, seen: Seen) -> Iterator[Write]:
    """Something that is created if it is not there, and edited if it is."""
    if isinstance(wanted, Edit):
        yield from edited(wanted, seen)
    elif ref_of(wanted) not in seen.objects:
        yield Create(wanted)


def primary(desired: Desired, scene: Scene, making: Making) -> Iterator[Write]:
    if desired.primary is PrimaryWish.LEAVE:
        return
    live = scene.kind.primary(scene.canary, scene.seen.objects)
    if live is None:
        yield from made(scene.kind.created(scene.target, making), scene.seen)
    elif desired.primary is PrimaryWish.NOTE:
        annotations = {**(live["metadata"].get("annotations") or {}), names.REVISION: desired.run}
        yield from edited(Edit(ref_of(live), {"/metadata/annotations": annotations}), scene.seen)
    elif desired.primary is PrimaryWish.CARRY:
        yield from carried(scene, making, live)


def carried(scene: Scene, making: Making, live: Manifest) -> Iterator[Write]:
    """Its size first, in a tick of its own: the template notes the revision, and with that the copy counts as done."""
    wanted = scene.kind.carried_replicas(scene.canary, scene.target)
    if wanted is not None and wanted != scene.kind.replicas(live):
        yield from sized(scene, names.primary(scene.canary), live, wanted)
    else:
        yield from edited(scene.kind.carrying(scene.target, live, making), scene.seen)


def primary_scaler(desired: Desired, scene: Scene, making: Making) -> Iterator[Write]:
    """After the primary: an autoscaler of nothing complains."""
    scaler, source = scaler_of(scene.canary), names.scaler(scene.canary)
    if desired.scaler and scaler is not None and source is not None and source in scene.seen.objects:
        yield Apply(scaler.primary(scene.canary, scene.seen.objects[source], making.prefixes))


def scaler_held(desired: Desired, scene: Scene, *, paused: bool) -> Iterator[Write]:
    """The target's autoscaler is let go before the target gets pods, and held before they are taken away."""
    scaler, ref = scaler_of(scene.canary), names.scaler(scene.canary)
    live = scene.seen.objects.get(ref) if ref else None
    if scaler is None or live is None or desired.scaler_paused is not paused or scaler.paused(live) is paused:
        return
    edit = scaler.pause(live, paused)
    if edit is not None:
        yield from edited(edit, scene.seen)


def apex(desired: Desired, scene: Scene, making: Making) -> Iterator[Write]:
    if desired.apex:
        service = scene.kind.apex(desired.apex, scene.target, making, scene.seen.objects)
        if service is not None:
            yield Apply(service)


def routes(desired: Desired, seen: Seen, canary: Canary, settings: Settings) -> Iterator[Write]:
    router = router_of(canary, settings)
    if router is None:
        return
    existing = {ref: seen.objects[ref] for ref in router.reads(canary) if ref in seen.objects}
    asked = of_everyone(canary) if desired.everyone else split_by(canary, router)
    if desired.routing is not None:
        for wanted in router.route(asked, desired.routing, existing):
            yield from edited(wanted, seen) if isinstance(wanted, Edit) else (Apply(wanted),)
    if desired.restored:
        for edit in router.restored(canary, existing):
            yield from edited(edit, seen)
