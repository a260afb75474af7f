"""From the objects of a cluster to Envoy's resources."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.gateway.endpoints import PodKey
from davy.cluster.gateway.objects import HTTPRoute
from davy.cluster.gateway.translate import World, is_loopback, translate

from .worlds import PORT, endpoint, gateway, http_route, piece, service, to, world

Json = dict[str, Any]


def hosts(found: World, port: int = PORT) -> dict[str, list[Json]]:
    """The routes of each virtual host."""
    table = translate(found).routes[f"http-{port}"]
    return {host["name"]: host["routes"] for host in table["virtual_hosts"]}


def only_route(rule: Json) -> Json:
    """The one Envoy route of a rule on the path /."""
    (found,) = hosts(world(http_route("app", rule)))["*"]
    return found


def backends(route: Json) -> list[tuple[str, int]]:
    return [(c["name"], c["weight"]) for c in route["route"]["weighted_clusters"]["clusters"]]


def statuses(found: World, cluster: str) -> dict[str, str]:
    (group,) = translate(found).endpoints[cluster]["endpoints"]
    return {
        f"{e['endpoint']['address']['socket_address']['address']}": e["health_status"] for e in group["lb_endpoints"]
    }


# --- weights and backends


def test_weights_are_envoys_weights_and_nothing_retries() -> None:
    route = only_route(to("a=90", "b=10"))
    assert backends(route) == [("default_a_80", 90), ("default_b_80", 10)]
    assert "retry" not in str(route)


def test_a_weight_that_is_not_given_is_1() -> None:
    assert backends(only_route(to("a", "b=3"))) == [("default_a_80", 1), ("default_b_80", 3)]


@pytest.mark.parametrize("rule", [to("a=0", "b=0"), to()])
def test_a_rule_without_any_weight_answers_500(rule: Json) -> None:
    assert only_route(rule)["direct_response"]["status"] == 500


@pytest.mark.parametrize(
    "ref",
    [
        {"name": "nowhere", "port": 80},
        {"name": "a", "port": 81},
        {"name": "a"},
        {"name": "a", "port": 80, "namespace": "other"},
        {"name": "a", "port": 80, "kind": "Bucket"},
    ],
)
def test_the_share_of_a_missing_backend_answers_500(ref: Json) -> None:
    route = only_route({"backendRefs": [{"name": "b", "port": 80, "weight": 3}, ref]})
    assert backends(route) == [("default_b_80", 3), ("davy_unresolved", 1)]
    assert route["route"]["cluster_not_found_response_code"] == "INTERNAL_SERVER_ERROR"
    assert "davy_unresolved" not in translate(world(http_route("app", to("a")))).clusters


@given(st.lists(st.integers(min_value=0, max_value=100), min_size=2, max_size=2))
def test_the_configured_share_of_each_backend_is_the_asked_one(weights: list[int]) -> None:
    route = only_route(to(f"a={weights[0]}", f"b={weights[1]}"))
    if sum(weights):
        assert [weight for _, weight in backends(route)] == weights
    else:
        assert "direct_response" in route


def test_only_what_is_routed_to_or_has_a_loopback_address_becomes_a_cluster() -> None:
    assert set(translate(world(http_route("app", to("a")))).clusters) == {"default_a_80"}
    services = {("default", "a"): service("a"), ("default", "c"): service("c", ip="127.96.0.7", ports=(80, 81))}
    found = translate(world(http_route("app", to("a")), services=services))
    assert set(found.clusters) == {"default_a_80", "default_c_80", "default_c_81"}
    address = found.listeners["service-default_c_81"]["address"]["socket_address"]
    assert address == {"address": "127.96.0.7", "port_value": 81}


@pytest.mark.parametrize(
    ("address", "loopback"), [("127.96.0.1", True), ("10.96.0.1", False), ("None", False), ("", False), ("::1", False)]
)
def test_services_are_served_on_loopback_addresses_only(address: str, loopback: bool) -> None:
    assert is_loopback(address) == loopback


# --- endpoints


def test_ending_endpoints_drain_and_unready_ones_are_left_out() -> None:
    slices = {
        ("default", "a"): (
            piece(
                "a",
                endpoint("127.0.1.1", ready=True),
                endpoint("127.0.1.2"),
                endpoint("127.0.1.3", ready=False),
                endpoint("127.0.1.4", "old", ready=False, serving=True, terminating=True),
                endpoint("127.0.1.5", "ill", ready=False, serving=False, terminating=True),
            ),
        )
    }
    found = world(http_route("app", to("a")), slices=slices)
    assert statuses(found, "default_a_80") == {
        "127.0.1.1": "HEALTHY",
        "127.0.1.2": "HEALTHY",
        "127.0.1.4": "DRAINING",
        "127.0.1.5": "DRAINING",
    }
    out = frozenset({PodKey("default", "old", "uid-old")})
    again = world(http_route("app", to("a")), slices=slices, drained=out)
    assert "127.0.1.4" not in statuses(again, "default_a_80")


def test_a_new_pod_at_a_drained_pods_address_is_in() -> None:
    slices = {("default", "a"): (piece("a", endpoint("127.0.1.4", "new", ready=True)),)}
    found = world(http_route("app", to("a")), slices=slices, drained=frozenset({PodKey("default", "old", "uid-old")}))
    assert statuses(found, "default_a_80") == {"127.0.1.4": "HEALTHY"}


def test_an_endpoint_in_two_slices_is_there_once_and_ready_wins() -> None:
    old = piece("a", endpoint("127.0.1.1", terminating=True))
    new = piece("a", endpoint("127.0.1.1", ready=True))
    for slices in ((old, new), (new, old)):
        found = world(http_route("app", to("a")), slices={("default", "a"): slices})
        assert statuses(found, "default_a_80") == {"127.0.1.1": "HEALTHY"}


def test_a_port_is_found_by_its_name() -> None:
    services = {("default", "a"): service("a", ports=(80, 81))}
    slices = {("default", "a"): (piece("a", endpoint("127.0.1.1"), name="p81", port=9999),)}
    found = translate(world(http_route("app", to("a")), services=services, slices=slices))
    assert found.endpoints["default_a_80"]["endpoints"][0]["lb_endpoints"] == []


def test_no_draining_endpoint_is_sent_to_even_if_it_is_the_last() -> None:
    cluster = translate(world(http_route("app", to("a")))).clusters["default_a_80"]
    assert cluster["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}


# --- which route goes first


def exact(value: str, **more: Any) -> Json:
    return {"path": {"type": "Exact", "value": value}, **more}


def prefix(value: str, **more: Any) -> Json:
    return {"path": {"type": "PathPrefix", "value": value}, **more}


HEADER = {"headers": [{"name": "x", "value": "1"}]}
TWO_HEADERS = {"headers": [{"name": "x", "value": "1"}, {"name": "y", "value": "1"}]}
QUERY = {"queryParams": [{"name": "q", "value": "1"}]}
IN_ORDER = [
    exact("/a/b", **HEADER),
    exact("/a/b"),
    exact("/a"),
    {"path": {"type": "RegularExpression", "value": "/a.*"}},
    prefix("/a/b"),
    prefix("/a", method="GET"),
    prefix("/a", **TWO_HEADERS),
    prefix("/a", **HEADER, **QUERY),
    prefix("/a", **HEADER),
    prefix("/a", **QUERY),
    prefix("/a"),
    prefix("/"),
]


@given(st.permutations(range(len(IN_ORDER))))
def test_the_better_match_goes_first_whatever_the_order_of_the_rules(order: list[int]) -> None:
    rules = [to("a", name=str(i), matches=[IN_ORDER[i]]) for i in order]
    expected = [hosts(world(http_route("app", to("a", matches=[match]))))["*"][0]["match"] for match in IN_ORDER]
    assert [route["match"] for route in hosts(world(http_route("app", *rules)))["*"]] == expected


def first_backend(*routes: HTTPRoute) -> str:
    return backends(hosts(world(*routes))["*"][0])[0][0]


def test_of_equal_matches_the_older_route_wins_then_the_name_then_the_place() -> None:
    old = http_route("z", to("a"), made="2026-01-01T00:00:00Z")
    new = http_route("b", to("b"), made="2026-01-02T00:00:00Z")
    assert first_backend(new, old) == "default_a_80"
    assert first_backend(http_route("y", to("a")), http_route("x", to("b"))) == "default_b_80"
    assert first_backend(http_route("x", to("b"), to("a"))) == "default_b_80"


MATCHES: list[tuple[Json, Json]] = [
    ({}, {"prefix": "/"}),
    (prefix("/"), {"prefix": "/"}),
    (prefix("/foo"), {"path_separated_prefix": "/foo"}),
    (prefix("/foo/"), {"path_separated_prefix": "/foo"}),
    (exact("/foo"), {"path": "/foo"}),
    ({"path": {"type": "RegularExpression", "value": "/v[0-9]"}}, {"safe_regex": {"regex": "/v[0-9]"}}),
    ({"method": "POST"}, {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "POST"}}]}),
    (
        {"headers": [{"name": "Cookie", "type": "RegularExpression", "value": ".*user=x.*"}]},
        {"prefix": "/", "headers": [{"name": "Cookie", "string_match": {"safe_regex": {"regex": ".*user=x.*"}}}]},
    ),
    (
        {"headers": [{"name": "X", "value": "1"}, {"name": "x", "value": "2"}]},
        {"prefix": "/", "headers": [{"name": "X", "string_match": {"exact": "1"}}]},
    ),
    (
        {"queryParams": [{"name": "q", "value": "1"}]},
        {"prefix": "/", "query_parameters": [{"name": "q", "string_match": {"exact": "1"}}]},
    ),
]


@pytest.mark.parametrize(("match", "expected"), MATCHES)
def test_a_match_is_envoys(match: Json, expected: Json) -> None:
    assert only_route(to("a", matches=[match]))["match"] == expected


# --- hostnames


def test_a_host_gets_its_own_routes_first_and_the_wider_ones_after() -> None:
    found = hosts(
        world(
            http_route("any", to("a", matches=[prefix("/any/long/path")])),
            http_route("wild", to("a", matches=[prefix("/wild")]), hostnames=["*.example.com"]),
            http_route("own", to("a", matches=[prefix("/own")]), hostnames=["app.example.com"]),
        )
    )
    paths = {host: [r["match"]["path_separated_prefix"] for r in routes] for host, routes in found.items()}
    assert paths == {
        "app.example.com": ["/own", "/wild", "/any/long/path"],
        "*.example.com": ["/wild", "/any/long/path"],
        "*": ["/any/long/path"],
    }


def test_listeners_and_gateways_on_one_port_share_it() -> None:
    both = (
        gateway("public", {"name": "x", "port": PORT, "hostname": "x.com"}, {"name": "y", "port": 8081}),
        gateway("second", {"name": "z", "port": PORT, "hostname": "z.com"}),
    )
    route = http_route("app", to("a"), parentRefs=[{"name": "public"}, {"name": "second"}])
    found = translate(world(route, gateways=both))
    assert {"gateway-8080", "gateway-8081"} == set(found.listeners)
    assert [host["name"] for host in found.routes["http-8080"]["virtual_hosts"]] == ["x.com", "z.com"]
    assert [host["name"] for host in found.routes["http-8081"]["virtual_hosts"]] == ["*"]


def test_a_port_that_cannot_be_listened_on_is_left_out() -> None:
    found = translate(world(http_route("app", to("a")), unusable={("127.0.0.1", PORT): "in use"}))
    assert not found.listeners
    assert not found.routes


@given(st.permutations([http_route(n, to("a", "b"), hostnames=[f"{n}.com"]) for n in "abc"]))
def test_the_order_of_the_objects_does_not_change_the_result(routes: list[HTTPRoute]) -> None:
    assert translate(world(*routes)) == translate(world(*reversed(routes)))
