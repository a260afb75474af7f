"""Which version of a route is shown."""

from __future__ import annotations

from typing import Any

import msgspec

from davy.cluster.gateway.objects import HTTPRoute
from davy.cluster.gateway.showing import Showing
from davy.cluster.gateway.translate import World

from .worlds import endpoint, http_route, piece, service, to, world


def version(generation: int, *backends: str, name: str = "app") -> HTTPRoute:
    made = http_route(name, to(*backends))
    return msgspec.structs.replace(made, metadata=msgspec.structs.replace(made.metadata, generation=generation))


def late(*routes: HTTPRoute, ready: bool = False) -> World:
    """A world whose Service `late` has an endpoint only if `ready`."""
    base = world(*routes)
    services = {**base.services, ("default", "late"): service("late")}
    found: Any = {**base.slices, ("default", "late"): (piece("late", endpoint("127.0.1.9", ready=ready)),)}
    return world(*routes, services=services, slices=found)


def in_force(route: HTTPRoute, patience: float = 1.0) -> Showing:
    showing = Showing(patience)
    showing.acknowledge([route])
    return showing


def test_the_newest_version_is_shown_at_once_if_its_backends_are_ready() -> None:
    new = version(2, "b")
    assert in_force(version(1, "a")).choose(world(new), 0.0) == (new,)


def test_a_backend_without_endpoints_holds_the_route_at_its_last_version() -> None:
    old, new = version(1, "a"), version(2, "a=90", "late=10")
    showing = in_force(old)
    assert showing.choose(late(new), 0.0) == (old,)
    assert showing.next_deadline(0.0) == 1.0
    assert not showing.is_in_force(new)
    assert showing.choose(late(new, ready=True), 0.5) == (new,)


def test_patience_ends() -> None:
    new = version(2, "late")
    showing = in_force(version(1, "a"))
    showing.choose(late(new), 0.0)
    assert showing.choose(late(new), 0.99) != (new,)
    assert showing.choose(late(new), 1.0) == (new,)


def test_every_new_generation_has_its_own_patience() -> None:
    showing = in_force(version(1, "a"))
    showing.choose(late(version(2, "late")), 0.0)
    assert showing.choose(late(version(3, "late")), 0.9) == (version(1, "a"),)
    assert showing.next_deadline(0.9) == 1.9


def test_a_backend_that_has_weight_already_holds_nothing() -> None:
    """A rollback must not wait for the side that it leaves."""
    new = version(2, "late=99", "a=1")
    assert in_force(version(1, "late")).choose(late(new), 0.0) == (new,)


def test_a_backend_without_weight_holds_nothing() -> None:
    new = version(2, "a=100", "late=0")
    assert in_force(version(1, "a")).choose(late(new), 0.0) == (new,)


def test_a_first_version_that_waits_is_not_shown_at_all() -> None:
    assert Showing(1.0).choose(late(version(1, "late")), 0.0) == ()


def test_a_refused_generation_is_not_shown_again_but_the_next_one_is() -> None:
    old, bad, better = version(1, "a"), version(2, "b"), version(3, "b")
    showing = in_force(old)
    assert showing.new_among([bad]) == [bad]
    showing.refuse(bad, "no")
    assert showing.choose(world(bad), 0.0) == (old,)
    assert showing.refusal(bad) == "no"
    assert showing.choose(world(better), 0.0) == (better,)
    assert showing.refusal(better) is None


def test_without_suspects_their_old_versions_are_shown() -> None:
    old, bad, other = version(1, "a"), version(2, "b"), version(1, "a", name="other")
    assert in_force(old).without([bad, other], [bad]) == (old, other)
    assert in_force(old).without([bad, other], [bad, other]) == (old,)


def test_a_route_made_anew_under_its_name_is_new() -> None:
    old = version(1, "a")
    fresh = msgspec.structs.replace(old, metadata=msgspec.structs.replace(old.metadata, uid="another"))
    assert not in_force(old).is_in_force(fresh)


def test_deleted_routes_are_forgotten() -> None:
    showing = in_force(version(1, "a"))
    assert showing.choose(world(), 0.0) == ()
    assert not showing.is_in_force(version(1, "a"))
