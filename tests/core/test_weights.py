"""Weights: as Flagger counts them, and never out of bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.api.analysis import Analysis
from davy.core.weights import following, giving_back

NUMBERS = st.integers(-5, 130)
ANALYSES = st.builds(
    Analysis,
    step_weight=NUMBERS,
    max_weight=NUMBERS,
    step_weight_promotion=NUMBERS,
    step_weights=st.lists(st.integers(0, 110), max_size=5).map(lambda steps: tuple(sorted(steps))),
)


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        (Analysis(step_weight=20, max_weight=40), [20, 40]),
        (Analysis(step_weight=20, max_weight=50), [20, 40, 60]),
        (Analysis(step_weight=60), [60, 100]),
        (Analysis(step_weights=(1, 10, 50)), [1, 10, 50]),
        (Analysis(step_weights=(5, 20, 120)), [5, 20, 100]),
        (Analysis(step_weight=100), [100]),
    ],
    ids=["even", "past the maximum", "to the end", "own steps", "own steps too far", "at once"],
)
def test_the_steps_are_flaggers(analysis: Analysis, weights: list[int]) -> None:
    walked = [0]
    while walked[-1] < analysis.weight_limit:
        walked.append(following(analysis, walked[-1]))
    assert walked[1:] == weights


def test_a_weight_that_is_no_step_goes_to_the_next_greater_one() -> None:
    assert following(Analysis(step_weights=(1, 10, 50)), 7) == 10


@pytest.mark.parametrize("analysis", [Analysis(), Analysis(max_weight=50), Analysis(step_weights=(10, 20))])
def test_without_a_further_step_the_weight_stays(analysis: Analysis) -> None:
    assert following(analysis, 30) == 30


@given(ANALYSES, st.integers(0, 100))
def test_steps_stay_in_bounds_and_never_go_back(analysis: Analysis, weight: int) -> None:
    assert weight <= following(analysis, weight) <= 100
    assert 0 <= giving_back(analysis, weight) <= weight


@given(ANALYSES)
def test_every_walk_ends_at_the_limit_or_where_no_step_is(analysis: Analysis) -> None:
    weight, steps = 0, 0
    while weight < analysis.weight_limit and following(analysis, weight) != weight:
        weight, steps = following(analysis, weight), steps + 1
    assert steps <= 101


@given(ANALYSES)
def test_giving_back_ends_at_nothing(analysis: Analysis) -> None:
    weight, steps = 100, 0
    while weight:
        weight, steps = giving_back(analysis, weight), steps + 1
    assert steps <= 100
