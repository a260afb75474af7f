"""What holds whatever happens, checked after every write and every event of the world.

A failing run prints its case as JSON; `davy.sim.campaign.replay(text)` plays it again.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from msgspec import json

from davy.api import codec
from davy.api.canary import KNATIVE
from davy.api.ref import Ref
from davy.sim import sides
from davy.sim.campaign import HARMFUL, HARMLESS, KINDS, both, played, replay, uncut
from davy.sim.ending import same
from davy.sim.faults import NONE, Crash, Faults
from davy.sim.points import MAIN, concerns
from davy.sim.run import Run
from davy.sim.scenarios import ALL, CANARY, NAMESPACE, Case, Scenario
from davy.sim.tags import released, tag_of
from davy.sim.tape import tape

REVISION = Ref(KNATIVE, "Revision", NAMESPACE, "")


@st.composite
def cases(draw: st.DrawFn, kinds: tuple[str, ...], most: int) -> Case:
    scenario = ALL[draw(st.sampled_from(sorted(ALL)))]
    plain = uncut(scenario)
    faults = NONE
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=most, unique=True)):
        random = Random(draw(st.integers(0, 2**16)))
        if concerns(kind, scenario):
            faults = both(faults, KINDS[kind](random, plain.attempts, plain.lasted))
    return Case(scenario, faults)


@pytest.mark.parametrize("scenario", ALL.values(), ids=ALL.keys())
def test_a_run_without_bad_luck_ends_as_it_must(scenario: Scenario) -> None:
    run = uncut(scenario)
    assert scenario.ends in (run.phase, "*")
    if scenario.runs:
        assert promoted(run) == scenario.runs


def promoted(run: Run) -> str:
    """The release that the primary is of; of a Knative Service, that which was promoted."""
    side = sides.primary(run.world, codec.decode_canary(run.world.objects[CANARY]))
    assert side is not None
    revision = (
        run.world.objects.get(REVISION._replace(name=side["revision"]["metadata"]["name"]))
        if "revision" in side
        else None
    )
    return tag_of(revision) if revision else released(side)


@pytest.mark.parametrize("name", MAIN)
def test_a_run_cut_after_any_write_ends_as_an_uncut_one(name: str) -> None:
    plain = tape(ALL[name]).played()
    for write in range(1, plain.attempts + 1):
        same(tape(ALL[name]).from_where(Faults(crashes=(Crash(write),))).to_the_end(), plain)


@settings(max_examples=60, derandomize=True, database=None)
@given(cases(tuple(HARMLESS), 3))
def test_with_bad_luck_that_does_no_harm_a_run_ends_as_without(case: Case) -> None:
    note(json.encode(case).decode())
    played(case, harmless=True)


@settings(max_examples=80, derandomize=True, database=None)
@given(cases(tuple(HARMFUL), 2))
def test_whatever_people_and_nodes_do_no_property_is_broken(case: Case) -> None:
    note(json.encode(case).decode())
    played(case, harmless=False)


@settings(max_examples=40, derandomize=True, database=None)
@given(cases(tuple(KINDS), 3))
def test_everything_at_once_breaks_no_property(case: Case) -> None:
    note(json.encode(case).decode())
    played(case, harmless=False)


def test_a_case_is_replayed_from_its_json_write_by_write() -> None:
    case = Case(ALL["two releases, weighted"], Faults(crashes=(Crash(7, 3),), lag=2, slow_answers=1.5))
    one, other = replay(json.encode(case).decode()), case.run().to_the_end()
    assert one.writes == other.writes
    assert one.world.log == other.world.log
