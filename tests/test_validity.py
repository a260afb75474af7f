"""What a canary is told before its first tick: every problem, with its field, what is wrong and what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.settings import Settings
from davy.sim.scenarios import METRIC, SERVICE, WEIGHTED, canary
from davy.validity import changed, problems

TEMPLATE = Ref("flagger.app/v1beta1", "MetricTemplate", "test", "latency")
GATE = {"name": "gate", "type": "confirm-rollout", "url": "http://gate.test/"}


def made(analysis: Manifest | None = None, **spec: Any) -> Canary:
    return codec.decode_canary(canary(analysis={**WEIGHTED, **(analysis or {})}, **spec))


def template(**provider: Any) -> Manifest:
    return {
        "apiVersion": TEMPLATE.api_version,
        "kind": TEMPLATE.kind,
        "metadata": {"name": TEMPLATE.name, "namespace": TEMPLATE.namespace},
        "spec": {"provider": {"type": "prometheus", "address": "http://p.test", **provider}, "query": "up"},
    }


def told(canary: Canary, objects: dict[Ref, Manifest] | None = None, rivals: tuple[str, ...] = ()) -> list[str]:
    found = problems(canary, Settings(), objects or {}, rivals)
    return [f"{one.severity} {one.reason}: {one.path}: {one.message}" for one in found]


LATENCY = {"name": "latency", "interval": "1m", "thresholdRange": {"max": 500}, "templateRef": {"name": "latency"}}
REFERRING = {"metrics": [METRIC, LATENCY]}


AB = {"iterations": 2, "match": [{"headers": {"x": {"exact": "y"}}}]}
SCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "app"}
COOKIE = {"sessionAffinity": {"cookieName": "c"}}


@pytest.mark.parametrize(
    ("canary", "words"),
    [
        (
            made({"mirror": True}, provider="knative-less"),
            "error UnknownProvider: spec.provider: ",
        ),
        (
            made(AB, provider="kubernetes"),
            "warning Ignored: spec.analysis.match: provider kubernetes cannot tell requests apart",
        ),
        (
            made({**AB, "mirror": True}, provider="kubernetes"),
            "warning Ignored: spec.analysis.mirror: provider kubernetes cannot copy requests: that stage is skipped",
        ),
        (
            made({**AB, **COOKIE}, provider="kubernetes"),
            "warning Ignored: spec.analysis.sessionAffinity: provider kubernetes cannot keep users with one side",
        ),
        (
            made(autoscalerRef=SCALER),
            "error AutoscalerMissing: spec.autoscalerRef: refers to HorizontalPodAutoscaler test/app, which does not",
        ),
        (
            made(autoscalerRef={**SCALER, "kind": "Magic"}),
            "error UnknownScaler: spec.autoscalerRef.kind: ",
        ),
        (
            made(
                targetRef={"apiVersion": "v1", "kind": "Service", "name": "app"}, service={**SERVICE, "name": "other"}
            ),
            "error NameMismatch: spec.service.name: must be app (or left out)",
        ),
        (
            made(REFERRING),
            "error TemplateMissing: spec.analysis.metrics[1].templateRef: refers to MetricTemplate.flagger.app test/l",
        ),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_the_words_are_these(canary: Canary, words: str) -> None:
    assert [said for said in told(canary) if said.startswith(words)]


def test_what_a_provider_can_do_is_told_nothing_of() -> None:
    hooks = {"webhooks": [GATE], "alerts": [{"name": "a", "severity": "info", "providerRef": {"name": "slack"}}]}
    assert told(made({**hooks, "mirror": True, **COOKIE})) == []
    assert told(codec.decode_canary(canary(analysis=AB))) == []


def test_somebody_elses_object_is_not_overwritten_with_a_copy() -> None:
    ref = Ref("v1", "ConfigMap", "test", "conf-primary")
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ref.name, "namespace": "test"}}
    (said,) = told(made(), {ref: live})
    assert said.startswith("error CopyTaken: spec.targetRef: tracking its configs would overwrite ConfigMap test/conf-")


def test_matches_with_weights_run_as_in_flagger() -> None:
    match = [{"headers": {"x": {"exact": "y"}}}]
    assert not [words for words in told(made({"match": match})) if words.startswith("error")]


def test_a_canary_in_order_is_told_nothing() -> None:
    assert told(made()) == []
    assert told(made(REFERRING), {TEMPLATE: template()}) == []


def test_a_template_in_another_namespace_is_looked_for_there() -> None:
    elsewhere = {"name": "latency", "namespace": "ops"}
    asked = made({"metrics": [{**LATENCY, "templateRef": elsewhere}]})
    assert "MetricTemplate.flagger.app ops/latency" in told(asked, {TEMPLATE: template()})[0]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (template(type="oracle"), "error UnknownMetricsProvider: spec.analysis.metrics[1].templateRef: "),
        ({**template(), "spec": {"query": 1}}, "error TemplateInvalid: spec.analysis.metrics[1].templateRef: "),
        ({**template(), "spec": {**template()["spec"], "query": "{{ nope }}"}}, "error "),
    ],
    ids=["unknown provider", "unreadable", "unknown function"],
)
def test_a_template_that_cannot_be_asked_is_told_where_it_is_referred_to(found: Manifest, words: str) -> None:
    (said,) = told(made(REFERRING), {TEMPLATE: found})
    assert said.startswith(words)
    assert "refers to MetricTemplate.flagger.app test/latency, wh" in said


def test_who_skips_the_analysis_needs_no_template() -> None:
    assert told(made(REFERRING, skipAnalysis=True)) == []


def test_two_canaries_on_one_target() -> None:
    assert told(made(), rivals=("older", "oldest")) == [
        (
            "error TargetTaken: spec.targetRef: Deployment test/app is released by Canary test/older already; "
            "delete one of the two, or give this one another target"
        )
    ]


def test_all_that_is_wrong_is_told_not_the_first() -> None:
    wrong = made(REFERRING, autoscalerRef=SCALER, provider="magic")
    assert len(told(wrong, rivals=("older",))) == 4


@pytest.mark.parametrize(
    ("edit", "path", "words"),
    [
        ({"provider": "kubernetes"}, "spec.provider", "from gatewayapi:v1 to kubernetes"),
        (
            {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "b"}},
            "spec.targetRef",
            "to Deployment test/b",
        ),
        ({"service": {"port": 80, "name": "b"}}, "spec.service.name", "from app to b"),
    ],
)
def test_what_may_not_change_during_a_run_is_named(edit: dict[str, Any], path: str, words: str) -> None:
    [problem] = changed(made(**edit), made().spec, Settings())
    assert (problem.path, problem.reason, problem.severity) == (path, "ChangedDuringRun", "error")
    assert words in problem.message


def test_what_may_change_during_a_run_is_no_problem() -> None:
    explicit = made(provider="gatewayapi:v1", service={"port": 81, "name": "app"}, progressDeadlineSeconds=7)
    assert list(changed(explicit, made(provider="").spec, Settings(mesh_provider="gatewayapi:v1"))) == []


def test_a_match_that_the_provider_has_no_words_for_is_a_problem() -> None:
    odd = made(service={"port": 80, "gatewayRefs": [{"name": "g"}], "match": [{"headers": {"x": {"prefix": "a"}}}]})
    words = "error Inexpressible: spec.service.match[0].headers.x: needs exact or regex; Gateway API has no other match"
    assert words in told(odd)
