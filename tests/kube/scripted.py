"""A server that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """`on(method, path, *answers)`: the answers are given one by one, the last one for ever."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self._answers: dict[tuple[str, str], deque[Answer]] = {}

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self._answers.setdefault((method, path), deque()).extend(answers)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(Seen(request.method, request.path, dict(request.query), request.headers, body))
        answers = self._answers.get((request.method, request.path))
        if answers is None:
            return await status(404, "NotFound", f"nothing at {request.path}")(request)
        return await (answers.popleft() if len(answers) > 1 else answers[0])(request)


def ok(body: Any, code: int = 200) -> Answer:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(body, status=code)

    return answer


def raw(body: bytes, code: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, status=code, headers=headers)

    return answer


def status(code: int, reason: str = "", message: str = "", retry_after: str | None = None, **details: Any) -> Answer:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        body = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return web.json_response({**body, "details": details}, status=code, headers=headers)

    return answer


def listing(*items: Any, version: str = "1", **metadata: str) -> Answer:
    return ok({"kind": "List", "metadata": {"resourceVersion": version, **metadata}, "items": list(items)})


def stream(*chunks: bytes) -> Answer:
    """A watch that sends these chunks, each on its own, and ends."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0)
        return response

    return answer


def torn(*chunks: bytes) -> Answer:
    """A watch that sends these chunks and breaks off, as when the server dies."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        await asyncio.sleep(0.01)
        return await broken(request)

    return answer


async def broken(request: web.BaseRequest) -> web.StreamResponse:
    """The connection is cut without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def silent(_: web.BaseRequest) -> web.StreamResponse:
    """No answer at all."""
    await asyncio.Event().wait()
    return web.Response()


def event(kind: str, obj: Any) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def thing(
    name: str, version: int | str = 1, *, namespace: str = "test", uid: str = "", **fields: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": uid or f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": metadata, **fields}
