"""A process that starts an API server, asks it something, and prints how long that took."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp
import msgspec
import uvloop

from davy.cluster.server import ApiServer
from davy.demo.figures import process_age


async def timed() -> dict[str, float]:
    """Seconds until the first answer: since the start of the server, and since that of the process."""
    began = time.perf_counter()
    async with ApiServer() as server, aiohttp.ClientSession() as session, session.get(f"{server.url}/readyz") as answer:
        answer.raise_for_status()
        return {"up": time.perf_counter() - began, "since_start": process_age()}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(timed())))
