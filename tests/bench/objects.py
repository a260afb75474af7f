"""Objects of the usual sizes, and a server that lists them and tells of changes, as fast as a client can take it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec
from aiohttp import web

COUNT = 4_000
PAGE = 500
PATH = "/apis/apps/v1/deployments"
PADDING = 5_000
"""Bytes of environment, so that a Deployment has the 6 kB that one has in a cluster, managed fields included."""


def deployment(number: int, version: int = 1) -> dict[str, Any]:
    env = [{"name": f"VARIABLE_{index}", "value": "x" * 60} for index in range(PADDING // 95)]
    container = {
        "name": "app",
        "image": f"registry.example/app:{version}",
        "env": env,
        "ports": [{"containerPort": 8080}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"app-{number}",
            "namespace": "default",
            "uid": f"{number:08}-0000-4000-8000-000000000000",
            "resourceVersion": str(COUNT * version + number),
            "generation": version,
            "labels": {"app": f"app-{number}", "team": "checkout"},
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": f"app-{number}"}},
            "template": {"metadata": {"labels": {"app": f"app-{number}"}}, "spec": {"containers": [container]}},
        },
        "status": {"replicas": 3, "readyReplicas": 3, "updatedReplicas": 3, "observedGeneration": version},
    }


def pages() -> dict[str, bytes]:
    """The pages of a list by their continue token."""
    made = {}
    for start in range(0, COUNT, PAGE):
        rest = str(start + PAGE) if start + PAGE < COUNT else ""
        items = [deployment(number) for number in range(start, start + PAGE)]
        metadata = {"resourceVersion": str(2 * COUNT), "continue": rest}
        made[str(start or "")] = msgspec.json.encode({"kind": "DeploymentList", "metadata": metadata, "items": items})
    return made


def events() -> list[bytes]:
    """Every object changed once; some lines in each piece, as a busy server sends them."""
    lines = [
        msgspec.json.encode({"type": "MODIFIED", "object": deployment(number, 3)}) + b"\n" for number in range(COUNT)
    ]
    return [b"".join(lines[start : start + 8]) for start in range(0, COUNT, 8)]


def application() -> web.Application:
    listed, told = pages(), events()

    async def collection(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.Response(body=listed[request.query.get("continue", "")], content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for piece in told:
            await response.write(piece)
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_get(PATH, collection)
    return app


async def serve() -> None:
    """Until standard input ends; the first line of the output is the port."""
    runner = web.AppRunner(application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve())
