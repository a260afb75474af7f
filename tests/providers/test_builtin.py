"""The built-in queries: Flagger's recorded texts come out of the data."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from davy.providers.builtin import OBSERVERS, UnknownObserver, Variables, milliseconds, query, scale

RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "recorded" / "builtin.json").read_text())
METRICS = ("request-success-rate", "request-duration")
VARIABLES = Variables(namespace="shop", target="web", service="api", ingress="front", route="web-00002", interval="1m")


def packed(text: str) -> str:
    """The query without the blanks that mean nothing; here no label value has any."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["provider"])
def test_a_query_is_flaggers_to_the_letter(case: dict[str, Any], metric: str) -> None:
    assert packed(query(case["provider"], metric, Variables(**case["variables"]))) == packed(case[metric])


SENT = Path(__file__).parents[1] / "conformance" / "traces" / "flagger-1.44.0"
LAST_REVISION = "app-00004"
"""What the Knative Service of the recording had come to when it was measured."""
PROMOTED = [path for path in sorted(SENT.glob("*-promote.json")) if not path.stem.startswith("skipper")]
"""(Flagger's text for Skipper alone has other blanks; its router is not built yet.)"""


@pytest.mark.parametrize("path", PROMOTED, ids=lambda path: path.stem)
def test_a_query_is_sent_as_flagger_sent_it(path: Path) -> None:
    trace = json.loads(path.read_text())
    canary = next(each for each in trace["scenario"]["objects"] if each["kind"] == "Canary")
    provider, target = canary["spec"]["provider"], canary["spec"]["targetRef"]["name"]
    route = LAST_REVISION if provider == "knative" else target
    namespace = trace["scenario"]["name"]
    words = Variables(namespace=namespace, target=target, service=target, ingress=target, route=route, interval="30s")
    sent = [query for query in trace["queries"] if query.startswith(" ")]
    assert set(sent) <= {query(provider, metric, words) for metric in METRICS}
    assert sent or path.stem == "istio-template-promote"


def test_every_provider_has_a_recording_or_shares_its_data_with_one_that_has() -> None:
    recorded = {id(OBSERVERS[case["provider"]]) for case in RECORDED}
    assert {name for name, observer in OBSERVERS.items() if id(observer) not in recorded} == set()


@pytest.mark.parametrize("provider", OBSERVERS)
@pytest.mark.parametrize("metric", METRICS)
def test_no_blank_is_left_unfilled(provider: str, metric: str) -> None:
    text = query(provider, metric, VARIABLES)
    assert "[1m]" in text
    assert not re.search(r"\{\w+\}", text)
    assert any(word in text for word in ("web", "api", "front"))


def test_skippers_routes_have_no_dashes() -> None:
    dashed = Variables(namespace="my-shop", target="web", service="my-api", ingress="a.b", route="", interval="30s")
    assert 'route=~"kube(ew)?_my_shop__a_b_canary__.*__my_api_canary(_[0-9]+)?"' in query(
        "skipper", "request-success-rate", dashed
    )


@pytest.mark.parametrize(
    ("provider", "number", "expected"),
    [
        ("kubernetes", 0.2519, 251.0),
        ("gatewayapi:v1", 0.0, 0.0),
        ("istio", 251.9, 251.0),
        ("nginx", 30.2, 30.0),
        ("kubernetes", float("inf"), float("inf")),
    ],
)
def test_latency_is_whole_milliseconds_cut_off(provider: str, number: float, expected: float) -> None:
    assert milliseconds(provider, number) == expected


def test_only_the_apps_own_histogram_is_in_seconds() -> None:
    assert {name for name in OBSERVERS if scale(name) == 1000} == {"kubernetes", "gatewayapi:v1", "gatewayapi:v1beta1"}


def test_an_unknown_provider_or_metric_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownObserver, match=r"provider 'isto'; known: apisix, .*istio, .*traefik"):
        query("isto", "request-duration", VARIABLES)
    with pytest.raises(UnknownObserver, match="known: request-duration, request-success-rate"):
        query("istio", "request-latency", VARIABLES)
