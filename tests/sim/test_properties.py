"""What holds whatever happens, checked after every write and every event of the world.

A failing run prints its case as JSON; `davy.sim.campaign.replay(text)` plays it again.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from msgspec import json

from davy.sim.campaign import HARMFUL, HARMLESS, KINDS, both, played, replay, uncut
from davy.sim.ending import same
from davy.sim.faults import NONE, Crash, Faults
from davy.sim.scenarios import ALL, PRIMARY, Case, Scenario

RARE = ("good, watched", "mended, watched")
"""Long scenarios of which every third point is enough: they walk the same steps many times."""


@st.composite
def cases(draw: st.DrawFn, kinds: tuple[str, ...], most: int) -> Case:
    scenario = ALL[draw(st.sampled_from(sorted(ALL)))]
    plain = uncut(scenario)
    faults = NONE
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=most, unique=True)):
        random = Random(draw(st.integers(0, 2**16)))
        faults = both(faults, KINDS[kind](random, plain.attempts, plain.lasted))
    return Case(scenario, faults)


@pytest.mark.parametrize("scenario", ALL.values(), ids=ALL.keys())
def test_a_run_without_bad_luck_ends_as_it_must(scenario: Scenario) -> None:
    run = uncut(scenario)
    assert run.phase == scenario.ends
    if scenario.runs:
        template = run.world.objects[PRIMARY]["spec"]["template"]
        assert template["spec"]["containers"][0]["image"].endswith(f":{scenario.runs}")


@pytest.mark.parametrize("scenario", ALL.values(), ids=ALL.keys())
def test_a_run_cut_after_any_write_ends_as_an_uncut_one(scenario: Scenario) -> None:
    plain = uncut(scenario)
    for write in range(1, plain.attempts + 1, 3 if scenario.name.endswith("watched") else 1):
        same(Case(scenario, Faults(crashes=(Crash(write),))).run().to_the_end(), plain)


@settings(max_examples=150)
@given(cases(tuple(HARMLESS), 3))
def test_with_bad_luck_that_does_no_harm_a_run_ends_as_without(case: Case) -> None:
    note(json.encode(case).decode())
    played(case, harmless=True)


@settings(max_examples=200)
@given(cases(tuple(HARMFUL), 2))
def test_whatever_people_and_nodes_do_no_property_is_broken(case: Case) -> None:
    note(json.encode(case).decode())
    played(case, harmless=False)


@settings(max_examples=100)
@given(cases(tuple(KINDS), 3))
def test_everything_at_once_breaks_no_property(case: Case) -> None:
    note(json.encode(case).decode())
    played(case, harmless=False)


def test_a_case_is_replayed_from_its_json_write_by_write() -> None:
    case = Case(ALL["two releases, weighted"], Faults(crashes=(Crash(7, 3),), lag=2, slow_answers=1.5))
    one, other = replay(json.encode(case).decode()), case.run().to_the_end()
    assert one.writes == other.writes
    assert one.world.log == other.world.log
