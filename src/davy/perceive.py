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
from davy.core import names
from davy.core.change import RUNNING
from davy.core.revisions import is_revision_of, revision
from davy.core.snapshot import Answer, Snapshot, Traffic, Workload
from davy.routers import ROUTERS
from davy.routers.base import Feature, Router
from davy.settings import Settings
from davy.targets import TARGETS
from davy.targets.base import Selector, SelectorMissing, Target
from davy.targets.services import selects


class Seen(Struct, frozen=True, kw_only=True):
    """The raw world of one canary, as the caches hold it at one moment."""

    canary: Canary
    objects: Mapping[Ref, Manifest]
    """Those of `reads()` that exist."""
    problems: tuple[Problem, ...] = ()
    last_valid: CanarySpec | None = None
    """The spec that was in force before the canary was edited into an invalid one, while it is known."""
    answers: Mapping[str, Answer] = {}


def provider_of(canary: Canary, settings: Settings) -> str:
    return canary.spec.provider or settings.mesh_provider


def router_of(canary: Canary, settings: Settings) -> Router | None:
    """None for a provider that nobody knows: validation has said so."""
    return ROUTERS.get(provider_of(canary, settings))


def kind_of(canary: Canary) -> Target | None:
    return TARGETS.get((canary.target.group, canary.target.kind))


def reads(canary: Canary, settings: Settings) -> tuple[Ref, ...]:
    """The addresses of all that one decision about this canary depends on."""
    router = router_of(canary, settings)
    return (
        canary.target,
        names.primary(canary),
        names.apex_service(canary),
        names.canary_service(canary),
        names.primary_service(canary),
        *(router.reads(canary) if router else ()),
    )


def perceive(seen: Seen, now: datetime, settings: Settings) -> Snapshot:
    """The snapshot of this moment. Raises nothing: what cannot be understood is a problem in it."""
    canary, valid = in_force(seen)
    selector, missing = selector_of(canary, seen.objects, settings)
    problems = (*seen.problems, *missing)
    target = workload(seen, canary, canary.target, canary.analysis.canary_ready_threshold, now)
    router = router_of(canary, settings)
    return Snapshot(
        now=now,
        canary=canary,
        problems=problems,
        valid=valid and not missing,
        target=target,
        primary=primary_of(seen, canary, selector, now),
        apex_selects=selects(seen.objects.get(names.apex_service(canary)), selector) if selector else "",
        traffic=traffic(canary, router, seen.objects),
        provider=provider_of(canary, settings),
        shifts=router is not None and Feature.WEIGHT in router.features,
        interval=timedelta(seconds=canary.analysis.interval_seconds(settings.minimum_interval.total_seconds())),
        answers=seen.answers,
    )


def under_way(status: CanaryStatus) -> bool:
    """A run goes on, or its rollback is not in place yet: what was begun is ended with the spec that it began with."""
    return status.phase in RUNNING or (status.phase is Phase.FAILED and not status.run_ended_at)


def in_force(seen: Seen) -> tuple[Canary, bool]:
    """The canary with the spec to act upon, and whether that is a valid one."""
    if not any(problem.severity == "error" for problem in seen.problems):
        return seen.canary, True
    if seen.last_valid is None or not under_way(seen.canary.status):
        return seen.canary, False
    return replace(seen.canary, spec=seen.last_valid), True


def selector_of(
    canary: Canary, objects: Mapping[Ref, Manifest], settings: Settings
) -> tuple[Selector | None, tuple[Problem, ...]]:
    """The label that tells the sides apart; without one nothing can be done."""
    kind, target = kind_of(canary), objects.get(canary.target)
    if kind is None or target is None:
        return None, ()
    try:
        return kind.selector(target, settings.selector_labels), ()
    except SelectorMissing as missing:
        problem = Problem(path="spec.targetRef", reason="SelectorMissing", message=str(missing), severity="error")
        return None, (problem,)


def workload(seen: Seen, canary: Canary, ref: Ref, threshold: int, now: datetime) -> Workload | None:
    kind, found = kind_of(canary), seen.objects.get(ref)
    if kind is None or found is None:
        return None
    metadata = found["metadata"]
    deadline = timedelta(seconds=canary.spec.progress_deadline_seconds)
    return Workload(
        name=ref.name,
        kind=ref.kind,
        fence=f"{metadata.get('uid', '')}/{metadata.get('generation', '')}",
        revision=revision_of(kind.template(found), canary.status),
        replicas=kind.replicas(found),
        serving=kind.serving(found),
        readiness=kind.readiness(found, threshold, deadline, now),
    )


def revision_of(template: object, status: CanaryStatus) -> str:
    """The template's hash, by the scheme of the remembered one where that matches: an upgrade is no new revision."""
    for known in (status.last_applied_spec, status.last_promoted_spec):
        if is_revision_of(template, known):
            return known
    return revision(template)


def primary_of(seen: Seen, canary: Canary, selector: Selector | None, now: datetime) -> Workload | None:
    ref = names.primary(canary)
    found = workload(seen, canary, ref, canary.analysis.primary_ready_threshold, now)
    kind, target = kind_of(canary), seen.objects.get(canary.target)
    if found is None or kind is None or target is None or selector is None:
        return found
    raw = seen.objects[ref]
    return replace(found, carries=kind.run(raw), like_target=kind.alike(target, raw, selector))


def traffic(canary: Canary, router: Router | None, objects: Mapping[Ref, Manifest]) -> Traffic:
    if router is None:
        return Traffic(None)
    existing = {ref: objects[ref] for ref in router.reads(canary) if ref in objects}
    routing = router.routing(canary, existing)
    if routing is None:
        return Traffic(None)
    return Traffic(routing, router.confirmed(canary, routing, existing))
