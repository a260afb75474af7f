"""What a canary is told before its first tick: every problem, with its field, what is wrong and what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.settings import Settings
from davy.sim.scenarios import METRIC, WEIGHTED, canary
from davy.validity import UNSUPPORTED, changed, problems

TEMPLATE = Ref("flagger.app/v1beta1", "MetricTemplate", "test", "latency")
GATE = {"name": "gate", "type": "confirm-rollout", "url": "http://gate.test/"}
YET = "is not supported by this version of Davy yet (docs/differences.md); remove it to go on without"


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


@pytest.mark.parametrize(
    ("canary", "words"),
    [
        (made({"webhooks": [GATE]}), f"error NotSupportedYet: spec.analysis.webhooks: {YET}"),
        (made({"mirror": True}), f"error NotSupportedYet: spec.analysis.mirror: {YET}"),
        (
            made({"sessionAffinity": {"cookieName": "c"}}),
            f"error NotSupportedYet: spec.analysis.sessionAffinity: {YET}",
        ),
        (
            made(autoscalerRef={"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "app"}),
            f"error NotSupportedYet: spec.autoscalerRef: {YET}",
        ),
        (
            made({"alerts": [{"name": "a", "severity": "info", "providerRef": {"name": "slack"}}]}),
            f"warning NotSupportedYet: spec.analysis.alerts: {YET}",
        ),
        (
            made(REFERRING),
            (
                "error TemplateMissing: spec.analysis.metrics[1].templateRef: refers to MetricTemplate.flagger.app "
                "test/latency, which does not exist; create it, or correct the name or the namespace"
            ),
        ),
    ],
    ids=["webhooks", "mirror", "session affinity", "autoscaler", "alerts", "missing template"],
)
def test_the_words_are_these(canary: Canary, words: str) -> None:
    assert told(canary) == [words]


def test_a_b_testing_is_refused_but_matches_with_weights_run_as_in_flagger() -> None:
    match = [{"headers": {"x": {"exact": "y"}}}]
    testing = codec.decode_canary(canary(analysis={"iterations": 2, "match": match}))
    assert f"error NotSupportedYet: spec.analysis.match: {YET}" in told(testing)
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
    wrong = made({"mirror": True, "webhooks": [GATE], **REFERRING})
    assert len(told(wrong, rivals=("older",))) == 4


def test_every_unsupported_part_is_tried_here() -> None:
    assert {path.rpartition(".")[2] for path, _, _ in UNSUPPORTED} == {
        "webhooks",
        "match",
        "mirror",
        "sessionAffinity",
        "autoscalerRef",
        "alerts",
    }


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
