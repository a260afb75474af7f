"""What never worked is refused, what Flagger runs is not; every message names the field and what would be right."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from davy.api import codec
from davy.api.validate import Known, Problem, validate, validate_alert_provider, validate_metric_template
from davy.settings import Settings

RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "canaries.json").read_text())
ISTIO = Settings(mesh_provider="istio")


def problems_of(spec: dict[str, Any], settings: Settings = ISTIO, known: Known | None = None) -> tuple[Problem, ...]:
    """The problems of a Canary with that spec."""
    canary = codec.decode_canary({"metadata": {"name": "app", "namespace": "test"}, "spec": spec})
    return validate(canary, settings_of=settings, known=known or Known())


def spec(**changes: Any) -> dict[str, Any]:
    """A spec without problems, with changes: `analysis__stepWeight=5`; None takes a field out."""
    plain: dict[str, Any] = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
        "service": {"port": 80},
        "analysis": {"interval": "10s", "threshold": 2, "stepWeight": 10, "maxWeight": 50},
    }
    for name, value in changes.items():
        *way, last = name.split("__")
        at = plain
        for step in way:
            at = at.setdefault(step, {})
        at[last] = value
        if value is None:
            del at[last]
    return plain


def told(found: tuple[Problem, ...]) -> list[str]:
    return [f"{problem.severity} {problem}" for problem in found]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: f"{recorded['kind']}-{recorded['trace']}")
def test_what_flagger_ran_is_not_refused(recorded: dict[str, Any]) -> None:
    if recorded["kind"] == "Canary":
        found = problems_of(recorded["spec"])
    elif recorded["kind"] == "MetricTemplate":
        found = validate_metric_template(codec.decode_metric_template({"spec": recorded["spec"]}))
    else:
        found = validate_alert_provider(codec.decode_alert_provider({"spec": recorded["spec"]}))
    # This one never got beyond Initializing in Flagger either.
    refused = ["spec.service.gatewayRefs"] if recorded["trace"] == "gwv1-no-gateway" else []
    assert [problem.path for problem in found if problem.severity == "error"] == refused


def test_a_plain_spec_has_no_problems() -> None:
    assert problems_of(spec()) == ()


KNATIVE = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "app"}
GATEWAY = {"gatewayRefs": [{"name": "gateway"}]}
HOOK = {"name": "gate", "url": "http://gate.test/", "type": "rollout"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    (spec(provider="isto"), "spec.provider: unknown provider 'isto'; did you mean istio? (known: apisix, appmesh, "),
    (spec(provider="xyz"), "spec.provider: unknown provider 'xyz' (known: apisix, appmesh, "),
    (
        spec(targetRef__kind="StatefulSet"),
        "spec.targetRef.kind: unknown kind of target 'StatefulSet' (known: DaemonSet, ",
    ),
    (
        spec(targetRef__kind="Deploymnt"),
        "spec.targetRef.kind: unknown kind of target 'Deploymnt'; did you mean Deployment? ",
    ),
    (spec(targetRef__name=""), "spec.targetRef.name: is empty; name the workload that is released"),
    (
        spec(autoscalerRef={"apiVersion": "autoscaling/v2", "kind": "HPA", "name": "app"}),
        "spec.autoscalerRef.kind: unknown kind of autoscaler 'HPA' (known: HorizontalPodAutoscaler, ScaledObject)",
    ),
    (spec(targetRef=KNATIVE), "spec.provider: a Knative Service can only be released by provider knative; write that"),
    (
        spec(provider="knative"),
        "spec.targetRef: provider knative releases a Service of serving.knative.dev/v1 only; refer",
    ),
    (
        spec(
            provider="knative",
            targetRef=KNATIVE,
            autoscalerRef={"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "a"},
        ),
        "spec.autoscalerRef: Knative scales its Services itself; leave the autoscaler out",
    ),
    (
        spec(targetRef__name="a" * 56),
        f"spec.targetRef.name: makes a Service named {'a' * 56}-primary, longer than 63 letters; ",
    ),
    (
        spec(service__name="a" * 56),
        f"spec.service.name: makes a Service named {'a' * 56}-primary, longer than 63 letters; ",
    ),
    (spec(service=None), "spec.service.port: is needed for the Services; write the port that clients call"),
    (spec(service__port=70000), "spec.service.port: 70000 is not a port; write one from 1 to 65535"),
    (
        spec(service__targetPort=70000),
        "spec.service.targetPort: 70000 is not a port; write one from 1 to 65535 or a port's",
    ),
    (spec(service__drainSeconds=-1), "spec.service.drainSeconds: -1 is not a time to wait; write 0 or more seconds"),
    (
        spec(provider="gatewayapi:v1"),
        "spec.service.gatewayRefs: provider gatewayapi:v1 needs at least one Gateway that the",
    ),
    (
        spec(provider="gatewayapi:v1beta1"),
        "spec.service.gatewayRefs: provider gatewayapi:v1beta1 needs at least one Gateway",
    ),
    (
        spec(provider="gatewayapi:v1", service={"port": 80, "timeout": "1d"} | GATEWAY),
        "spec.service.timeout: '1d' is not a duration of the Gateway API; write for example 30s, 500ms or 1m30s",
    ),
    (
        spec(provider="gatewayapi:v1", service={"port": 80, "timeout": "1s", "backendTimeout": "2s"} | GATEWAY),
        "spec.service.backendTimeout: 2s is more than the whole request has; write at most 1s",
    ),
    (
        spec(provider="gatewayapi:v1", service={"port": 80, "match": [{"uri": {}}]} | GATEWAY),
        "spec.service.match[0].uri: says nothing about the path; write exact, prefix or regex, or leave it out",
    ),
    (
        spec(provider="gatewayapi:v1", service={"port": 80, "match": [{"method": {"prefix": "P"}}]} | GATEWAY),
        "spec.service.match[0].method: the Gateway API compares a method as a whole; write exact",
    ),
    (spec(provider="nginx"), "spec.ingressRef: provider nginx needs the Ingress of the target; name it here"),
    (spec(provider="apisix"), "spec.routeRef: provider apisix needs the ApisixRoute of the target; name it here"),
    (spec(provider="appmesh"), "spec.service.meshName: provider appmesh needs the name of the mesh; write it here"),
    (
        spec(service={"port": 80, "delegation": True, "hosts": ["a.test"]}),
        "spec.service.hosts: a delegate VirtualService has no hosts of its own; leave them out, or set delegation to",
    ),
    (
        spec(analysis__stepWeight=None),
        "spec.analysis.stepWeight: the release stops for ever at weight 0; write a step above 0",
    ),
    (
        spec(analysis__stepWeight=-5),
        "spec.analysis.stepWeight: the release stops for ever at weight 0; write a step above 0",
    ),
    (
        spec(analysis__stepWeight=None, analysis__stepWeights=[10, 10, 20]),
        "spec.analysis.stepWeights: the release stops for ever at weight 10; write weights above 0 that rise",
    ),
    (
        spec(analysis__maxWeight=150),
        "spec.analysis.maxWeight: the release stops for ever at weight 100 and never gets to 150; write at most 100",
    ),
    (
        spec(analysis__canaryReadyThreshold=150),
        "spec.analysis.canaryReadyThreshold: 150 percent of the pods can never be ready; write a number from 0 to 100",
    ),
    (
        spec(analysis__sessionAffinity={"cookieName": "c", "primaryCookieName": "c"}),
        "spec.analysis.sessionAffinity.primaryCookieName: both cookies are called 'c'; give the primary's another name",
    ),
    (
        spec(analysis__metrics=[{"name": "errors", "threshold": 1}]),
        "spec.analysis.metrics[0]: 'errors' has no query: name a MetricTemplate in templateRef, or call it request-s",
    ),
    (
        spec(analysis__metrics=[{"name": "errors", "threshold": 1, "query": "a{\n{{ targets }}"}]),
        "spec.analysis.metrics[0].query: line 2: the function 'targets' is not supported; there are ingress, interva",
    ),
    (
        spec(analysis__metrics=[{"name": "request-duration", "thresholdRange": {"min": 2, "max": 1}}]),
        "spec.analysis.metrics[0].thresholdRange: no value is at least 2 and at most 1; swap them",
    ),
    (
        spec(analysis__metrics=[{"name": "request-duration", "threshold": 1, "interval": "1mfoo"}]),
        "spec.analysis.metrics[0].interval: '1mfoo' is not a duration; write for example 30s or 1m30s",
    ),
    (
        spec(analysis__webhooks=[HOOK | {"url": "gate.test"}]),
        "spec.analysis.webhooks[0].url: 'gate.test' cannot be called; write a URL such as http://tester.test/",
    ),
    (
        spec(analysis__webhooks=[HOOK | {"timeout": "1mfoo"}]),
        "spec.analysis.webhooks[0].timeout: '1mfoo' is not a duration; write for example 30s, 500ms or 1m30s",
    ),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[words[:70] for _, words in REFUSED])
def test_what_never_worked_is_refused_with_its_cure(given: dict[str, Any], words: str) -> None:
    (found,) = told(problems_of(given))
    assert found.startswith(f"error {words}")


WARNED: list[tuple[dict[str, Any], str]] = [
    (
        spec(analysis__stepWeight=20),
        "spec.analysis.maxWeight: no step meets 50: the release goes 20, 40, 60 and is then promoted; write a multip",
    ),
    (
        spec(analysis__match=[{"headers": {"x-a": {"exact": "b"}}}]),
        "spec.analysis.match: without iterations this is no A/B test: of the requests that ",
    ),
    (
        spec(analysis__stepWeight=None, analysis__stepWeights=[30, 20]),
        "spec.analysis.stepWeights: the release goes 30; write the weights in that way",
    ),
    (
        spec(provider="kubernetes"),
        "spec.analysis: provider kubernetes has no weights: the release is blue/green with 10 iterations; write iter",
    ),
    (
        spec(provider="kubernetes", analysis={"interval": "10s", "iterations": 3, "match": [{}]}),
        "spec.analysis.match: provider kubernetes cannot tell requests apart; the release is blue/green, without these",
    ),
    (
        spec(analysis=None),
        "spec.analysis: is missing, so every new version is promoted untried; say how to try it, or set",
    ),
    (
        spec(analysis__interval="5s"),
        "spec.analysis.interval: 5s counts as 10s, which is the shortest; write 10s or more",
    ),
    (
        spec(analysis__interval="1mfoo"),
        "spec.analysis.interval: '1mfoo' is not a duration; write for example 30s, 500ms or 1m30s; until then it cou",
    ),
    (
        spec(analysis__interval=None),
        "spec.analysis.interval: is missing; write for example 30s or 1m30s; until then it ",
    ),
    (
        spec(analysis__alerts=[{"name": "a", "providerRef": {"name": "slack"}}]),
        "spec.analysis.alerts[0].severity: is empty, so nothing is ever sent; write info, warn or error",
    ),
    (
        spec(analysis__alerts=[{"name": "a", "severity": "warning", "providerRef": {"name": "slack"}}]),
        "spec.analysis.alerts[0].severity: 'warning' is not known, so nothing is ever sent; write info, warn or error",
    ),
    (
        spec(analysis__metrics=[{"name": "m", "interval": "1m", "templateRef": {"name": "t"}}]),
        "spec.analysis.metrics[0]: has no bounds, so it fails with any value above 0; write thresholdRange with min ",
    ),
    (
        spec(analysis__metrics=[{"name": "request-success-rate"}]),
        "spec.analysis.metrics[0]: has no bounds, so it passes with any value; write thresholdRange with min or max",
    ),
    (
        spec(analysis__metrics=[{"name": "m", "templateRef": {"name": "t"}, "thresholdRange": {"max": 1}}]),
        "spec.analysis.metrics[0].interval: is missing, so it is empty in the template's query; write for example 1m",
    ),
    (
        spec(analysis__webhooks=[HOOK | {"type": "post-rollout", "url": "ftp://x/"}]),
        "spec.analysis.webhooks[0].url: 'ftp://x/' cannot be called; write a URL such as http://tester.test/",
    ),
    (
        spec(analysis__webhooks=[HOOK | {"type": "pre-rollot"}]),
        "spec.analysis.webhooks[0].type: 'pre-rollot' is not known, so this hook is never called; did you mean pre-r",
    ),
    (
        spec(targetRef__apiVersion="extensions/v1beta1"),
        "spec.targetRef.apiVersion: 'extensions/v1beta1' is passed over: a Deployment is read as apps/v1; write that",
    ),
    (
        spec(skipAnalysis=True, analysis__metrics=[{"name": "errors", "threshold": 1}]),
        "spec.analysis.metrics[0]: 'errors' has no query: name a MetricTemplate in templateRef, or call it request-s",
    ),
]


@pytest.mark.parametrize(("given", "words"), WARNED, ids=[words[:70] for _, words in WARNED])
def test_what_flagger_runs_is_run_with_a_warning(given: dict[str, Any], words: str) -> None:
    (found,) = told(problems_of(given))
    assert found.startswith(f"warning {words}")


def test_all_problems_are_told_and_not_the_first_alone() -> None:
    wrong = spec(
        provider="isto",
        targetRef__kind="Deploy",
        service=None,
        analysis__interval="soon",
        analysis__stepWeight=0,
        analysis__metrics=[{"name": "a", "threshold": 1}, {"name": "b", "threshold": 1, "query": "{{ if }}"}],
    )
    assert [problem.path for problem in problems_of(wrong)] == [
        "spec.provider",
        "spec.targetRef.kind",
        "spec.service.port",
        "spec.analysis.interval",
        "spec.analysis.stepWeight",
        "spec.analysis.metrics[0]",
        "spec.analysis.metrics[1].query",
    ]


ELSEWHERE = spec(
    provider="gloo",
    upstreamRef={"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "name": "u", "namespace": "gloo"},
    analysis__metrics=[
        {"name": "a", "interval": "1m", "threshold": 1, "templateRef": {"name": "t", "namespace": "test"}},
        {"name": "b", "interval": "1m", "threshold": 1, "templateRef": {"name": "t", "namespace": "flagger"}},
    ],
    analysis__alerts=[{"name": "a", "severity": "info", "providerRef": {"name": "p", "namespace": "flagger"}}],
)


def test_references_across_namespaces_are_refused_where_they_are_forbidden() -> None:
    assert problems_of(ELSEWHERE) == ()
    found = problems_of(ELSEWHERE, Settings(mesh_provider="istio", no_cross_namespace_refs=True))
    assert {problem.reason for problem in found} == {"CrossNamespace"}
    assert [problem.path for problem in found] == [
        "spec.upstreamRef.namespace",
        "spec.analysis.metrics[1].templateRef.namespace",
        "spec.analysis.alerts[0].providerRef.namespace",
    ]


def test_names_that_this_program_lacks_are_refused_with_those_it_has() -> None:
    known = Known(providers=["kubernetes"], targets=["DaemonSet"])
    assert told(problems_of(spec(), known=known)) == [
        "error spec.provider: unknown provider 'istio' (known: kubernetes)",
        "error spec.targetRef.kind: unknown kind of target 'Deployment' (known: DaemonSet)",
    ]


def test_the_shortest_interval_is_a_setting() -> None:
    fast = Settings(mesh_provider="istio", minimum_interval=timedelta(seconds=1))
    assert problems_of(spec(analysis__interval="1s"), fast) == ()
    (found,) = problems_of(spec(analysis__interval="500ms"), fast)
    assert found.message == "500ms counts as 1s, which is the shortest; write 1s or more"


def test_knative_needs_no_service() -> None:
    assert problems_of(spec(provider="knative", targetRef=KNATIVE, service=None)) == ()


PROMETHEUS = {"type": "prometheus", "address": "http://prometheus.test:9090"}

TEMPLATES = [
    (
        {"provider": {"type": "promtheus"}, "query": "x"},
        "spec.provider.type: unknown metrics provider 'promtheus'; did you mean prometheus?",
    ),
    ({"provider": PROMETHEUS, "query": "a\n{{ name"}, "spec.query: line 2: an action is not closed by }}"),
    ({"provider": PROMETHEUS, "query": '{{ template "x" }}'}, "spec.query: line 1: {{template}} is not supported"),
    (
        {"provider": {"type": "prometheus"}, "query": "x"},
        "spec.provider.address: is missing; write for example http://prometheus.monitoring:9090",
    ),
    (
        {"provider": {"type": "prometheus", "address": "prometheus:9090"}, "query": "x"},
        "spec.provider.address: 'prometheus:9090' is not a URL; write for example http://prometheus",
    ),
    (
        {"provider": {"type": "prometheus", "address": "http://[::1"}, "query": "x"},
        "spec.provider.address: 'http://[::1' is not a URL; write for example http://prometheus",
    ),
]


@pytest.mark.parametrize(("given", "words"), TEMPLATES)
def test_a_wrong_metric_template_is_refused(given: dict[str, Any], words: str) -> None:
    (found,) = told(validate_metric_template(codec.decode_metric_template({"spec": given})))
    assert found.startswith(f"error {words}")


ALERTS = [
    (
        {"type": "slak", "address": "http://a/"},
        "spec.type: unknown alert provider 'slak'; did you mean slack? (known: ",
    ),
    (
        {"type": "slack"},
        "spec: there is no address to send alerts to; set address, or secretRef to a Secret with the key",
    ),
]


@pytest.mark.parametrize(("given", "words"), ALERTS)
def test_a_wrong_alert_provider_is_refused(given: dict[str, Any], words: str) -> None:
    (found,) = told(validate_alert_provider(codec.decode_alert_provider({"spec": given})))
    assert found.startswith(f"error {words}")


def test_only_a_prometheus_needs_an_address() -> None:
    given = {"provider": {"type": "datadog"}, "query": "x"}
    assert validate_metric_template(codec.decode_metric_template({"spec": given})) == ()


@pytest.mark.parametrize("given", [given for given, _ in (*REFUSED, *WARNED)])
def test_a_message_reads_as_part_of_a_sentence(given: dict[str, Any]) -> None:
    for problem in problems_of(given):
        assert problem.message[-1] not in ".;: "
        assert problem.severity in ("error", "warning")
        assert problem.reason.isidentifier()
        assert problem.reason[0].isupper()
