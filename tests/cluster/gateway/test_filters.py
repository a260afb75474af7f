"""Filters and time-outs of a rule as Envoy's fields."""

from __future__ import annotations

from typing import Any

import pytest

from .test_translate import only_route
from .worlds import to

Json = dict[str, Any]
CASES: dict[str, tuple[Json, Json]] = {
    "request headers": (
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {
                "set": [{"name": "a", "value": "50%"}],
                "add": [{"name": "b", "value": "2"}],
                "remove": ["c"],
            },
        },
        {
            "request_headers_to_add": [
                {
                    "header": {"key": "a", "value": "50%%"},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                    "keep_empty_value": True,
                },
                {
                    "header": {"key": "b", "value": "2"},
                    "append_action": "APPEND_IF_EXISTS_OR_ADD",
                    "keep_empty_value": True,
                },
            ],
            "request_headers_to_remove": ["c"],
        },
    ),
    "response headers": (
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["server"]}},
        {"response_headers_to_remove": ["server"]},
    ),
    "host by header": (
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "Host", "value": "x.com"}]}},
        {"route": {"host_rewrite_literal": "x.com"}},
    ),
    "host and whole path": (
        {
            "type": "URLRewrite",
            "urlRewrite": {"hostname": "y.com", "path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}},
        },
        {
            "route": {
                "host_rewrite_literal": "y.com",
                "regex_rewrite": {"pattern": {"regex": "^.*$"}, "substitution": "/new"},
            }
        },
    ),
    "mirror of all": (
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b", "port": 80}}},
        {"route": {"request_mirror_policies": [("default_b_80", 1_000_000)]}},
    ),
    "mirror of a part": (
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b", "port": 80}, "percent": 25}},
        {"route": {"request_mirror_policies": [("default_b_80", 250_000)]}},
    ),
    "mirror of a fraction": (
        {
            "type": "RequestMirror",
            "requestMirror": {
                "backendRef": {"name": "b", "port": 80},
                "fraction": {"numerator": 1, "denominator": 1000},
            },
        },
        {"route": {"request_mirror_policies": [("default_b_80", 1000)]}},
    ),
    "mirror to nowhere": (
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "nowhere", "port": 80}}},
        {"route": {}},
    ),
}


def brief(route: Json) -> Json:
    """Without match, weights and time-out; mirrors as (cluster, parts per million)."""
    found = {key: value for key, value in route.items() if key != "match"}
    usual = ("weighted_clusters", "cluster_not_found_response_code", "timeout")
    inner = {key: value for key, value in found.pop("route").items() if key not in usual}
    if mirrors := inner.get("request_mirror_policies"):
        parts = [(m["cluster"], m["runtime_fraction"]["default_value"]["numerator"]) for m in mirrors]
        inner["request_mirror_policies"] = parts
    return {**found, **({"route": inner} if inner else {})}


@pytest.mark.parametrize("case", CASES)
def test_a_filter_of_a_rule(case: str) -> None:
    given, expected = CASES[case]
    expected = {key: value for key, value in expected.items() if value != {}}
    assert brief(only_route(to("a", filters=[given]))) == expected


PREFIXES = [
    ("/foo", "/bar", {"prefix_rewrite": "/bar"}),
    ("/foo/", "/bar/", {"prefix_rewrite": "/bar"}),
    ("/foo", "/", {"regex_rewrite": {"pattern": {"regex": "^/foo/*"}, "substitution": "/"}}),
    ("/", "/bar", {"prefix_rewrite": "/bar/"}),
]


@pytest.mark.parametrize(("prefix", "new", "expected"), PREFIXES)
def test_a_prefix_is_replaced_by_whole_segments(prefix: str, new: str, expected: Json) -> None:
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": new}
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": path}}
    rule = to("a", filters=[rewrite], matches=[{"path": {"type": "PathPrefix", "value": prefix}}])
    assert brief(only_route(rule))["route"] == expected


REDIRECTS: list[tuple[Json, Json]] = [
    ({}, {"response_code": "FOUND", "port_redirect": 8080}),
    ({"scheme": "https"}, {"response_code": "FOUND", "scheme_redirect": "https"}),
    (
        {"scheme": "https", "port": 8443, "statusCode": 301},
        {"response_code": "MOVED_PERMANENTLY", "scheme_redirect": "https", "port_redirect": 8443},
    ),
    (
        {"hostname": "x.com", "port": 80, "path": {"type": "ReplaceFullPath", "replaceFullPath": "/y"}},
        {"response_code": "FOUND", "host_redirect": "x.com", "path_redirect": "/y"},
    ),
]


@pytest.mark.parametrize(("wanted", "expected"), REDIRECTS)
def test_a_redirect(wanted: Json, expected: Json) -> None:
    route = only_route({"filters": [{"type": "RequestRedirect", "requestRedirect": wanted}]})
    assert route["redirect"] == expected


def test_a_backend_has_its_own_header_filters() -> None:
    cookie = {"name": "Set-Cookie", "value": "canary=AbC; Max-Age=60"}
    filters = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [cookie]}}]
    refs = [{"name": "a", "port": 80}, {"name": "b", "port": 80, "filters": filters}]
    first, second = only_route({"backendRefs": refs})["route"]["weighted_clusters"]["clusters"]
    assert "response_headers_to_add" not in first
    assert second["response_headers_to_add"][0]["header"] == {"key": "Set-Cookie", "value": "canary=AbC; Max-Age=60"}


def test_cors_is_configured_on_the_route() -> None:
    policy = {
        "allowOrigins": ["https://a.com", "https://*.b.com"],
        "allowMethods": ["GET", "PUT"],
        "allowCredentials": True,
    }
    route = only_route(to("a", filters=[{"type": "CORS", "cors": policy}]))
    found = route["typed_per_filter_config"]["envoy.filters.http.cors"]
    assert found["allow_origin_string_match"] == [
        {"exact": "https://a.com"},
        {"safe_regex": {"regex": r"https://.*\.b\.com"}},
    ]
    assert (found["allow_methods"], found["max_age"], found["allow_credentials"]) == ("GET, PUT", "5", True)


@pytest.mark.parametrize(
    "filters",
    [
        [{"type": "ExtensionRef", "extensionRef": {"group": "x", "kind": "Y", "name": "z"}}],
        [{"type": "URLRewrite"}],
    ],
)
def test_a_filter_that_is_not_supported_answers_500_and_is_named(filters: list[Json]) -> None:
    answer = only_route(to("a", filters=filters))["direct_response"]
    assert answer["status"] == 500
    assert filters[0]["type"] in answer["body"]["inline_string"]


TIMEOUTS: list[tuple[Json, str]] = [
    ({}, "15.000s"),
    ({"request": "10s"}, "10.000s"),
    ({"request": "10s", "backendRequest": "5s"}, "5.000s"),
    ({"request": "0s"}, "0.000s"),
    ({"request": "0s", "backendRequest": "1m30s"}, "90.000s"),
    ({"backendRequest": "500ms"}, "0.500s"),
]


@pytest.mark.parametrize(("timeouts", "expected"), TIMEOUTS)
def test_the_shorter_time_out_counts_and_zero_is_never(timeouts: Json, expected: str) -> None:
    assert only_route(to("a", timeouts=timeouts))["route"]["timeout"] == expected


def test_a_time_out_that_cannot_be_read_answers_500() -> None:
    answer = only_route(to("a", timeouts={"request": "soon"}))["direct_response"]
    assert "'soon' is not a duration" in answer["body"]["inline_string"]
