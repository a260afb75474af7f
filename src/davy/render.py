"""From a plan to writes, in the one safe order.

Capacity before traffic; traffic before removing capacity; memory last. Whether traffic has moved far enough for
capacity to go is the mind's business (core/traffic.py); here is only the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.status import CanaryStatus
from davy.core import names
from davy.core.plan import Desired, PrimaryWish
from davy.perceive import Seen, kind_of, router_of
from davy.settings import Settings
from davy.targets import services
from davy.targets.base import Selector, SelectorMissing, Target


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

REPLACED = (
    ("metadata", "labels"),
    ("metadata", "annotations"),
    ("spec", "template"),
    ("spec", "strategy"),
    ("spec", "updateStrategy"),
    ("spec", "minReadySeconds"),
    ("spec", "progressDeadlineSeconds"),
    ("spec", "revisionHistoryLimit"),
)
"""Parts of a primary that a promotion replaces whole: an apply would keep what the target no longer has."""


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


def effects(desired: Desired, seen: Seen, canary: Canary, settings: Settings) -> Iterator[Write]:
    kind, target = kind_of(canary), seen.objects.get(canary.target)
    if kind is None or target is None:
        return
    yield from scaled(desired, canary, kind, target, up=True)
    selector = selector_of(kind, target, settings)
    if selector is not None:
        if desired.services:
            for service in services.services(canary, selector, target, seen.objects):
                yield Apply(service)
        yield from primary(desired, seen, canary, kind, target, selector, settings)
        if desired.apex:
            yield Apply(services.apex(canary, selector, desired.apex, target, seen.objects))
    yield from routes(desired, seen, canary, settings)
    yield from scaled(desired, canary, kind, target, up=False)


def selector_of(kind: Target, target: Manifest, settings: Settings) -> Selector | None:
    try:
        return kind.selector(target, settings.selector_labels)
    except SelectorMissing:
        return None


def scaled(desired: Desired, canary: Canary, kind: Target, target: Manifest, *, up: bool) -> Iterator[Write]:
    wanted, now = desired.target_replicas, kind.replicas(target)
    if wanted is not None and wanted != now and (wanted > now) is up:
        yield Scale(canary.target, wanted)


def primary(
    desired: Desired,
    seen: Seen,
    canary: Canary,
    kind: Target,
    target: Manifest,
    selector: Selector,
    settings: Settings,
) -> Iterator[Write]:
    if desired.primary is PrimaryWish.LEAVE:
        return
    prefixes = settings.include_label_prefix
    live = seen.objects.get(names.primary(canary))
    if live is None:
        yield Create(kind.primary(canary, target, desired.run, selector, prefixes))
    elif desired.primary is PrimaryWish.NOTE:
        annotations = {**(live["metadata"].get("annotations") or {}), names.REVISION: desired.run}
        yield Replace(
            names.primary(canary), live["metadata"]["resourceVersion"], {"/metadata/annotations": annotations}
        )
    elif desired.primary is PrimaryWish.CARRY:
        wanted = kind.carrying(canary, target, live, desired.run, selector, prefixes)
        if parts := differing(live, wanted):
            yield Replace(names.primary(canary), live["metadata"]["resourceVersion"], parts)
        if wanted["spec"].get("replicas") != live["spec"].get("replicas"):
            yield Scale(names.primary(canary), kind.replicas(wanted))


def differing(live: Manifest, wanted: Manifest) -> dict[str, Any]:
    return {
        f"/{section}/{field}": wanted[section].get(field)
        for section, field in REPLACED
        if wanted[section].get(field) != live[section].get(field)
    }


def routes(desired: Desired, seen: Seen, canary: Canary, settings: Settings) -> Iterator[Write]:
    router = router_of(canary, settings)
    if router is None or desired.routing is None:
        return
    existing = {ref: seen.objects[ref] for ref in router.reads(canary) if ref in seen.objects}
    for manifest in router.route(canary, desired.routing, existing):
        yield Apply(manifest)
