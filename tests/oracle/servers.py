"""Stand-ins for the metrics server (`/prom/NS/api/v1/query`) and the webhook receivers (`/hook/NS/…`), on loopback."""

import json
import re
import time
from collections.abc import Callable

from aiohttp import web
from tests.oracle.kinds import Json

GLOBAL = "global"
"""Where calls to the addresses of the operator's own settings go."""

DEFAULTS = {"custom": 1, "duration": 0.2, "success": 100}


class Servers:
    """What was asked and called, by namespace, and what is answered; told of each call by `listeners`."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.values: dict[str, Json] = {}
        self.answers: dict[str, dict[str, int]] = {}
        self.queries: dict[str, list[str]] = {}
        self.hooks: dict[str, list[Json]] = {}
        self.listeners: list[Callable[[str], None]] = []
        self._port = port

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/prom/{ns}/api/v1/query", self._query)
        app.router.add_route("*", "/hook/{ns}/{path:.*}", self._hook)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _query(self, request: web.Request) -> web.Response:
        namespace = request.match_info["ns"]
        query = request.query.get("query") or str((await request.post()).get("query", ""))
        log = self.queries.setdefault(namespace, [])
        if query not in log:
            log.append(query)
        value = value_of(query, self.values.get(namespace, {}))
        result = [] if value is None else [{"metric": {}, "value": [time.time(), str(value)]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})

    async def _hook(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        body = decoded(await request.text())
        namespace = subject(request.match_info["ns"], body)
        self.hooks.setdefault(namespace, []).append({"path": path, "method": request.method, "body": body})
        for tell in self.listeners:
            tell(namespace)
        status = self.answers.get(namespace, {}).get(path, 200)
        return web.Response(status=status, text="ok" if status < 300 else "refused")


def value_of(query: str, values: Json) -> Json:
    """The one value that a query has in a scenario; None is an empty result."""
    if query.strip() == "vector(1)":
        return 1
    if "my_custom" in query:
        name = "custom"
    elif re.search(r"histogram_quantile|_sum\b", query):
        name = "duration"
    else:
        name = "success"
    return values.get(name, DEFAULTS[name])


def subject(namespace: str, body: Json) -> str:
    """The namespace that a call is about: one to an address of the operator's settings names its canary in the body."""
    if namespace != GLOBAL or not isinstance(body, dict):
        return namespace
    author = (body.get("attachments") or [{}])[0].get("author_name", "")
    return body.get("namespace") or author.partition(".")[2] or namespace


def decoded(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return None
