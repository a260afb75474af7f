"""Judging: numbers, bounds, words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.snapshots import METRIC, canary, status

from davy.api.analysis import Metric, ThresholdRange
from davy.core.analysis import Bounds, Effect, Outcome, bounds, judge, together
from davy.core.snapshot import Answer, Error, NoData, Reading, Value

CANARY = canary(status())
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)


def between(name: str, low: float | None, high: float | None) -> Metric:
    return Metric(name=name, threshold_range=ThresholdRange(min=low, max=high))


@pytest.mark.parametrize(
    ("metric", "number", "words"),
    [
        (METRIC, 80.0, "success rate 80.00% < 99%"),
        (METRIC, 99.0, "success rate 99.00% >= 99%"),
        (between("request-duration", None, 500), 900.4, "request duration 900ms > 500ms"),
        (between("custom", None, 3), 7.25, "custom 7.25 > 3"),
        (between("custom", 1, 3), 2.0, "custom 2.00 >= 1 and <= 3"),
        (between("custom", 0.5, None), 0.25, "custom 0.25 < 0.5"),
        (Metric(name="custom"), 7.0, "custom 7.00 > 0"),
    ],
)
def test_the_words_say_number_and_bound(metric: Metric, number: float, words: str) -> None:
    assert judge(CANARY, metric, Answer(Value(number)), "p").reason == words


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Metric(name="request-success-rate", threshold=99), Bounds(min=99)),
        (Metric(name="request-duration", threshold=500), Bounds(max=500)),
        (Metric(name="custom", threshold=3), Bounds(max=3)),
        (between("request-duration", 0.9, 500.9), Bounds(min=0, max=500)),
        (between("custom", 0.9, 500.9), Bounds(min=0.9, max=500.9)),
    ],
    ids=["old success rate", "old latency", "old custom", "whole milliseconds", "as written"],
)
def test_the_older_threshold_is_the_bound_it_was_in_flagger(metric: Metric, expected: Bounds) -> None:
    assert bounds(metric) == expected


@given(FLOATS, st.none() | FLOATS, st.none() | FLOATS)
def test_a_number_passes_exactly_within_its_bounds(number: float, low: float | None, high: float | None) -> None:
    verdict = judge(CANARY, between("custom", low, high), Answer(Value(number)), "p")
    inside = (low is None or number >= low) and (high is None or number <= high)
    assert (verdict.outcome is Outcome.PASS) == inside
    assert (verdict.effect is Effect.PASS) == inside
    assert (verdict.says is None) == inside


@given(st.sampled_from([NoData(), Error("unreachable", "refused")]), st.sampled_from([None, "pass", "fail", "hold"]))
def test_no_value_does_what_the_metric_says_and_fails_where_it_says_nothing(reading: Reading, wish: Any) -> None:
    metric = Metric(name="custom", on_no_data=wish, on_error=wish)
    verdict = judge(CANARY, metric, Answer(reading), "p")
    assert verdict.effect == (wish or "fail")
    assert verdict.value is None
    assert verdict.says is not None
    assert verdict.outcome is (Outcome.NO_DATA if isinstance(reading, NoData) else Outcome.ERROR)


@given(st.lists(st.sampled_from(list(Effect)), max_size=5))
def test_one_failure_fails_the_step_and_one_that_waits_holds_it(effects: list[Effect]) -> None:
    metric = Metric(name="m", on_no_data="hold")
    reading: dict[Effect, Reading] = {Effect.PASS: Value(0.0), Effect.FAIL: Value(math.inf), Effect.HOLD: NoData()}
    made = tuple(judge(CANARY, between_or(metric, effect), Answer(reading[effect]), "p") for effect in effects)
    worst = Effect.FAIL if Effect.FAIL in effects else Effect.HOLD if Effect.HOLD in effects else Effect.PASS
    assert together(made) is worst


def between_or(metric: Metric, effect: Effect) -> Metric:
    return metric if effect is Effect.HOLD else between("m", None, 1)
