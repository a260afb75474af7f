"""The query API: envelopes, errors, ways to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.prometheus.samples import Store
from davy.cluster.prometheus.server import QueryServer, number

from .cases import NOW

Json = dict[str, Any]


@pytest.fixture
async def url(store: Store) -> AsyncIterator[str]:
    async with QueryServer(store, clock=lambda: float(NOW)) as server:
        yield server.url


async def ask(url: str, path: str = "/api/v1/query", *, method: str = "GET", **given: str) -> tuple[int, Json]:
    how: dict[str, Any] = {"params": given} if method == "GET" else {"data": given}
    async with aiohttp.ClientSession() as session, session.request(method, url + path, **how) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_vector_1_is_answered_as_prometheus_does(url: str, method: str) -> None:
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [NOW, "1"]}]}
    assert await ask(url, method=method, query="vector(1)") == (200, {"status": "success", "data": data})


async def test_a_sample_has_its_labels_and_its_value_as_text(url: str) -> None:
    status, body = await ask(url, query='temperature{room="north"} + 0.25', time=str(NOW + 0.5))
    assert (status, body["data"]["result"]) == (200, [{"metric": {"room": "north"}, "value": [NOW + 0.5, "21.25"]}])


async def test_numbers_strings_and_ranges_have_their_own_types(url: str) -> None:
    found = [(await ask(url, query=query))[1]["data"] for query in ("1 / 0", '"word"', "limit[15s]")]
    assert found[0] == {"resultType": "scalar", "result": [NOW, "+Inf"]}
    assert found[1] == {"resultType": "string", "result": [NOW, "word"]}
    assert found[2]["resultType"] == "matrix"
    assert {"metric": {"__name__": "limit", "room": "attic"}, "values": [[NOW - 9.5, "7"]]} in found[2]["result"]


async def test_the_time_may_be_written_in_rfc_3339(url: str) -> None:
    _, body = await ask(url, query="time()", time="2023-11-14T22:13:20Z")
    assert body["data"]["result"] == [1_700_000_000, "1700000000"]


ERRORS: dict[str, tuple[Json, int, str, str]] = {
    "no query": ({}, 400, "bad_data", 'invalid parameter "query"'),
    "not PromQL": ({"query": "sum("}, 400, "bad_data", "parse error: unclosed left parenthesis"),
    "bad time": ({"query": "up", "time": "noon"}, 400, "bad_data", 'invalid parameter "time"'),
    "endless time": ({"query": "up", "time": "inf"}, 400, "bad_data", 'invalid parameter "time"'),
    "outside the subset": ({"query": "rate(up[5m:1m])"}, 422, "execution", "unsupported construct: subquery"),
    "no clear result": ({"query": 'rate({__name__=~"limit|temperature"}[1m])'}, 422, "execution", "same labelset"),
}


@pytest.mark.parametrize("case", ERRORS)
async def test_an_error_has_its_type_and_says_what_is_wrong(url: str, case: str) -> None:
    given_, code, type_, words = ERRORS[case]
    status, body = await ask(url, **given_)
    assert (status, body["status"], body["errorType"]) == (code, "error", type_)
    assert words in body["error"]


async def test_a_range_query_evaluates_every_step(url: str) -> None:
    asked = {"query": 'limit{room="attic"} * 2', "start": str(NOW - 20), "end": str(NOW), "step": "10s"}
    status, body = await ask(url, "/api/v1/query_range", **asked)
    values = [[NOW - 20, "14"], [NOW - 10, "14"], [NOW, "14"]]
    assert (status, body["data"]) == (
        200,
        {"resultType": "matrix", "result": [{"metric": {"room": "attic"}, "values": values}]},
    )
    assert (await ask(url, "/api/v1/query_range", **{**asked, "step": "0"}))[0] == 400
    assert (await ask(url, "/api/v1/query_range", **{**asked, "end": str(NOW - 30)}))[0] == 400


async def test_it_is_ready_and_healthy(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/-/ready", "/-/healthy"):
            async with session.get(url + path) as response:
                assert response.status == 200


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1, "0.1"), (1e21, "1000000000000000000000"), (-2.5e-7, "-0.00000025"), (-0.0, "-0")],
)
def test_a_number_is_written_without_exponent(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=False))
def test_a_written_number_reads_back_the_same(value: float) -> None:
    assert float(number(value)) == value
    assert "e" not in number(value).lower()
