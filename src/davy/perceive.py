"""From raw objects to a snapshot: what the mind needs to know, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from davy.api.canary import Canary, CanarySpec
from davy.api.ref import Manifest, Ref
from davy.api.status import CanaryStatus, Phase
from davy.api.validate import Problem
from davy.core import names, times
from davy.core.change import RUNNING
from davy.core.edit import differing
from davy.core.revisions import is_revision_of, revision
from davy.core.snapshot import Answer, Conflict, Snapshot, Traffic, Workload
from davy.routers import ROUTERS
from davy.routers.base import Feature, Router
from davy.scalers import SCALERS
from davy.scalers.base import Scaler
from davy.settings import Settings
from davy.targets import TARGETS, configs
from davy.targets.base import Objects, Selector, SelectorMissing, Spell, Target


class Tracked(Struct, frozen=True):
    """What is known of a ConfigMap or a Secret that the target's pods use."""

    checksum: str | None
    """Of its content; None: it does not exist, or is not to be tracked."""
    unread: str = ""
    """Why it could not be read; empty: it could, or is known not to exist and need not."""
    missing: bool = False
    """It is known not to exist, and the pods need it."""


class Seen(Struct, frozen=True, kw_only=True):
    """The raw world of one canary, as the caches hold it at one moment."""

    canary: Canary
    objects: Objects
    """Those of `reads()` that exist. ConfigMaps and Secrets are among them while copies of them may be written."""
    problems: tuple[Problem, ...] = ()
    last_valid: CanarySpec | None = None
    """The spec that was in force before the canary was edited into an invalid one, while it is known."""
    answers: Mapping[str, Answer] = {}
    configs: Mapping[str, Tracked] | None = None
    """`configmap/name` and `secret/name` → what is known of it; None: configs are not tracked."""
    conflicts: tuple[Conflict, ...] = ()


def provider_of(canary: Canary, settings: Settings) -> str:
    return canary.spec.provider or settings.mesh_provider


def router_of(canary: Canary, settings: Settings) -> Router | None:
    """None for a provider that nobody knows: validation has said so."""
    return ROUTERS.get(provider_of(canary, settings))


def kind_of(canary: Canary) -> Target | None:
    return TARGETS.get((canary.target.group, canary.target.kind))


def scaler_of(canary: Canary) -> Scaler | None:
    """None if there is none, or of a kind that nobody knows: validation has said so."""
    ref = names.scaler(canary)
    return SCALERS.get((ref.group, ref.kind)) if ref else None


def reads(canary: Canary, settings: Settings, objects: Objects) -> tuple[Ref, ...]:
    """The addresses of all that one decision about this canary depends on, tracked configs apart.

    `objects`: those that are known already; what they refer to is read too, so ask again with what came of it.
    """
    router, kind = router_of(canary, settings), kind_of(canary)
    scalers = (names.scaler(canary), names.primary_scaler(canary)) if scaler_of(canary) else ()
    return (
        canary.target,
        names.primary(canary),
        names.apex_service(canary),
        names.canary_service(canary),
        names.primary_service(canary),
        *(ref for ref in scalers if ref),
        *(router.reads(canary) if router else ()),
        *(kind.reads(canary, objects) if kind else ()),
    )


def perceive(seen: Seen, now: datetime, settings: Settings) -> Snapshot:
    """The snapshot of this moment. Raises nothing: what cannot be understood is a problem in it."""
    canary, valid = in_force(seen)
    selector, missing = selector_of(canary, seen.objects, settings)
    router, kind = router_of(canary, settings), kind_of(canary)
    can = router.features(canary) if router else Feature.NONE
    return Snapshot(
        now=now,
        canary=canary,
        problems=(*seen.problems, *missing),
        valid=valid and not missing,
        target=target_of(seen, canary, now),
        primary=primary_of(seen, canary, selector, now),
        apex_selects=kind.apex_selects(canary, selector, seen.objects) if kind and selector else "",
        traffic=traffic(canary, router, seen.objects),
        provider=provider_of(canary, settings),
        shifts=Feature.WEIGHT in can,
        mirrors=Feature.MIRROR in can,
        matches=Feature.MATCH in can,
        keeps_sessions=Feature.SESSION_AFFINITY in can,
        configs=checksums(seen.configs),
        changed_keys=configs.changed_keys(seen.objects, canary.namespace, seen.configs or {}),
        unread="; ".join(tracked.unread for tracked in (seen.configs or {}).values() if tracked.unread),
        missing=any(tracked.missing for tracked in (seen.configs or {}).values()),
        scaler_floor=floor(canary, seen.objects),
        scaler_ceiling=ceiling(canary, seen.objects),
        conflicts=seen.conflicts,
        restorable=restorable(canary, router, seen.objects),
        alerts=bool(canary.analysis.alerts or settings.slack_url or settings.msteams_url),
        interval=timedelta(seconds=canary.analysis.interval_seconds(settings.minimum_interval.total_seconds())),
        answers=seen.answers,
    )


def under_way(status: CanaryStatus) -> bool:
    """A run goes on, or its rollback is not in place yet: what was begun is ended with the spec that it began with."""
    if status.phase is Phase.FAILED:
        return not status.run_ended_at or status.canary_weight > 0
    return status.phase in RUNNING or status.phase is Phase.TERMINATING


def in_force(seen: Seen) -> tuple[Canary, bool]:
    """The canary with the spec to act upon, and whether that is a valid one."""
    if not any(problem.severity == "error" for problem in seen.problems):
        return seen.canary, True
    if seen.last_valid is None or not under_way(seen.canary.status):
        return seen.canary, False
    return replace(seen.canary, spec=seen.last_valid), True


def checksums(known: Mapping[str, Tracked] | None) -> dict[str, str] | None:
    if known is None:
        return None
    return {name: tracked.checksum for name, tracked in sorted(known.items()) if tracked.checksum}


def floor(canary: Canary, objects: Objects) -> int:
    scaler, ref = scaler_of(canary), names.scaler(canary)
    return scaler.floor(objects[ref]) if scaler and ref and ref in objects else 0


def ceiling(canary: Canary, objects: Objects) -> int:
    scaler, ref = scaler_of(canary), names.scaler(canary)
    return scaler.ceiling(objects[ref]) if scaler and ref and ref in objects else 0


def selector_of(canary: Canary, objects: Objects, settings: Settings) -> tuple[Selector | None, tuple[Problem, ...]]:
    """The label that tells the sides apart; without one nothing can be done."""
    kind = kind_of(canary)
    target = kind.target(canary, objects) if kind else None
    if kind is None or target is None:
        return None, ()
    try:
        return kind.selector(target, settings.selector_labels), ()
    except SelectorMissing as missing:
        problem = Problem(path="spec.targetRef", reason=type(missing).__name__, message=str(missing), severity="error")
        return None, (problem,)


def target_of(seen: Seen, canary: Canary, now: datetime) -> Workload | None:
    kind = kind_of(canary)
    side = kind.target(canary, seen.objects) if kind else None
    return workload(kind, side, canary, canary.analysis.canary_ready_threshold, now) if kind and side else None


def primary_of(seen: Seen, canary: Canary, selector: Selector | None, now: datetime) -> Workload | None:
    kind = kind_of(canary)
    side = kind.primary(canary, seen.objects) if kind else None
    if kind is None or side is None:
        return None
    found = workload(kind, side, canary, canary.analysis.primary_ready_threshold, now)
    target = kind.target(canary, seen.objects)
    if target is None or selector is None:
        return found
    return replace(
        found,
        carries=kind.run(side),
        like_target=kind.alike(target, side, selector),
        empties=kind.empties(target, side),
    )


def workload(kind: Target, side: Manifest, canary: Canary, threshold: int, now: datetime) -> Workload:
    metadata, status = side["metadata"], canary.status
    limit = timedelta(seconds=canary.spec.progress_deadline_seconds)
    return Workload(
        name=metadata["name"],
        kind=canary.target.kind,
        fence=f"{metadata.get('uid', '')}/{metadata.get('generation', '')}",
        revision=revision_of(kind.template(side), status),
        replicas=kind.replicas(side),
        serving=kind.serving(side),
        lingering=kind.lingering(side),
        readiness=kind.readiness(side, threshold, Spell(times.read(status.last_transition_time), limit, now)),
        scalable=kind.scalable,
    )


def revision_of(template: object, status: CanaryStatus) -> str:
    """The template's hash, by the scheme of the remembered one where that matches: an upgrade is no new revision."""
    for known in (status.last_applied_spec, status.last_promoted_spec):
        if is_revision_of(template, known):
            return known
    return revision(template)


def traffic(canary: Canary, router: Router | None, objects: Mapping[Ref, Manifest]) -> Traffic:
    if router is None:
        return Traffic(None)
    existing = {ref: objects[ref] for ref in router.reads(canary) if ref in objects}
    asked = split_by(canary, router)
    routing = router.routing(asked, existing)
    if routing is None:
        asked = of_everyone(canary)  # the test's rules are not there, or not any more
        routing = router.routing(asked, existing)
    return Traffic(routing, router.confirmed(asked, routing, existing)) if routing else Traffic(None)


def restorable(canary: Canary, router: Router | None, objects: Objects) -> bool:
    """Only asked of a canary that goes."""
    if router is None or not canary.metadata.deletion_timestamp:
        return False
    existing = {ref: objects[ref] for ref in router.reads(canary) if ref in objects}
    return any(differing(objects[edit.ref], edit) for edit in router.restored(canary, existing) if edit.ref in objects)


def split_by(canary: Canary, router: Router) -> Canary:
    """The canary as its router is to see it: without matches that it cannot tell apart, which are for nobody then."""
    told = canary.strategy() != "ab-testing" or Feature.MATCH in router.features(canary)
    return canary if told else of_everyone(canary)


def of_everyone(canary: Canary) -> Canary:
    """The canary without its matches: the split is that of all requests."""
    analysis = canary.spec.analysis
    if analysis is None or not analysis.match:
        return canary
    return replace(canary, spec=replace(canary.spec, analysis=replace(analysis, match=())))
