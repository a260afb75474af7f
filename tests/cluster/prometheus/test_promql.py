"""Queries and their values, which are a real Prometheus' (see test_against_prometheus), and what is refused."""

from __future__ import annotations

import math

import pytest

from davy.cluster.prometheus.labels import spelled
from davy.cluster.prometheus.promql import evaluate
from davy.cluster.prometheus.samples import Store
from davy.cluster.prometheus.values import ParseError, QueryError, UnsupportedConstruct, Value, Vector

from .cases import CASES, NOW, Expected


def plain(value: Value) -> Expected:
    """A value as `cases` writes it."""
    match value:
        case Vector(samples):
            return {spelled(sample.labels): sample.value for sample in samples}
        case float():
            return value
        case _:
            raise AssertionError(f"neither a number nor a vector: {value}")


@pytest.mark.parametrize("query", CASES)
def test_a_query_has_prometheus_value(store: Store, query: str) -> None:
    assert plain(evaluate(store, query, NOW * 1000)) == pytest.approx(CASES[query], rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("query", ["sort_desc(limit)", "topk(2, requests_total)", "sort(limit)"])
def test_sorted_samples_come_in_order(store: Store, query: str) -> None:
    value = evaluate(store, query, NOW * 1000)
    assert isinstance(value, Vector)
    values = [sample.value for sample in value.samples]
    assert values == sorted(values, reverse=not query.startswith("sort("))
    assert len(values) > 1


UNSUPPORTED = {
    "max_over_time(rate(requests_total[1m])[5m:10s])": "subquery",
    "requests_total @ 1700000000": "@ modifier",
    "rate(requests_total[1m] @ end())": "@ modifier",
    'count_values("v", requests_total)': "aggregation count_values",
    "deriv(temperature[1m])": "function deriv()",
    'label_join(temperature, "a", "b", "c")': "function label_join()",
    '{__name__="limit" or __name__="owner"}': "`or` between matchers",
    "quantile_over_time(0.5, temperature[1m])": "function quantile_over_time()",
    "day_of_week()": "function day_of_week()",
}


@pytest.mark.parametrize("query", UNSUPPORTED)
def test_what_is_outside_the_subset_is_named_and_not_empty(store: Store, query: str) -> None:
    with pytest.raises(UnsupportedConstruct) as error:
        evaluate(store, query, NOW * 1000)
    assert error.value.construct == UNSUPPORTED[query]
    assert UNSUPPORTED[query] in str(error.value)


@pytest.mark.parametrize(
    "query", ["sum(", "nosuch(temperature)", "rate(temperature)", "1 > 2", 'temperature{room=~"("}', "temperature room"]
)
def test_what_is_not_promql_is_a_parse_error(store: Store, query: str) -> None:
    with pytest.raises(ParseError):
        evaluate(store, query, NOW * 1000)


REFUSED = {
    "owner * on() owner": "many-to-many matching not allowed",
    'temperature * ignoring(room) limit{room="north"}': "many-to-one matching must be explicit",
    'rate({__name__=~"temperature|limit"}[1m])': "same labelset",
    'label_replace(temperature, "room", "x", "room", ".*")': "same labelset",
    'label_replace(temperature, "room", "x", "room", "(")': "invalid regular expression",
}


@pytest.mark.parametrize("query", REFUSED)
def test_a_query_without_a_clear_result_is_an_error(store: Store, query: str) -> None:
    with pytest.raises(QueryError, match=REFUSED[query]):
        evaluate(store, query, NOW * 1000)


def test_the_metrics_of_the_future_are_not_seen(store: Store) -> None:
    value = evaluate(store, "requests_total", NOW * 1000 - 299_000)
    assert isinstance(value, Vector)
    assert max(sample.value for sample in value.samples) == 100
    assert not math.isnan(value.samples[0].value)
