"""From raw objects to a snapshot: in the mind's own words, and never an exception."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.status import Phase
from davy.api.validate import Problem
from davy.core import revisions
from davy.core.change import RUNNING
from davy.core.revisions import is_ours, revision
from davy.core.snapshot import TO_PRIMARY, Progressing, Ready, Routing, Snapshot
from davy.perceive import Seen, perceive, reads
from davy.settings import Settings
from davy.sim.cases import Case, initialized
from davy.sim.scenarios import ALL, APEX, APP, CANARY, PRIMARY, ROUTE
from davy.sim.world import BEGIN, World

SETTINGS = Settings()
WORLD = initialized(ALL["good, weighted"])
RUN = Case(ALL["good, weighted"]).run().until(lambda run: run.status.get("canaryWeight") == 20).world
WRONG = Problem(path="spec.x", reason="Wrong", message="is wrong", severity="error")
ODD = Problem(path="spec.x", reason="Odd", message="is odd", severity="warning")


def seen(world: World, **fields: Any) -> Seen:
    return Seen(canary=codec.decode_canary(world.objects[CANARY]), objects=world.objects, **fields)


def without(world: World, *refs: Ref) -> World:
    made = world.fork()
    for ref in refs:
        del made.objects[ref]
    return made


def view(world: World, **fields: Any) -> Snapshot:
    return perceive(seen(world, **fields), BEGIN, SETTINGS)


def test_a_canary_at_rest() -> None:
    s = view(WORLD)
    assert s.target is not None
    assert s.primary is not None
    assert (s.target.replicas, s.target.serving, type(s.target.readiness)) == (0, 0, Progressing)
    assert (s.primary.replicas, s.primary.serving, s.primary.readiness) == (2, 2, Ready())
    assert s.primary.like_target
    assert s.primary.carries == s.target.revision == s.canary.status.last_promoted_spec
    assert (s.apex_selects, s.traffic.routing, s.shifts, s.interval.total_seconds()) == (
        "primary",
        TO_PRIMARY,
        True,
        10,
    )


def test_a_canary_in_the_middle_of_a_run() -> None:
    s = view(RUN)
    assert s.target is not None
    assert s.primary is not None
    assert s.traffic.routing == Routing(80, 20)
    assert s.target.revision == s.canary.status.last_applied_spec != s.primary.carries
    assert not s.primary.like_target


def test_the_addresses_that_are_read_are_all_that_it_needs() -> None:
    canary = codec.decode_canary(RUN.objects[CANARY])
    known = {ref: RUN.objects[ref] for ref in reads(canary, SETTINGS, RUN.objects) if ref in RUN.objects}
    assert perceive(Seen(canary=canary, objects=known), BEGIN, SETTINGS) == view(RUN)
    assert {APP, PRIMARY, APEX, ROUTE} <= set(known)


@given(st.sets(st.sampled_from([APP, PRIMARY, APEX, ROUTE])))
def test_what_is_missing_is_seen_as_missing(gone: set[Ref]) -> None:
    s = view(without(RUN, *gone))
    assert (s.target is None) == (APP in gone)
    assert (s.primary is None) == (PRIMARY in gone)
    assert (s.traffic.routing is None) == (ROUTE in gone)
    assert (s.apex_selects == "") == bool({APEX, APP} & gone)
    assert json.decode(json.encode(s), type=Snapshot) == s


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("ended", ["2030-01-01T00:00:00Z", None], ids=["over", "not over"])
@pytest.mark.parametrize("known", [True, False], ids=["last spec known", "after a restart"])
def test_the_last_valid_spec_stays_in_force_in_a_run_while_it_is_known(
    phase: Phase, ended: str | None, known: bool
) -> None:
    """A run that has failed is not over before its rollback is in place."""
    canary = codec.decode_canary(RUN.objects[CANARY])
    canary = replace(canary, status=replace(canary.status, phase=phase, run_ended_at=ended))
    last = replace(canary.spec, progress_deadline_seconds=7)
    shown = Seen(canary=canary, objects=RUN.objects, problems=(ODD, WRONG), last_valid=last if known else None)
    s = perceive(shown, BEGIN, SETTINGS)
    weight = canary.status.canary_weight
    failing = phase is Phase.FAILED and (ended is None or weight > 0)
    in_force = known and (phase in (*RUNNING, Phase.TERMINATING) or failing)
    assert s.valid == in_force
    assert (s.canary.spec == last) == in_force
    assert s.problems == (ODD, WRONG)


def test_a_warning_leaves_the_spec_in_force() -> None:
    assert view(RUN, problems=(ODD,)).valid


def test_a_target_that_cannot_be_told_from_the_primary_is_a_problem() -> None:
    made = WORLD.fork()
    live = copy.deepcopy(made.objects[APP])
    live["spec"]["selector"] = {"matchLabels": {"tier": "web"}}
    made.objects[APP] = live
    s = view(made)
    assert not s.valid
    assert [(problem.path, problem.reason) for problem in s.problems] == [("spec.targetRef", "SelectorMissing")]
    assert "app, name, app.kubernetes.io/name" in s.problems[0].message


def test_an_unknown_provider_or_kind_is_no_exception() -> None:
    canary = codec.decode_canary(WORLD.objects[CANARY])
    other: Canary = replace(canary, spec=replace(canary.spec, provider="nobody"))
    s = perceive(Seen(canary=other, objects=WORLD.objects), BEGIN, SETTINGS)
    assert (s.shifts, s.traffic.routing) == (False, None)
    strange = replace(canary.spec, target_ref=replace(canary.spec.target_ref, kind="Pond"))
    s = perceive(Seen(canary=replace(canary, spec=strange), objects=WORLD.objects), BEGIN, SETTINGS)
    assert (s.target, s.primary, s.apex_selects) == (None, None, "")


@pytest.mark.parametrize("place", ["last_applied_spec", "last_promoted_spec"])
def test_a_revision_is_named_by_the_scheme_of_the_remembered_one(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade of Davy that brings a new scheme starts no release."""
    template = RUN.objects[APP]["spec"]["template"]
    old = revision(template)
    monkeypatch.setitem(revisions.SCHEMES, "v2", lambda value: "0" * 32)
    monkeypatch.setattr(revisions, "FORM", re.compile("(v1|v2):[0-9a-f]{32}"))
    monkeypatch.setattr("davy.perceive.revision", lambda value: revision(value, "v2"))
    canary = codec.decode_canary(RUN.objects[CANARY])
    status = replace(canary.status, last_applied_spec="", last_promoted_spec="")
    fresh = perceive(Seen(canary=replace(canary, status=status), objects=RUN.objects), BEGIN, SETTINGS)
    known = replace(canary, status=replace(status, **{place: old}))
    kept = perceive(Seen(canary=known, objects=RUN.objects), BEGIN, SETTINGS)
    assert fresh.target is not None
    assert kept.target is not None
    assert (fresh.target.revision, kept.target.revision) == ("v2:" + "0" * 32, old)
    assert is_ours(old)


def test_an_interval_below_the_floor_counts_as_the_floor() -> None:
    made = WORLD.fork()
    live: Manifest = copy.deepcopy(made.objects[CANARY])
    live["spec"]["analysis"]["interval"] = "2s"
    made.objects[CANARY] = live
    assert view(made).interval.total_seconds() == 10
    quick = Settings(minimum_interval=SETTINGS.minimum_interval / 10)
    assert perceive(seen(made), BEGIN, quick).interval.total_seconds() == 2
