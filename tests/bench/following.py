"""A process that lists and watches all Deployments of a server, in one of two ways, and prints what that cost it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
import msgspec
import uvloop

from davy.kube.cache import Cache, Change
from davy.kube.client import Client
from davy.kube.config import Config
from davy.kube.kinds import Kind

from .machine import resident
from .objects import COUNT, PAGE, PATH


class Cost(msgspec.Struct, frozen=True):
    """CPU in µs, memory in bytes, of each object."""

    list: float
    watch: float
    held: float


class Meter:
    """Measures from one mark to the next."""

    def __init__(self) -> None:
        self._memory, self._began = resident(), time.process_time()
        self.marks: list[float] = []

    def mark(self) -> None:
        now = time.process_time()
        self.marks.append((now - self._began) / COUNT * 1e6)
        self._began = now

    def cost(self, grown: float) -> Cost:
        return Cost(self.marks[0], self.marks[1], (grown - self._memory) * 2**20 / COUNT)


async def davy(url: str) -> Cost:
    """With the cache that the operator has."""
    changed, ready = 0, asyncio.Event()

    def count(change: Change) -> None:
        nonlocal changed
        changed += change.type == "MODIFIED"
        if changed == COUNT:
            ready.set()

    async with Client(Config(server=url)) as client:
        cache = Cache(client, Kind("apps/v1", "Deployment"))
        cache.subscribe(count)
        meter = Meter()
        running = asyncio.create_task(cache.run())
        await cache.synced.wait()
        meter.mark()
        grown = resident()
        await ready.wait()
        meter.mark()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return meter.cost(grown)


async def plain(url: str) -> Cost:
    """As one would write it at first: aiohttp, json, a dict of dicts."""
    held: dict[str, dict[str, Any]] = {}
    async with aiohttp.ClientSession() as session:
        meter = Meter()
        query = {"limit": str(PAGE)}
        while True:
            async with session.get(url + PATH, params=query) as answer:
                page = json.loads(await answer.read())
            held.update((item["metadata"]["name"], item) for item in page["items"])
            if not page["metadata"]["continue"]:
                break
            query["continue"] = page["metadata"]["continue"]
        meter.mark()
        grown, changed = resident(), 0
        async with session.get(url + PATH, params={"watch": "1"}) as answer:
            async for line in answer.content:
                event = json.loads(line)
                held[event["object"]["metadata"]["name"]] = event["object"]
                changed += 1
                if changed == COUNT:
                    break
        meter.mark()
    return meter.cost(grown)


def main(way: str, url: str) -> None:
    found = uvloop.run(davy(url)) if way == "davy" else asyncio.run(plain(url))
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main(*sys.argv[1:3])
