"""Traffic: who may take it, and when the routing is in force."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.snapshots import NEW, OLD, READY, SLOW, STUCK, ago, primary, snapshot, target

from davy.api.service import Service
from davy.core.snapshot import TO_PRIMARY, Confirmed, Pending, Readiness, Routing, Snapshot, Unknown, Workload
from davy.core.traffic import (
    TO_CANARY,
    apex,
    back_on_primary,
    back_on_target,
    intact,
    pending,
    safe,
    serves,
    settle_time,
    slipped,
    split,
)

SIDES = st.tuples(st.integers(0, 3), st.sampled_from([READY, SLOW, STUCK]))
TARGETS = st.none() | SIDES.map(lambda side: target(serving=side[0], readiness=side[1]))
PRIMARIES = st.none() | SIDES.map(lambda side: primary(serving=side[0], readiness=side[1]))


@given(TARGETS, PRIMARIES, st.integers(0, 100))
def test_no_weight_on_a_side_without_a_ready_endpoint_while_the_other_has_one(
    target_: Workload | None, primary_: Workload | None, weight: int
) -> None:
    got = safe(snapshot(target=target_, primary=primary_, routing=split(weight)), split(weight))
    assert got.primary + got.canary == 100
    if serves(primary_) and not serves(target_):
        assert got == TO_PRIMARY
    elif serves(target_) and not serves(primary_):
        assert got == TO_CANARY
    else:
        assert got == split(weight)


@given(TARGETS, PRIMARIES, st.integers(1, 99), st.sampled_from([TO_PRIMARY, TO_CANARY]))
def test_a_side_that_has_nothing_gets_its_share_when_it_is_ready_for_it(
    target_: Workload | None, primary_: Workload | None, weight: int, now: Routing
) -> None:
    """Not with its first pod: that would get what all of them are for."""
    side, other = (target_, primary_) if now == TO_PRIMARY else (primary_, target_)
    got = safe(snapshot(target=target_, primary=primary_, routing=now), split(weight))
    if serves(side) and serves(other):
        assert got == (split(weight) if side is not None and side.readiness == READY else now)


@pytest.mark.parametrize("readiness", [READY, SLOW, STUCK])
def test_a_rollback_waits_for_no_more_than_one_pod(readiness: Readiness) -> None:
    s = snapshot(primary=primary(serving=1, readiness=readiness), routing=TO_CANARY)
    assert safe(s, TO_PRIMARY) == TO_PRIMARY


@given(TARGETS, PRIMARIES, st.sampled_from(["primary", "target", ""]))
def test_the_apex_never_leaves_a_side_that_serves_for_one_that_does_not(
    target_: Workload | None, primary_: Workload | None, now: str
) -> None:
    side = apex(snapshot(target=target_, primary=primary_, apex=now))
    sides = {"primary": primary_, "target": target_}
    other = {"primary": "target", "target": "primary"}
    if not serves(sides[side]):
        assert not serves(sides[other[side]])
    if side == "target":
        assert not serves(primary_) or (now == "target" and not isinstance(primary_.readiness, type(READY)))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("now", "primary_", "target_", "side"),
    [
        ("primary", primary(), target(), "primary"),
        ("primary", primary(serving=0, readiness=SLOW), target(), "target"),
        ("primary", primary(serving=0), target(serving=0), "primary"),
        ("target", primary(serving=1, readiness=SLOW), target(), "target"),
        ("target", primary(), target(), "primary"),
        ("target", primary(serving=0, readiness=SLOW), target(serving=0), "primary"),
        ("", primary(), target(), "primary"),
    ],
    ids=["rest", "primary lost", "all lost", "primary coming", "primary back", "target lost too", "no apex yet"],
)
def test_the_apex_moves_only_for_need_and_back_only_when_ready(
    now: str, primary_: Workload, target_: Workload, side: str
) -> None:
    assert apex(snapshot(apex=now, primary=primary_, target=target_)) == side


@pytest.mark.parametrize(
    ("s", "why"),
    [
        (snapshot(), None),
        (snapshot(confirmation=Unknown()), None),
        (snapshot(confirmation=Pending("not seen yet")), "not seen yet"),
        (snapshot(routing=Routing(80, 20)), "the routing has just been written"),
        (snapshot(routing=None), "the routing has just been written"),
        (snapshot(apex="target"), "the apex Service has just been written"),
    ],
    ids=["confirmed", "nobody reports", "not accepted", "another split", "no route", "another apex"],
)
def test_a_routing_is_pending_until_nothing_speaks_against_it(s: Snapshot, why: str | None) -> None:
    assert pending(s, TO_PRIMARY) == why


def test_an_apex_that_must_stay_where_it_is_keeps_the_routing_pending() -> None:
    s = snapshot(apex="target", primary=primary(serving=1, readiness=SLOW))
    assert pending(s, TO_PRIMARY) is None
    assert pending(s, TO_PRIMARY, "primary") == "the apex Service selects the target until the primary is ready"


@pytest.mark.parametrize(
    ("s", "moved"),
    [
        (snapshot(routed_at=ago(5)), False),
        (snapshot(routing=Routing(80, 20)), False),
        (snapshot(routed_at=ago(5), routing=Routing(80, 20)), True),
        (snapshot(routed_at=ago(5), apex="target"), True),
    ],
    ids=["settling", "not there yet", "the route moved", "the apex moved"],
)
def test_what_was_settling_and_moved_has_slipped(s: Snapshot, moved: bool) -> None:
    assert slipped(s) == moved


def test_an_apex_on_the_target_keeps_its_pods() -> None:
    s = snapshot(routed_at=ago(60), apex="target", primary=primary(serving=1, readiness=SLOW))
    assert not back_on_primary(s)


@pytest.mark.parametrize(
    ("s", "seconds"),
    [
        (snapshot(), 10),
        (snapshot(confirmation=Unknown()), 10),
        (snapshot(confirmation=Confirmed(at_once=True)), 0),
        (snapshot(spec={"service": Service(port=80, drain_seconds=25)}), 25),
        (snapshot(spec={"service": Service(port=80, drain_seconds=0)}), 0),
    ],
    ids=["accepted", "nobody reports", "acknowledged", "asked for", "asked for none"],
)
def test_the_settle_time_is_the_interval_unless_known_better(s: Snapshot, seconds: int) -> None:
    assert settle_time(s) == timedelta(seconds=seconds)


@given(st.floats(0, 30), st.booleans(), st.booleans())
def test_capacity_may_go_only_when_all_is_routed_settled_and_served(age: float, routed: bool, serving: bool) -> None:
    s = snapshot(
        routed_at=ago(age) if routed else None,
        primary=primary(serving=2 if serving else 0),
    )
    assert back_on_primary(s) == (routed and serving and round(age, 3) >= 10)


def test_the_target_has_everything_back_only_with_route_and_apex() -> None:
    both = snapshot(routed_at=ago(10), routing=TO_CANARY, apex="target")
    assert back_on_target(both)
    assert not back_on_target(snapshot(routed_at=ago(10), routing=TO_CANARY, apex="primary"))
    assert not back_on_target(snapshot(routed_at=ago(10), routing=TO_PRIMARY, apex="target"))
    assert not back_on_target(snapshot(routed_at=ago(9), routing=TO_CANARY, apex="target"))


@pytest.mark.parametrize(
    ("primary_", "is_intact"),
    [
        (None, False),
        (primary(carries=OLD), True),
        (primary(carries=NEW), False),
        (primary(carries=""), True),
        (primary(carries="", readiness=STUCK), False),
    ],
    ids=["gone", "as promoted", "changed by a promotion", "of Flagger's", "of Flagger's, broken"],
)
def test_only_a_primary_as_it_was_promoted_is_a_way_back(primary_: Workload | None, is_intact: bool) -> None:
    assert intact(snapshot(primary=primary_)) == is_intact
