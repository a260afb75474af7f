"""HTTP both ways: the calls that providers make, and the operator's own /metrics, /healthz and /readyz."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NamedTuple

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from davy.providers.base import Response, Unreachable

LONGEST_BODY = 1 << 20
"""Bytes read of an answer; a metrics server has no need of more."""
SHUTDOWN_TIMEOUT = 0.25
"""Seconds that an answer under way may take when the operator ends."""


class Readiness(NamedTuple):
    """What /readyz says: whether all is as it should be, and in one line how it is."""

    ready: bool
    words: str


class Calls:
    """The `Http` that is lent to providers: one session for all."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        params: Mapping[str, str] = {},
        body: bytes = b"",
        timeout: timedelta = timedelta(seconds=5),
        verify: bool = True,
    ) -> Response:
        limit = aiohttp.ClientTimeout(total=timeout.total_seconds())
        try:
            async with self._session.request(
                method, url, headers=headers, params=params, data=body or None, timeout=limit, ssl=verify
            ) as answer:
                return Response(answer.status, await capped(answer))
        except TimeoutError as error:
            raise Unreachable(f"no answer within {timeout.total_seconds():g} s") from error
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error


async def capped(answer: aiohttp.ClientResponse) -> bytes:
    read = b""
    async for chunk in answer.content.iter_chunked(1 << 16):
        read += chunk
        if len(read) > LONGEST_BODY:
            raise Unreachable(f"the answer is longer than {LONGEST_BODY} bytes")
    return read


async def served(
    registry: CollectorRegistry, readiness: Callable[[], Readiness], host: str, port: int
) -> web.AppRunner:
    """The operator's own endpoints, listening; an empty host: on all addresses. Raises OSError if the port is taken."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="OK")

    async def readyz(_: web.Request) -> web.Response:
        ready, words = readiness()
        return web.Response(text=words, status=200 if ready else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_TIMEOUT)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
