"""What is said about routes and Gateways."""

from __future__ import annotations

from typing import Any

from davy.cluster.gateway.status import CONTROLLER, condition, gateway_status, route_parents, stamped

from .worlds import gateway, http_route, to, world

Json = dict[str, Any]
OLD, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def conditions(entry: Json) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in entry["conditions"]}


def test_an_accepted_route_names_its_parent_as_the_api_spells_it() -> None:
    route = http_route("app", to("a"))
    (entry,) = route_parents(world(route), route)
    assert entry["parentRef"] == {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}
    assert entry["controllerName"] == CONTROLLER
    assert conditions(entry) == {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("True", "ResolvedRefs")}
    assert {c["observedGeneration"] for c in entry["conditions"]} == {1}


def test_a_parent_ref_keeps_its_optional_fields() -> None:
    ref = {"name": "public", "namespace": "default", "sectionName": "http", "port": 8080}
    route = http_route("app", to("a"), parentRefs=[ref])
    (entry,) = route_parents(world(route), route)
    assert entry["parentRef"] == {"group": "gateway.networking.k8s.io", "kind": "Gateway", **ref}


def test_problems_are_told_with_their_place() -> None:
    bad = {"type": "ExtensionRef"}
    route = http_route("app", to("a"), to("nowhere", filters=[bad], timeouts={"request": "x"}))
    (entry,) = route_parents(world(route), route)
    assert conditions(entry) == {
        "Accepted": ("False", "UnsupportedValue"),
        "ResolvedRefs": ("False", "BackendNotFound"),
    }
    assert entry["conditions"][0]["message"].startswith("spec.rules[1]: filter ExtensionRef on a rule")


def test_entries_of_other_controllers_stay() -> None:
    theirs = {"parentRef": {"name": "x"}, "controllerName": "example.com/other", "conditions": []}
    route = http_route("app", to("a"), parentRefs=[{"name": "elsewhere"}])
    status = type(route.status)(parents=(theirs, {"parentRef": {"name": "y"}, "controllerName": CONTROLLER}))
    old = type(route)(metadata=route.metadata, spec=route.spec, status=status)
    assert route_parents(world(old), old) == [theirs]


def test_what_envoy_refused_is_in_the_condition() -> None:
    route = http_route("app", to("a"))
    (entry,) = route_parents(world(route), route, refused="bad regex")
    assert entry["conditions"][0]["message"] == "bad regex"
    assert conditions(entry)["Accepted"] == ("False", "UnsupportedValue")


def test_a_gateway_counts_its_routes_and_is_programmed() -> None:
    route = http_route("app", to("a"), parentRefs=[{"name": "public"}, {"name": "public", "sectionName": "http"}])
    status = gateway_status(world(route), gateway())
    assert conditions(status) == {"Accepted": ("True", "Accepted"), "Programmed": ("True", "Programmed")}
    (listener,) = status["listeners"]
    assert (listener["name"], listener["attachedRoutes"]) == ("http", 1)


def test_a_listener_that_cannot_be_served_says_why() -> None:
    public = gateway("public", {"name": "tls", "port": 443, "protocol": "HTTPS"}, {"name": "http", "port": 80})
    found = world(gateways=(public,), unusable={("127.0.0.1", 80): "127.0.0.1:80 needs root"})
    status = gateway_status(found, public)
    tls, http = status["listeners"]
    assert conditions(tls)["Accepted"] == ("False", "UnsupportedProtocol")
    assert conditions(http)["Accepted"] == ("False", "PortUnavailable")
    assert "needs root" in http["conditions"][0]["message"]
    assert conditions(status)["Programmed"] == ("False", "Invalid")


def at(time: str, *found: Json) -> list[Json]:
    return [{**c, "lastTransitionTime": time} for c in found]


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    good, bad = condition("Accepted", 2), condition("Accepted", 3, ok=False)
    old = {"listeners": [{"name": "x", "conditions": at(OLD, condition("Accepted", 1))}]}
    kept = stamped({"listeners": [{"name": "y", "conditions": []}, {"name": "x", "conditions": [good]}]}, old, NOW)
    assert kept["listeners"][1]["conditions"] == at(OLD, good)
    moved = stamped({"listeners": [{"name": "x", "conditions": [bad]}]}, old, NOW)
    assert moved["listeners"][0]["conditions"] == at(NOW, bad)


def test_the_same_status_stamped_again_is_the_same() -> None:
    route = http_route("app", to("a"))
    first = stamped({"parents": route_parents(world(route), route)}, {}, OLD)
    assert stamped({"parents": route_parents(world(route), route)}, first, NOW) == first
