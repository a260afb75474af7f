"""Prometheus' HTTP API for queries, on loopback."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

import msgspec
from aiohttp import web
from promql_parser import parse_duration

from davy.cluster.prometheus.labels import Labels
from davy.cluster.prometheus.promql import Evaluation, evaluate, parse
from davy.cluster.prometheus.samples import Points, Store
from davy.cluster.prometheus.values import Matrix, ParseError, QueryError, Value, Vector

Json = dict[str, Any]
MOST_STEPS = 11_000


class BadParameter(Exception):  # noqa: N818 - it is the request that is bad
    """A parameter that cannot be read; the message names it."""


class QueryServer:
    """Serves /api/v1/query and /api/v1/query_range, by GET and POST. Async context manager.

    clock: seconds since 1970, for queries that name no time.
    """

    def __init__(
        self, store: Store, *, host: str = "127.0.0.1", port: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        self._store, self._host, self._port, self._clock = store, host, port, clock

    async def __aenter__(self) -> Self:
        app = web.Application()
        for path, handler in (("/api/v1/query", self._query), ("/api/v1/query_range", self._query_range)):
            app.router.add_route("GET", path, handler)
            app.router.add_route("POST", path, handler)
        for path in ("/-/ready", "/-/healthy"):
            app.router.add_get(path, _well)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def _query(self, request: web.Request) -> web.Response:
        return _answered(await _parameters(request), self._instant)

    async def _query_range(self, request: web.Request) -> web.Response:
        return _answered(await _parameters(request), self._steps)

    def _instant(self, given: Mapping[str, str]) -> Json:
        now = _time(given, "time", self._clock())
        return result(evaluate(self._store, _required(given, "query"), now), now)

    def _steps(self, given: Mapping[str, str]) -> Json:
        query, start, end = _required(given, "query"), _time(given, "start"), _time(given, "end")
        step = _step(given)
        if end < start:
            raise BadParameter('invalid parameter "end": end timestamp must not be before start time')
        if (end - start) // step > MOST_STEPS:
            raise BadParameter(f"exceeded maximum resolution of {MOST_STEPS} points per series; try a larger step")
        expr = parse(query)
        series: dict[Labels, list[list[Any]]] = {}
        for moment in range(start, end + 1, step):
            for labels, value in _samples(Evaluation(self._store, moment).value(expr)):
                series.setdefault(labels, []).append([_seconds(moment), number(value)])
        found = [{"metric": dict(labels), "values": values} for labels, values in series.items()]
        return {"resultType": "matrix", "result": found}


async def _well(request: web.Request) -> web.Response:
    return web.Response(text="Prometheus Server is Ready.\n")


async def _parameters(request: web.Request) -> dict[str, str]:
    given = dict(request.query)
    if request.method == "POST":
        given |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return given


def _answered(given: Mapping[str, str], answer: Callable[[Mapping[str, str]], Json]) -> web.Response:
    try:
        return _json(200, {"status": "success", "data": answer(given)})
    except ParseError as error:
        return _error(400, "bad_data", f'invalid parameter "query": parse error: {error}')
    except BadParameter as error:
        return _error(400, "bad_data", str(error))
    except QueryError as error:
        return _error(422, "execution", str(error))


def _error(code: int, type_: str, words: str) -> web.Response:
    return _json(code, {"status": "error", "errorType": type_, "error": words})


def _json(code: int, body: Json) -> web.Response:
    return web.Response(status=code, body=msgspec.json.encode(body), content_type="application/json")


# --- parameters


def _required(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise BadParameter(f'invalid parameter "{name}": it is missing')
    return given[name]


def _time(given: Mapping[str, str], name: str, default: float | None = None) -> int:
    """Milliseconds, from seconds since 1970 or RFC 3339."""
    text = given.get(name)
    if text is None and default is not None:
        return round(default * 1000)
    text = _required(given, name)
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError):
        pass
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadParameter(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None


def _step(given: Mapping[str, str]) -> int:
    """Milliseconds, from seconds or a duration such as 15s."""
    text = _required(given, "step")
    try:
        step = round(float(text) * 1000)
    except (ValueError, OverflowError):
        step = _duration(text)
    if step <= 0:
        raise BadParameter('invalid parameter "step": it must be more than 0')
    return step


def _duration(text: str) -> int:
    try:
        return round(parse_duration(text).total_seconds() * 1000)
    except ValueError:
        raise BadParameter(f'invalid parameter "step": cannot parse "{text}" to a valid duration') from None


# --- results


def result(value: Value, time_: int) -> Json:
    """The `data` of an answer."""
    match value:
        case Vector(samples):
            found = [{"metric": dict(s.labels), "value": [_seconds(time_), number(s.value)]} for s in samples]
            return {"resultType": "vector", "result": found}
        case Matrix(ranges):
            return {"resultType": "matrix", "result": [_range(r.labels, r.points) for r in ranges]}
        case str(text):
            return {"resultType": "string", "result": [_seconds(time_), text]}
        case _:
            return {"resultType": "scalar", "result": [_seconds(time_), number(value)]}


def _range(labels: Labels, points: Points) -> Json:
    values = [[_seconds(at), number(value)] for at, value in zip(*points, strict=True)]
    return {"metric": dict(labels), "values": values}


def _samples(value: Value) -> list[tuple[Labels, float]]:
    match value:
        case Vector(samples):
            return [(sample.labels, sample.value) for sample in samples]
        case float(number_):
            return [((), number_)]
        case _:
            raise BadParameter('invalid parameter "query": a range query needs a number or an instant vector')


def _seconds(time_: int) -> float | int:
    return time_ // 1000 if time_ % 1000 == 0 else time_ / 1000


def number(value: float) -> str:
    """As Prometheus writes it: the shortest digits that mean this value, never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(value)), "f").removesuffix(".0")
