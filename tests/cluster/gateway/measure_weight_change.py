"""Measures how long after the HTTPRoute is written a changed weight is in force; run it with `python -m`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop

from davy.cluster.gateway.crds import gateway_api_crds, gateway_class
from davy.cluster.gateway.gateway import ClusterGateway
from davy.cluster.server import ApiServer
from davy.kube.client import Client
from davy.kube.config import Config

from .conftest import Arena, Backend, free_port, gateway_object, pods_and_slice, route, weights

FLIPS = 200


async def measure(flips: int) -> list[float]:
    """Milliseconds from the API server's reply to the first request that goes the new way, for each flip."""
    port = free_port()
    backends = {"primary": Backend("primary", "127.63.0.1"), "canary": Backend("canary", "127.63.0.2")}
    with tempfile.TemporaryDirectory() as directory:
        async with ApiServer() as server, Client(Config(server=server.url)) as client, aiohttp.ClientSession() as http:
            for manifest in (*gateway_api_crds(), gateway_class(), gateway_object(port)):
                await client.create(manifest)
            for name, backend in backends.items():
                await pods_and_slice(client, f"app-{name}", backend)
            gateway = ClusterGateway(client, Path(directory))
            running = asyncio.create_task(gateway.run())
            async with backends["primary"].serving(), backends["canary"].serving():
                await gateway.ready.wait()
                arena = Arena(client, gateway, f"http://127.0.0.1:{port}", http, backends)
                await client.create(route("app", weights(app_primary=1)))
                await arena.in_force("app", 1)
                probe = Probe(*await asyncio.open_connection("127.0.0.1", port))
                found = [await flip(arena, probe, generation) for generation in range(2, flips + 2)]
                probe.writer.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return found


@dataclass
class Probe:
    """One kept-alive connection; everything runs in one process, so asking must cost little."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> str:
        self.writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        return (await self.reader.readexactly(length)).decode()


async def flip(arena: Arena, probe: Probe, generation: int) -> float:
    name = "canary" if generation % 2 == 0 else "primary"
    await asyncio.sleep(0.03 + 0.001 * (generation % 17))
    await arena.change(route("app", weights(**{f"app_{name}": 1})))
    written = time.perf_counter()
    while await probe.answer() != name:
        await asyncio.sleep(0.0005)
    seen = time.perf_counter()
    await arena.in_force("app", generation)
    return (seen - written) * 1000


def quantile(values: Sequence[float], q: float) -> float:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def main() -> None:
    found = uvloop.run(measure(FLIPS))
    words = ", ".join(f"p{round(q * 100)} {quantile(found, q):.1f} ms" for q in (0.5, 0.95, 0.99))
    sys.stdout.write(
        f"weight change in force after the write: {words}, max {max(found):.1f} ms ({len(found)} changes)\n"
    )


if __name__ == "__main__":
    main()
