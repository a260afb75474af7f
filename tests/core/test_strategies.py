"""Strategies: the step after a successful one."""

from __future__ import annotations

import pytest
from tests.core.snapshots import ITERATED, WEIGHTED, ago, snapshot

from davy.api.analysis import Analysis
from davy.api.status import Phase
from davy.core.moves import Move, Stay
from davy.core.reasons import Reason
from davy.core.strategies import STRATEGIES, advance, strategy


def walk(analysis: Analysis, shifts: bool) -> list[tuple[str, int, int]]:
    """(phase, weight, iterations) after each step, until the promotion."""
    weight, iterations, steps = 0, 0, []
    while True:
        move = advance(snapshot(analysis=analysis, shifts=shifts, canary_weight=weight, iterations=iterations))
        assert isinstance(move, Move)
        new = move.status
        weight, iterations = new.canary_weight, new.iterations
        steps.append((str(new.phase), weight, iterations))
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


def test_weights_without_a_provider_that_shifts_are_watched_ten_times() -> None:
    assert strategy(snapshot(shifts=False)) == "blue-green"
    assert [step[2] for step in walk(WEIGHTED, shifts=False)] == [*range(1, 12), 11]


def test_every_step_begins_now() -> None:
    move = advance(snapshot())
    assert isinstance(move, Move)
    assert move.status.last_step_at == ago(0)


def test_an_analysis_without_steps_says_so_and_stays() -> None:
    stay = advance(snapshot(analysis=Analysis(interval="10s", max_weight=50)))
    assert isinstance(stay, Stay)
    assert stay.reason is Reason.NO_STEP
    assert "stepWeight" in stay.message


def test_every_strategy_of_the_api_has_a_step() -> None:
    assert set(STRATEGIES) == {"canary", "blue-green", "ab-testing"}
