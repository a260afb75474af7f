"""Reading pages of metrics."""

from __future__ import annotations

import math

import pytest

from davy.cluster.prometheus.exposition import BadExposition, parse_series, samples

PAGE = """
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{path="/a b",code="200"} 12
http_requests_total{path="}",code="500"} 3 1700000000000
up 1
temperature NaN
depth{} +Inf
"""


def test_every_sample_of_a_page_is_read_by_its_spelling() -> None:
    found = dict(samples(PAGE))
    assert math.isnan(found.pop("temperature"))
    assert found == {
        'http_requests_total{path="/a b",code="200"}': 12,
        'http_requests_total{path="}",code="500"}': 3,
        "up": 1,
        "depth{}": math.inf,
    }


@pytest.mark.parametrize("page", ["<html>", "up", "up one", 'up{a="b"}', "up 1 2 3"])
def test_a_page_that_is_none_is_refused_with_the_line(page: str) -> None:
    with pytest.raises(BadExposition, match="not a sample"):
        dict(samples(page))


SPELLINGS = {
    "up": {"__name__": "up"},
    "up{}": {"__name__": "up"},
    'a{b="c"}': {"__name__": "a", "b": "c"},
    'a{b="c",d="e",}': {"__name__": "a", "b": "c", "d": "e"},
    'a{ b = "c" , d="e" }': {"__name__": "a", "b": "c", "d": "e"},
    r'a{b="\"\\\n}, "}': {"__name__": "a", "b": '"\\\n}, '},
    'job:rate{le="+Inf"}': {"__name__": "job:rate", "le": "+Inf"},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_means_its_labels(spelling: str) -> None:
    assert parse_series(spelling) == SPELLINGS[spelling]


@pytest.mark.parametrize("spelling", ['1a{b="c"}', "a{b=c}", 'a{b="c}', 'a{"b"="c"}', ""])
def test_a_spelling_that_is_none_is_refused(spelling: str) -> None:
    with pytest.raises(BadExposition):
        parse_series(spelling)
