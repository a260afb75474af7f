"""Whether a canary may be acted upon: its spec, what it refers to, and what this version can do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from davy.api.canary import Canary
from davy.api.ref import Ref
from davy.api.validate import Known, Problem, validate
from davy.providers import PROVIDERS
from davy.routers import ROUTERS
from davy.settings import Settings
from davy.targets import TARGETS

KNOWN = Known(providers=tuple(ROUTERS), targets=tuple(kind for _, kind in TARGETS), metric_providers=tuple(PROVIDERS))
"""What this version can work with."""


def problems(
    canary: Canary, settings: Settings, present: Collection[Ref], rivals: tuple[str, ...]
) -> tuple[Problem, ...]:
    """All that is wrong, not the first. `present`: objects that exist; `rivals`: older canaries of the same target."""
    return (
        *validate(canary, settings_of=settings, known=KNOWN),
        *missing_templates(canary, present),
        *taken(canary, rivals),
        *unsupported(canary),
    )


def missing_templates(canary: Canary, present: Collection[Ref]) -> Iterator[Problem]:
    for index, metric in enumerate(canary.analysis.metrics):
        if metric.template_ref is None or canary.skips_analysis:
            continue
        ref = Ref(
            "flagger.app/v1beta1",
            "MetricTemplate",
            metric.template_ref.namespace or canary.namespace,
            metric.template_ref.name,
        )
        if ref not in present:
            message = f"refers to {ref}, which does not exist; create it, or correct the name or the namespace"
            yield Problem(
                path=f"spec.analysis.metrics[{index}].templateRef",
                reason="TemplateMissing",
                message=message,
                severity="error",
            )


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
