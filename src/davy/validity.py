"""Whether a canary may be acted upon: its spec, what it refers to, and what this version can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from davy.api import codec
from davy.api.canary import API_VERSION, Canary, CanarySpec
from davy.api.ref import Manifest, Ref
from davy.api.validate import Known, Problem, validate, validate_metric_template
from davy.core.snapshot import TO_PRIMARY
from davy.providers import PROVIDERS
from davy.routers import ROUTERS
from davy.routers.base import Inexpressible
from davy.settings import Settings
from davy.targets import TARGETS

KNOWN = Known(providers=tuple(ROUTERS), targets=tuple(kind for _, kind in TARGETS), metric_providers=tuple(PROVIDERS))
"""What this version can work with."""


def problems(
    canary: Canary, settings: Settings, objects: Mapping[Ref, Manifest], rivals: tuple[str, ...]
) -> tuple[Problem, ...]:
    """All that is wrong, not the first. `objects`: those that exist; `rivals`: older canaries of the same target."""
    found = (
        *validate(canary, settings_of=settings, known=KNOWN),
        *templates(canary, objects),
        *taken(canary, rivals),
        *unsupported(canary),
    )
    named = {problem.path for problem in found}
    return (*found, *(problem for problem in inexpressible(canary, settings) if problem.path not in named))


def changed(canary: Canary, before: CanarySpec, settings: Settings) -> Iterator[Problem]:
    """What must stay as it is while a run is under way. `before`: the spec that the run goes by.

    Followed at once, the route of before would keep its weights, and its canary would lose its pods.
    """
    old = replace(canary, spec=before)
    named = replace(canary, spec=replace(before, target_ref=canary.spec.target_ref))
    for path, was, now in (
        ("spec.provider", before.provider or settings.mesh_provider, canary.spec.provider or settings.mesh_provider),
        ("spec.targetRef", str(old.target), str(canary.target)),
        ("spec.service.name", named.apex, canary.apex),
    ):
        if was != now:
            message = (
                f"was changed from {was} to {now} during a run, which goes on with {was}; {now} is taken up after it"
            )
            yield Problem(path, "ChangedDuringRun", message, "error")


def inexpressible(canary: Canary, settings: Settings) -> Iterator[Problem]:
    """What the provider has no words for: the router itself is asked, so that it can never refuse in a tick."""
    router = ROUTERS.get(canary.spec.provider or settings.mesh_provider)
    try:
        if router is not None:
            router.route(canary, TO_PRIMARY, {})
    except Inexpressible as cannot:
        path, _, message = str(cannot).partition(": ")
        yield Problem(path, "Inexpressible", message, "error")


def templates(canary: Canary, objects: Mapping[Ref, Manifest]) -> Iterator[Problem]:
    """MetricTemplates that do not exist, or that cannot be asked."""
    for index, metric in enumerate(canary.analysis.metrics):
        if metric.template_ref is None or canary.skips_analysis:
            continue
        ref = Ref(
            API_VERSION, "MetricTemplate", metric.template_ref.namespace or canary.namespace, metric.template_ref.name
        )
        for reason, message in template_faults(ref, objects.get(ref)):
            yield Problem(f"spec.analysis.metrics[{index}].templateRef", reason, message, "error")


def template_faults(ref: Ref, found: Manifest | None) -> Iterator[tuple[str, str]]:
    if found is None:
        message = f"refers to {ref}, which does not exist; create it, or correct the name or the namespace"
        yield "TemplateMissing", message
        return
    try:
        template = codec.decode_metric_template(found)
    except codec.DecodeError as error:
        yield "TemplateInvalid", f"refers to {ref}, which cannot be read: {error}"
        return
    for problem in validate_metric_template(template, known=KNOWN):
        if problem.severity == "error":
            yield problem.reason, f"refers to {ref}, whose {problem}"


def taken(canary: Canary, rivals: tuple[str, ...]) -> Iterator[Problem]:
    if rivals:
        message = (
            f"{canary.target} is released by Canary {canary.namespace}/{rivals[0]} already; "
            "delete one of the two, or give this one another target"
        )
        yield Problem(path="spec.targetRef", reason="TargetTaken", message=message, severity="error")


UNSUPPORTED: tuple[tuple[str, Callable[[Canary], bool], str], ...] = (
    ("spec.analysis.webhooks", lambda canary: bool(canary.analysis.webhooks), "error"),
    ("spec.analysis.match", lambda canary: canary.strategy() == "ab-testing", "error"),
    ("spec.analysis.mirror", lambda canary: canary.analysis.mirror, "error"),
    ("spec.analysis.sessionAffinity", lambda canary: canary.analysis.session_affinity is not None, "error"),
    ("spec.autoscalerRef", lambda canary: canary.spec.autoscaler_ref is not None, "error"),
    ("spec.analysis.alerts", lambda canary: bool(canary.analysis.alerts), "warning"),
)
"""Parts of Flagger's API that this version knows but does not do yet. A release that needs one is not started: doing
something else in silence would be a lie. (Alerts that are not sent change no release: a warning.)"""


def unsupported(canary: Canary) -> Iterator[Problem]:
    for path, used, severity in UNSUPPORTED:
        if used(canary):
            message = "is not supported by this version of Davy yet (docs/differences.md); remove it to go on without"
            yield Problem(path=path, reason="NotSupportedYet", message=message, severity=severity)
