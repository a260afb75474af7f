"""The queue of statuses: the newest only, never twice."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from davy.cluster.gateway.report import Report
from davy.cluster.gateway.shelves import HTTP_ROUTE
from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.config import Config
from davy.kube.errors import Conflict, KubeError, NotFound


class Recorder(Client):
    """Notes the patches; each waits until `open` is set."""

    def __init__(self) -> None:
        super().__init__(Config(server="http://127.0.0.1:1"))
        self.patches: list[tuple[str, Any]] = []
        self.open = asyncio.Event()
        self.error: KubeError | None = None

    async def patch(self, kind: Any, namespace: Any, name: str, body: Any, **_: Any) -> Any:
        self.patches.append((name, body.get("status", body)))
        await self.open.wait()
        if self.error is not None:
            raise self.error
        made = {"metadata": {"name": name, "namespace": namespace, "uid": "u", "resourceVersion": "9"}}
        return msgspec.Raw(msgspec.json.encode(made))


async def settled(report: Report, client: Recorder, count: int) -> None:
    async with asyncio.timeout(5):
        while len(client.patches) < count or report.busy:
            await asyncio.sleep(0)


async def test_while_one_is_sent_the_same_is_not_queued_and_of_newer_ones_only_the_last() -> None:
    client = Recorder()
    cache, report = Cache(client, HTTP_ROUTE), Report(client)
    running = asyncio.create_task(report.run())
    report.status(cache, "default", "app", "1", {"n": 1})
    while not client.patches:
        await asyncio.sleep(0)
    report.status(cache, "default", "app", "1", {"n": 1})
    report.status(cache, "default", "other", "1", {"n": 2})
    report.status(cache, "default", "other", "1", {"n": 3})
    client.open.set()
    await settled(report, client, 2)
    assert client.patches == [("app", {"n": 1}), ("other", {"n": 3})]
    assert {item.name for item in cache.list()} == {"app", "other"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("error", [Conflict("changed"), NotFound("gone"), KubeError("no")])
async def test_a_write_that_fails_does_not_end_the_queue(error: KubeError) -> None:
    client = Recorder()
    client.error = error
    client.open.set()
    cache, report = Cache(client, HTTP_ROUTE), Report(client)
    running = asyncio.create_task(report.run())
    report.status(cache, "default", "app", "1", {"n": 1})
    report.annotate_pod("default", "pod", "uid", "gateway.davy.dev/drained", "127.0.1.4")
    await settled(report, client, 2)
    metadata = {"annotations": {"gateway.davy.dev/drained": "127.0.1.4"}, "uid": "uid"}
    assert client.patches == [("app", {"n": 1}), ("pod", {"metadata": metadata})]
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
