"""Which routes hang on which listeners."""

from __future__ import annotations

import pytest

from davy.cluster.gateway.attach import NotAccepted, accepted_by, covers, intersection, parent

from .worlds import gateway, http_route, to

INTERSECTIONS: list[tuple[str | None, list[str], tuple[str, ...]]] = [
    (None, [], ("*",)),
    (None, ["a.com"], ("a.com",)),
    ("a.com", [], ("a.com",)),
    ("a.com", ["a.com", "b.com"], ("a.com",)),
    ("*.a.com", ["x.a.com", "y.x.a.com", "a.com", "*.a.com"], ("x.a.com", "y.x.a.com", "*.a.com")),
    ("x.a.com", ["*.a.com"], ("x.a.com",)),
    ("*.x.a.com", ["*.a.com", "*.b.com"], ("*.x.a.com",)),
    ("a.com", ["b.com"], ()),
]


@pytest.mark.parametrize(("listener", "route", "expected"), INTERSECTIONS)
def test_of_two_hostnames_the_narrower_one_is_shared(
    listener: str | None, route: list[str], expected: tuple[str, ...]
) -> None:
    assert intersection(listener, route) == expected


def test_a_wildcard_does_not_cover_its_own_domain_or_a_part_of_a_name() -> None:
    assert covers("*.a.com", "x.a.com")
    assert not covers("*.a.com", "a.com")
    assert not covers("*.a.com", "xa.com")
    assert not covers("x.a.com", "*.a.com")


REFUSALS = {
    "NoMatchingParent": http_route("app", to("a"), parentRefs=[{"name": "public", "sectionName": "nope"}]),
    "NotAllowedByListeners": http_route(
        "app", to("a"), namespace="other", parentRefs=[{"name": "public", "namespace": "default"}]
    ),
    "NoMatchingListenerHostname": http_route("app", to("a"), hostnames=["b.com"]),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_parent_that_does_not_take_a_route_says_why(reason: str) -> None:
    public = gateway("public", {"name": "http", "port": 8080, "hostname": "a.com"})
    route = REFUSALS[reason]
    ref = route.spec.parent_refs[0]
    assert parent([public], route, ref) is public
    found = accepted_by(public, route, ref)
    assert isinstance(found, NotAccepted)
    assert found.reason == reason
    assert "default/public" in found.message


def test_all_namespaces_may_be_let_in() -> None:
    open_ = {"name": "http", "port": 8080, "allowedRoutes": {"namespaces": {"from": "All"}}}
    route = http_route("app", to("a"), namespace="other", parentRefs=[{"name": "public", "namespace": "default"}])
    assert not isinstance(accepted_by(gateway("public", open_), route, route.spec.parent_refs[0]), NotAccepted)


@pytest.mark.parametrize(
    "ref",
    [{"name": "other"}, {"name": "public", "namespace": "x"}, {"name": "public", "kind": "Service", "group": ""}],
)
def test_a_parent_that_is_not_ours_is_none(ref: dict[str, str]) -> None:
    route = http_route("app", to("a"), parentRefs=[ref])
    assert parent([gateway()], route, route.spec.parent_refs[0]) is None
