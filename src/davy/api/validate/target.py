"""Provider, target, autoscaler and the other objects that a Canary starts from."""

from collections.abc import Iterator

from davy.api.canary import KNATIVE, Canary
from davy.api.validate.known import Known
from davy.api.validate.problem import Problem, error, unknown, warning
from davy.settings import Settings

LONGEST_NAME = 63
USUAL_VERSIONS = {
    "Deployment": ("apps/v1",),
    "DaemonSet": ("apps/v1",),
    "Service": ("v1", KNATIVE),
    "HorizontalPodAutoscaler": ("autoscaling/v2",),
    "ScaledObject": ("keda.sh/v1alpha1",),
}
"""Kind → the API versions that are used, whatever the reference says: Flagger goes by the kind alone."""

NEEDS = {
    "nginx": ("ingress_ref", "spec.ingressRef", "the Ingress of the target"),
    "skipper": ("ingress_ref", "spec.ingressRef", "the Ingress of the target"),
    "apisix": ("route_ref", "spec.routeRef", "the ApisixRoute of the target"),
}
"""Provider → the reference that it cannot do without."""


def problems(canary: Canary, settings: Settings, known: Known) -> Iterator[Problem]:
    """All problems of these fields."""
    yield from provider(canary, settings, known)
    yield from kinds(canary, known)
    yield from knative(canary, settings)
    yield from names(canary)
    yield from references(canary, settings)


def provider_of(canary: Canary, settings: Settings) -> str:
    """The provider in force."""
    return canary.spec.provider or settings.mesh_provider


def provider(canary: Canary, settings: Settings, known: Known) -> Iterator[Problem]:
    """Who splits the traffic, and what it cannot do without. (Flagger takes an unknown one for Istio.)"""
    name = provider_of(canary, settings)
    if name not in known.providers:
        yield unknown("spec.provider", "UnknownProvider", "provider", name, known.providers)
    if name in NEEDS:
        field, path, what = NEEDS[name]
        if getattr(canary.spec, field) is None:
            yield error(path, "ReferenceMissing", f"provider {name} needs {what}; name it here")


def kinds(canary: Canary, known: Known) -> Iterator[Problem]:
    """The kinds of the target and of its autoscaler. (Flagger takes an unknown target for a Deployment.)"""
    target, scaler = canary.spec.target_ref, canary.spec.autoscaler_ref
    if target.kind not in known.targets:
        yield unknown("spec.targetRef.kind", "UnknownTarget", "kind of target", target.kind, known.targets)
    yield from version("spec.targetRef", target.kind, target.api_version)
    if scaler is None:
        return
    if scaler.kind not in known.scalers:
        yield unknown("spec.autoscalerRef.kind", "UnknownScaler", "kind of autoscaler", scaler.kind, known.scalers)
    yield from version("spec.autoscalerRef", scaler.kind, scaler.api_version)


def version(path: str, kind: str, given: str) -> Iterator[Problem]:
    """An API version that is passed over."""
    usual = USUAL_VERSIONS.get(kind, (given,))
    if given not in usual:
        message = f"{given!r} is passed over: a {kind} is read as {usual[0]}; write that"
        yield warning(f"{path}.apiVersion", "VersionIgnored", message)


def knative(canary: Canary, settings: Settings) -> Iterator[Problem]:
    """A Knative Service goes with provider knative, and with nothing that scales it."""
    is_provider = provider_of(canary, settings) == "knative"
    is_target = canary.spec.target_ref.knative
    if is_target and not is_provider:
        message = "a Knative Service can only be released by provider knative; write that"
        yield error("spec.provider", "KnativeOnly", message)
    if is_provider and not is_target:
        message = f"provider knative releases a Service of {KNATIVE} only; refer to one, or choose another provider"
        yield error("spec.targetRef", "KnativeOnly", message)
    if is_target and canary.spec.autoscaler_ref is not None:
        yield error("spec.autoscalerRef", "KnativeOnly", "Knative scales its Services itself; leave the autoscaler out")


def names(canary: Canary) -> Iterator[Problem]:
    """Names from which other names are made."""
    if not canary.spec.target_ref.name:
        yield error("spec.targetRef.name", "NameMissing", "is empty; name the workload that is released")
    path = "spec.service.name" if canary.spec.service.name else "spec.targetRef.name"
    name = canary.primary_service
    if not canary.spec.target_ref.knative and len(name) > LONGEST_NAME:
        message = f"makes a Service named {name}, longer than {LONGEST_NAME} letters; set a shorter spec.service.name"
        yield error(path, "NameTooLong", message)


def references(canary: Canary, settings: Settings) -> Iterator[Problem]:
    """References into other namespaces, where those are refused."""
    if not settings.no_cross_namespace_refs:
        return
    for path, namespace in namespaces(canary):
        if namespace and namespace != canary.namespace:
            message = f"refers to namespace {namespace!r}, and this operator allows no references across namespaces"
            yield error(path, "CrossNamespace", f"{message}; use an object in {canary.namespace!r}")


def namespaces(canary: Canary) -> Iterator[tuple[str, str]]:
    """The fields that name a namespace."""
    if canary.spec.upstream_ref:
        yield "spec.upstreamRef.namespace", canary.spec.upstream_ref.namespace
    for index, metric in enumerate(canary.analysis.metrics):
        if metric.template_ref:
            yield f"spec.analysis.metrics[{index}].templateRef.namespace", metric.template_ref.namespace
    for index, alert in enumerate(canary.analysis.alerts):
        yield f"spec.analysis.alerts[{index}].providerRef.namespace", alert.provider_ref.namespace
