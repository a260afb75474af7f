"""What the operator serves: /metrics, /healthz and /readyz."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

SHUTDOWN_TIMEOUT = 0.25
"""Seconds that an answer under way may take when the operator ends."""


class Readiness(NamedTuple):
    """What /readyz says: whether all is as it should be, and in one line how it is."""

    ready: bool
    words: str


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
