"""What may be acted upon: the sentences that people read when it is not."""

from __future__ import annotations

from typing import Any

import pytest

from davy.api import codec
from davy.api.ref import Manifest, Ref
from davy.settings import Settings
from davy.sim import scenarios
from davy.validity import problems

TEMPLATE = Ref("flagger.app/v1beta1", "MetricTemplate", "test", "hits")
HITS = {"name": "hits", "interval": "1m", "thresholdRange": {"max": 1}, "templateRef": {"name": "hits"}}
WITH_TEMPLATE = {"iterations": 1, "metrics": [HITS]}


def found(
    analysis: Manifest | None = None, objects: Any = None, rivals: tuple[str, ...] = (), **spec: Any
) -> list[str]:
    canary = codec.decode_canary(scenarios.canary(analysis=analysis, **spec))
    return [f"{each.severity} {each}" for each in problems(canary, Settings(), objects or {}, rivals)]


def template(query: str, kind: str = "prometheus") -> dict[Ref, Manifest]:
    spec = {"provider": {"type": kind, "address": "http://x"}, "query": query}
    metadata = {"name": "hits", "namespace": "test"}
    return {TEMPLATE: {"apiVersion": TEMPLATE.api_version, "kind": TEMPLATE.kind, "metadata": metadata, "spec": spec}}


def test_a_plain_canary_has_no_problem() -> None:
    assert found() == []


def test_a_template_that_is_not_there_is_named() -> None:
    (sentence,) = found(WITH_TEMPLATE)
    assert sentence == (
        "error spec.analysis.metrics[0].templateRef: refers to MetricTemplate.flagger.app test/hits, which does not exist; "
        "create it, or correct the name or the namespace"
    )


def test_a_template_that_can_be_asked_is_no_problem() -> None:
    assert found(WITH_TEMPLATE, template("sum(rate(x[{{ interval }}]))")) == []


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [("{{ if }}", "prometheus", "spec.query"), ("up", "grafite", "unknown metrics provider 'grafite'")],
)
def test_a_template_that_cannot_be_asked_says_why(query: str, kind: str, words: str) -> None:
    (sentence,) = found(WITH_TEMPLATE, template(query, kind))
    assert sentence.startswith(
        "error spec.analysis.metrics[0].templateRef: refers to MetricTemplate.flagger.app test/hits, whose "
    )
    assert words in sentence


def test_a_canary_that_skips_its_analysis_needs_no_template() -> None:
    assert not [each for each in found(WITH_TEMPLATE, skipAnalysis=True) if "templateRef" in each]


def test_the_second_canary_of_a_target_is_told_who_was_first() -> None:
    (sentence,) = found(rivals=("old",))
    assert sentence == (
        "error spec.targetRef: Deployment test/app is released by Canary test/old already; "
        "delete one of the two, or give this one another target"
    )


@pytest.mark.parametrize(
    ("analysis", "spec", "path", "severity"),
    [
        ({**scenarios.ITERATED, "match": [{"headers": {"x": {"exact": "y"}}}]}, {}, "spec.analysis.match", "error"),
        ({**scenarios.WEIGHTED, "mirror": True}, {}, "spec.analysis.mirror", "error"),
        ({**scenarios.WEIGHTED, "webhooks": [{"name": "a", "url": "http://x"}]}, {}, "spec.analysis.webhooks", "error"),
        ({**scenarios.WEIGHTED, "sessionAffinity": {"cookieName": "c"}}, {}, "spec.analysis.sessionAffinity", "error"),
        (
            {**scenarios.WEIGHTED, "alerts": [{"name": "a", "providerRef": {"name": "s"}}]},
            {},
            "spec.analysis.alerts",
            "warning",
        ),
        (
            None,
            {"autoscalerRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "a"}},
            "spec.autoscalerRef",
            "error",
        ),
    ],
)
def test_what_this_version_does_not_do_is_refused_and_not_ignored(
    analysis: Manifest | None, spec: Manifest, path: str, severity: str
) -> None:
    sentences = found(analysis, **spec)
    assert any(each.startswith(f"{severity} {path}: is not supported by this version") for each in sentences)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("gatewayapi:v2", "did you mean gatewayapi:v1"),
        ("istio", "known: gatewayapi:v1, gatewayapi:v1beta1, kubernetes"),
    ],
)
def test_an_unknown_provider_is_answered_with_those_that_are_known(provider: str, words: str) -> None:
    sentences = found(provider=provider)
    assert any(each.startswith("error spec.provider: ") and words in each for each in sentences)


def test_what_flagger_runs_is_warned_of_and_not_refused() -> None:
    odd = {"stepWeight": 20, "maxWeight": 50, "metrics": [scenarios.METRIC]}
    severities = {each.split()[0] for each in found(odd)}
    assert severities <= {"warning"}
    assert severities
