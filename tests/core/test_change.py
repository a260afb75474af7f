"""What a difference between target and status is: somebody's release, or nothing that anybody did."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.snapshots import NEW, OLD, ago, primary, snapshot, status, target

from davy.api.status import CanaryStatus, Phase
from davy.core.change import UNDER_WAY, Change, adopted, change, foreign, rebased
from davy.core.decide import decide
from davy.core.names import digest, run
from davy.core.plan import Plan
from davy.core.snapshot import Routing, Snapshot, Workload

FOREIGN = "5978589476"
"""A hash of Flagger's."""


@pytest.mark.parametrize(
    ("known", "target_", "what"),
    [
        (status(), target(revision=OLD, fence="u/1"), Change.NONE),
        (status(), target(revision=OLD, fence="u/7"), Change.NONE),
        (status(), target(revision=NEW, fence="u/1"), Change.REBASE),
        (status(), target(revision=NEW, fence="u/2"), Change.NEW),
        (status(), target(revision=NEW, fence="other/1"), Change.NEW),
        (status(last_applied_spec=NEW, target_fence="u/2"), target(revision=OLD, fence="u/3"), Change.REBASE),
    ],
    ids=[
        "the same",
        "the same, edited elsewhere",
        "served anew",
        "edited",
        "made again",
        "put back to what was promoted",
    ],
)
def test_only_an_edit_makes_a_release(known: CanaryStatus, target_: Workload, what: Change) -> None:
    assert change(with_status(known), target_) is what


CONFIGS = {"configmap/a": "1111", "secret/b": "2222"}
MOVED = {**CONFIGS, "secret/b": "3333"}


@pytest.mark.parametrize(
    ("before", "promoted", "now", "what"),
    [
        (CONFIGS, CONFIGS, CONFIGS, Change.NONE),
        (CONFIGS, CONFIGS, MOVED, Change.NEW),
        (CONFIGS, CONFIGS, {}, Change.NEW),
        ({}, {}, CONFIGS, Change.NEW),
        ({}, {}, {}, Change.NONE),
        (None, None, CONFIGS, Change.REBASE),
        (CONFIGS, CONFIGS, None, Change.NONE),
        (MOVED, CONFIGS, CONFIGS, Change.REBASE),
        (MOVED, MOVED, CONFIGS, Change.NEW),
    ],
    ids=[
        "the same",
        "a content changed",
        "none is named any more",
        "some are named now",
        "none then and now",
        "tracking begins",
        "tracking ends",
        "put back to what was promoted",
        "changed after a promotion",
    ],
)
def test_what_configs_hold_belongs_to_a_revision(
    before: dict[str, str] | None, promoted: dict[str, str] | None, now: dict[str, str] | None, what: Change
) -> None:
    known = status(tracked_configs=before, promoted_configs=digest(promoted))
    carried = primary(carries=run(OLD, digest(promoted)))
    s = replace(with_status(known), configs=now, primary=carried)
    assert change(s, target(revision=OLD, fence="u/1")) is what


@pytest.mark.parametrize("now", [{}, MOVED])
def test_a_config_that_cannot_be_read_is_no_change(now: dict[str, str]) -> None:
    s = replace(with_status(status(tracked_configs=CONFIGS)), configs=now, unread="Secret b: 403")
    assert change(s, target(revision=OLD, fence="u/1")) is Change.NONE


def with_status(known: CanaryStatus) -> Snapshot:
    s = snapshot()
    return replace(s, canary=replace(s.canary, status=known))


def test_what_was_promoted_moves_with_the_hash_if_nobody_edited() -> None:
    moved = rebased(with_status(status()), target(revision=NEW, fence="u/1"))
    assert (moved.last_applied_spec, moved.last_promoted_spec) == (NEW, NEW)


def test_what_was_promoted_stays_if_the_target_was_put_back() -> None:
    known = status(last_applied_spec=NEW, target_fence="u/2")
    back = rebased(with_status(known), target(revision=OLD, fence="u/3"))
    assert (back.last_applied_spec, back.last_promoted_spec) == (OLD, OLD)


def test_a_hash_is_foreign_if_it_is_flaggers_only() -> None:
    assert [foreign(status(last_applied_spec=text)) for text in ("", OLD, FOREIGN)] == [False, False, True]


@pytest.mark.parametrize("phase", sorted(UNDER_WAY))
def test_in_the_middle_of_a_run_of_flaggers_nothing_restarts(phase: Phase) -> None:
    """The one time that the weight is read from the routing: Flagger's status says 0 where traffic is on the canary."""
    s = snapshot(phase, last_applied_spec=FOREIGN, last_promoted_spec="other", routing=Routing(60, 40))
    move = adopted(s, target())
    assert move is not None
    assert move.status.phase is phase
    assert move.status.last_applied_spec == NEW
    assert move.status.canary_weight == (0 if phase is Phase.FAILED else 40)
    assert move.status.last_step_at == ago(0)
    assert not move.says


@pytest.mark.parametrize("phase", [Phase.INITIALIZED, Phase.SUCCEEDED, Phase.WAITING])
@pytest.mark.parametrize("like", [True, False], ids=["as promoted", "edited"])
def test_at_rest_the_target_is_compared_with_the_primary(phase: Phase, like: bool) -> None:
    s = snapshot(
        phase, last_applied_spec=FOREIGN, last_promoted_spec=FOREIGN, primary=primary(like_target=like, carries="")
    )
    move = adopted(s, target())
    if like:
        assert move is not None
        assert (move.status.last_applied_spec, move.status.last_promoted_spec) == (NEW, NEW)
        assert move.status.phase is phase
    else:
        assert move is None


@pytest.mark.parametrize("phase", [Phase.INITIALIZED, Phase.SUCCEEDED, Phase.WAITING])
def test_an_edit_of_a_target_of_flaggers_is_a_release(phase: Phase) -> None:
    s = snapshot(phase, last_applied_spec=FOREIGN, last_promoted_spec=FOREIGN, target_fence="", routing=Routing(100, 0))
    plan = decide(s)
    assert isinstance(plan, Plan)
    assert plan.status.phase is Phase.PROGRESSING
    assert plan.status.last_applied_spec == NEW


@pytest.mark.parametrize(
    ("fields", "ended"),
    [
        ({"canary_weight": 100}, True),
        ({"canary_weight": 0, "target": target(replicas=0, serving=0)}, True),
        ({"canary_weight": 0}, False),
    ],
    ids=["the promotion failed", "rolled back", "rolling back"],
)
def test_a_failed_run_of_flaggers_is_over_when_its_last_effect_is_there(fields: dict[str, Any], ended: bool) -> None:
    s = snapshot(Phase.FAILED, last_applied_spec=FOREIGN, **fields)
    assert s.target is not None
    move = adopted(s, s.target)
    assert move is not None
    assert bool(move.status.run_ended_at) is ended


def test_an_adopted_hash_is_ours_and_the_next_edit_a_release() -> None:
    first = decide(snapshot(Phase.FAILED, last_applied_spec=FOREIGN, target=target(replicas=0, serving=0)))
    assert isinstance(first, Plan)
    assert not foreign(first.status)
    assert first.status.target_fence == "u/2"
    assert change(with_status(first.status), target(revision=OLD + "x", fence="u/3")) is Change.NEW
