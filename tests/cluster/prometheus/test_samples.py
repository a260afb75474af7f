"""The store: what is seen at a moment, what ends, what is forgotten."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.prometheus.labels import labels
from davy.cluster.prometheus.matching import Matcher
from davy.cluster.prometheus.samples import LOOKBACK, STALE, Series, Store, is_stale

NAME = labels({"__name__": "up", "job": "x"})


def filled(*points: tuple[int, float]) -> Series:
    series = Series(NAME)
    for time, value in points:
        series.append(time, value)
    return series


def test_a_sample_is_the_value_for_five_minutes() -> None:
    series = filled((1000, 5.0))
    moments = [999, 1000, 1000 + LOOKBACK - 1, 1000 + LOOKBACK]
    assert [series.at(moment) for moment in moments] == [None, 5.0, 5.0, None]


def test_a_series_that_ended_has_no_value_until_it_is_back() -> None:
    series = filled((1000, 5.0))
    series.end(2000)
    series.end(3000)
    series.append(4000, 7.0)
    assert [series.at(moment) for moment in (1999, 2000, 3999, 4000)] == [5.0, None, None, 7.0]
    assert list(series.between(0, 5000).values) == [5.0, 7.0]


def test_a_nan_of_the_application_is_a_value() -> None:
    series = filled((1000, math.nan))
    value = series.at(1000)
    assert value is not None
    assert math.isnan(value)
    assert is_stale(STALE)
    assert not is_stale(math.nan)


def test_a_range_is_open_at_its_start_and_closed_at_its_end() -> None:
    assert list(filled((1000, 1.0), (2000, 2.0), (3000, 3.0)).between(1000, 3000).values) == [2.0, 3.0]


def test_a_time_that_is_not_newer_is_ignored() -> None:
    assert list(filled((2000, 1.0), (2000, 2.0), (1000, 3.0)).values) == [1.0]


@given(st.integers(min_value=1, max_value=500), st.integers(min_value=1, max_value=60))
def test_memory_is_bounded_by_the_retention(rounds: int, keep: int) -> None:
    store = Store(retention=keep * 1000)
    series = store.series(NAME)
    assert series is not None
    for second in range(rounds):
        series.append(second * 1000, float(second))
        store.forget(second * 1000)
    assert len(series.times) <= keep * 4 / 3 + 2
    assert series.times[0] <= max(0, (rounds - 1 - keep) * 1000)


def test_a_series_without_new_samples_is_forgotten() -> None:
    store = Store(retention=10_000)
    series = store.series(NAME)
    assert series is not None
    series.append(1000, 1.0)
    store.forget(11_000)
    assert len(store) == 1
    store.forget(11_001)
    assert len(store) == 0
    assert list(store.select([Matcher("__name__", "=", "up")])) == []


def test_a_full_store_takes_no_new_series() -> None:
    store = Store(most=1)
    first = store.series(NAME)
    assert store.series(labels({"__name__": "other"})) is None
    assert store.series(NAME) is first


def test_matchers_take_the_whole_value_and_a_missing_label_as_empty() -> None:
    store = Store()
    for job in ("a", "ab", "b"):
        store.series(labels({"__name__": "up", "job": job}))

    def jobs(*matchers: Matcher) -> list[str]:
        return sorted(dict(series.labels)["job"] for series in store.select(matchers))

    assert jobs(Matcher("job", "=", "a")) == ["a"]
    assert jobs(Matcher("job", "!=", "a")) == ["ab", "b"]
    assert jobs(Matcher("job", "=~", "a")) == ["a"]
    assert jobs(Matcher("job", "=~", "a.*")) == ["a", "ab"]
    assert jobs(Matcher("job", "!~", "a|b")) == ["ab"]
    assert jobs(Matcher("pod", "=", "")) == ["a", "ab", "b"]
    assert jobs(Matcher("pod", "=~", ".+")) == []
