"""Whether a canary may be acted upon: its spec, what it refers to, and what this version can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from davy.api import codec
from davy.api.canary import API_VERSION, Canary, CanarySpec
from davy.api.ref import Manifest, Ref
from davy.api.validate import Known, Problem, validate, validate_metric_template
from davy.core import names
from davy.core.snapshot import TO_PRIMARY
from davy.core.traffic import TO_CANARY
from davy.perceive import split_by
from davy.providers import PROVIDERS
from davy.routers import ROUTERS
from davy.routers.base import Feature, Inexpressible
from davy.scalers import SCALERS
from davy.settings import Settings
from davy.targets import TARGETS, configs

KNOWN = Known(
    providers=tuple(ROUTERS),
    targets=tuple(kind for _, kind in TARGETS),
    scalers=tuple(kind for _, kind in SCALERS),
    metric_providers=tuple(PROVIDERS),
)
"""What this version can work with."""


def problems(
    canary: Canary, settings: Settings, objects: Mapping[Ref, Manifest], rivals: tuple[str, ...]
) -> tuple[Problem, ...]:
    """All that is wrong, not the first. `objects`: those that exist; `rivals`: older canaries of the same target."""
    found = (
        *validate(canary, settings_of=settings, known=KNOWN),
        *templates(canary, objects),
        *taken(canary, rivals),
        *scaler(canary, objects),
        *copies(canary, objects),
        *service_names(canary),
    )
    named = {problem.path for problem in found}
    further = (*ignored(canary, settings), *inexpressible(canary, settings))
    return (*found, *(problem for problem in further if problem.path not in named))


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
            router.route(split_by(canary, router), TO_PRIMARY, {})
            router.route(split_by(canary, router), TO_CANARY, {})
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


def scaler(canary: Canary, objects: Mapping[Ref, Manifest]) -> Iterator[Problem]:
    """An autoscaler that is referred to and does not exist. (Flagger says so in every tick and does nothing else.)"""
    ref = names.scaler(canary)
    if ref is not None and (ref.group, ref.kind) in SCALERS and ref not in objects:
        message = f"refers to {ref}, which does not exist; create it, or leave autoscalerRef out"
        yield Problem("spec.autoscalerRef", "AutoscalerMissing", message, "error")


IGNORED: tuple[tuple[str, Feature, Callable[[Canary], bool], str], ...] = (
    (
        "spec.analysis.match",
        Feature.MATCH,
        lambda canary: canary.strategy() == "ab-testing",
        "provider {provider} cannot tell these requests from others: the release is blue/green with as many iterations",
    ),
    (
        "spec.analysis.mirror",
        Feature.MIRROR,
        lambda canary: canary.analysis.mirror,
        "provider {provider} cannot copy requests: that stage is skipped",
    ),
    (
        "spec.analysis.sessionAffinity",
        Feature.SESSION_AFFINITY,
        lambda canary: canary.analysis.session_affinity is not None,
        "provider {provider} cannot keep users with one side: it is passed over",
    ),
)
"""What a release may ask for and a provider may not be able to do: it runs without, and says so. (In Flagger the first
shows the new version to everybody, the second never ends with weights, the third is silent.)"""


def copies(canary: Canary, objects: Mapping[Ref, Manifest]) -> Iterator[Problem]:
    """Somebody's own object has the name that a copy of a tracked config would have. (Flagger overwrites it.)"""
    for ref, live in objects.items():
        if ref.kind in configs.KINDS.values() and ref.name.endswith(configs.COPY) and configs.foreign(live):
            message = (
                f"tracking its configs would overwrite {ref}, which is not a copy of Davy's; rename that, or annotate "
                f"{ref.name.removesuffix(configs.COPY)} with flagger.app/config-tracking: disabled"
            )
            yield Problem("spec.targetRef", "CopyTaken", message, "error")


def service_names(canary: Canary) -> Iterator[Problem]:
    """The Services of a Service target are named after it: with another apex the routes would lead nowhere."""
    target = canary.spec.target_ref
    if target.kind == "Service" and not target.knative and canary.apex != target.name:
        message = f"must be {target.name} (or left out): the copies of a Service are named after it"
        yield Problem("spec.service.name", "NameMismatch", message, "error")


def ignored(canary: Canary, settings: Settings) -> Iterator[Problem]:
    name = canary.spec.provider or settings.mesh_provider
    router = ROUTERS.get(name)
    if router is None or canary.skips_analysis:
        return
    for path, feature, used, words in IGNORED:
        if used(canary) and feature not in router.features(canary):
            yield Problem(path, "Ignored", words.format(provider=name), "warning")
