"""Strategies: the step after a successful one."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.snapshots import ITERATED, WEIGHTED, ago, snapshot

from davy.api.analysis import Analysis
from davy.api.match import AnalysisMatch, StringMatch
from davy.api.status import Phase
from davy.core.moves import Move, Stay
from davy.core.phases import step
from davy.core.reasons import Reason
from davy.core.snapshot import Routing
from davy.core.strategies import STRATEGIES, advance, strategy
from davy.core.traffic import wanted


def walk(analysis: Analysis, shifts: bool, mirrors: bool = False, matches: bool = False) -> list[tuple[Any, ...]]:
    """(phase, weight, iterations) after each step, until the promotion."""
    steps: list[tuple[Any, ...]] = []
    weight, iterations = 0, 0
    mirrored = False
    while True:
        s = snapshot(analysis=analysis, shifts=shifts, canary_weight=weight, iterations=iterations, mirrored=mirrored)
        move = advance(replace(s, mirrors=mirrors, matches=matches))
        assert isinstance(move, Move)
        new = move.status
        weight, iterations, mirrored = new.canary_weight, new.iterations, new.mirrored
        steps.append((str(new.phase), weight, iterations, *(("mirrored",) if mirrored else ())))
        if new.phase is Phase.PROMOTING:
            return steps


@pytest.mark.parametrize(
    ("analysis", "shifts", "steps"),
    [
        (WEIGHTED, True, [("Progressing", 20, 0), ("Progressing", 40, 0), ("Promoting", 40, 0)]),
        (
            ITERATED,
            True,
            [("Progressing", 0, 1), ("Progressing", 0, 2), ("Progressing", 100, 3), ("Promoting", 100, 3)],
        ),
        (ITERATED, False, [("Progressing", 0, 1), ("Progressing", 0, 2), ("Progressing", 0, 3), ("Promoting", 0, 3)]),
    ],
    ids=["weights", "blue/green that shifts", "blue/green that only watches"],
)
def test_a_strategy_walks_to_the_promotion(analysis: Analysis, shifts: bool, steps: list[tuple[str, int, int]]) -> None:
    assert walk(analysis, shifts) == steps


MIRROR = replace(WEIGHTED, mirror=True)
AB = replace(ITERATED, match=(AnalysisMatch(headers={"x-user": StringMatch(exact="insider")}),))


@pytest.mark.parametrize(
    ("analysis", "mirrors", "steps"),
    [
        (
            MIRROR,
            True,
            [
                ("Progressing", 0, 0, "mirrored"),
                ("Progressing", 20, 0),
                ("Progressing", 40, 0),
                ("Promoting", 40, 0),
            ],
        ),
        (MIRROR, False, [("Progressing", 20, 0), ("Progressing", 40, 0), ("Promoting", 40, 0)]),
        (
            replace(ITERATED, mirror=True),
            True,
            [
                ("Progressing", 0, 1, "mirrored"),
                ("Progressing", 0, 2, "mirrored"),
                ("Progressing", 100, 3),
                ("Promoting", 100, 3),
            ],
        ),
    ],
    ids=["weights", "weights, not possible: the stage is skipped", "blue/green: as long as it is watched"],
)
def test_requests_are_copied_before_any_is_answered(
    analysis: Analysis, mirrors: bool, steps: list[tuple[Any, ...]]
) -> None:
    assert walk(analysis, True, mirrors=mirrors) == steps


def test_requests_that_match_are_tested_without_a_weight_and_without_a_stage_for_all() -> None:
    assert walk(AB, True, matches=True) == [("Progressing", 0, 1), ("Progressing", 0, 2), ("Promoting", 0, 2)]


def test_matches_that_the_provider_cannot_tell_apart_are_never_shown_to_everybody() -> None:
    s = snapshot(analysis=AB, iterations=1)
    assert wanted(replace(s, matches=True)) == Routing(0, 100)
    assert wanted(s) == Routing(100, 0)
    assert walk(AB, True)[0] == ("Progressing", 0, 1)


def test_weights_without_a_provider_that_shifts_are_watched_ten_times() -> None:
    assert strategy(snapshot(shifts=False)) == "blue-green"
    assert [step[2] for step in walk(WEIGHTED, shifts=False)] == [*range(1, 12), 11]


def test_every_step_begins_now() -> None:
    move = advance(snapshot())
    assert isinstance(move, Move)
    assert move.status.last_step_at == ago(0)


def test_an_analysis_without_steps_says_so_and_goes_on_to_judge() -> None:
    stepless = Analysis(interval="10s", max_weight=50)
    s = snapshot(analysis=stepless, canary_weight=20, routing=Routing(80, 20), last_step_at=ago(1))
    stay = step(s)
    assert isinstance(stay, Stay)
    assert stay.reason is Reason.NO_STEP
    assert "stepWeight" in stay.message
    again = advance(s)
    assert isinstance(again, Move)
    assert (again.status.canary_weight, again.status.last_step_at) == (20, ago(0))


def test_every_strategy_of_the_api_has_a_step() -> None:
    assert set(STRATEGIES) == {"canary", "blue-green", "ab-testing"}
