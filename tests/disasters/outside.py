"""What lies outside the cluster: a metrics server, hooks and a receiver of alerts, on loopback."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web

Manifest = dict[str, Any]
HANGS = 0
"""In place of a status: no answer comes."""

Body = str | float | None | list[float]
"""What a query gives: a number, nothing, several numbers, or a text as it is to be sent."""


class Call(NamedTuple):
    """A hook that was called, or an alert that was sent."""

    at: float
    path: str
    body: Manifest
    key: str
    """The id that stays the same however often one call is repeated."""


class Outside:
    """`reading` answers queries; `status` is the metrics server's HTTP status; `answers` are those of hooks by path."""

    def __init__(self) -> None:
        self.reading: Callable[[str], Body] = lambda query: 100.0
        self.status = 200
        self.answers: dict[str, int] = {}
        self.queries: list[str] = []
        self.calls: list[Call] = []
        self.url = ""
        self._never = asyncio.Event()

    def count(self) -> Counter[str]:
        """Calls by path."""
        return Counter(call.path for call in self.calls)

    def called(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]

    @property
    def alerts(self) -> list[Manifest]:
        return [call.body for call in self.called("alerts")]

    async def query(self, request: web.Request) -> web.Response:
        text = request.query["query"]
        if text == "vector(1)":
            return sent(1.0)
        self.queries.append(text)
        if self.status == HANGS:
            await self._never.wait()
        if self.status != 200:
            return web.Response(status=self.status, text="out of order")
        return sent(self.reading(text))

    async def hook(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        body = await request.json()
        now = asyncio.get_running_loop().time()
        self.calls.append(Call(now, path, body, request.headers.get("Idempotency-Key", "")))
        status = self.answers.get(path, 200)
        if status == HANGS:
            await self._never.wait()
        return web.Response(status=status, text="yes" if status == 200 else "not now")


def sent(body: Body) -> web.Response:
    """As Prometheus sends it; a text is sent as it is."""
    if isinstance(body, str):
        return web.Response(text=body, content_type="application/json")
    values = body if isinstance(body, list) else [] if body is None else [body]
    result = [{"metric": {"n": str(place)}, "value": [0, str(value)]} for place, value in enumerate(values)]
    return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})


@asynccontextmanager
async def outside() -> AsyncIterator[Outside]:
    made = Outside()
    app = web.Application()
    app.router.add_get("/api/v1/query", made.query)
    app.router.add_post("/hook/{path:.*}", made.hook)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
