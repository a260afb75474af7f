"""A served cluster API and a small client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from davy.cluster.server import ApiServer

JSON, MERGE = "application/json", "application/merge-patch+json"
JSON_PATCH, STRATEGIC = "application/json-patch+json", "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Reply:
    """An answer: status code, decoded body, warning texts."""

    code: int
    body: Any
    warnings: tuple[str, ...] = ()


@dataclass
class Api:
    """Sends requests below the server's URL."""

    url: str
    session: aiohttp.ClientSession

    async def __call__(
        self, method: str, path: str, value: Any = None, *, media: str = JSON, accept: str = "*/*", **query: str
    ) -> Reply:
        headers = {"Accept": accept, "User-Agent": "tester/1"}
        import msgspec

        data = None if value is None else msgspec.json.encode(value)
        if data is not None:
            headers["Content-Type"] = media
        async with self.session.request(method, self.url + path, data=data, headers=headers, params=query) as reply:
            raw = await reply.read()
            warnings = tuple(text.split(" ", 2)[2].strip('"') for text in reply.headers.getall("Warning", []))
            return Reply(reply.status, msgspec.json.decode(raw) if raw[:1] in b"{[" else raw.decode(), warnings)

    async def watch(self, path: str, count: int, **query: str) -> list[dict[str, Any]]:
        """The first events of a watch (fewer if it ends before)."""
        import msgspec

        events: list[dict[str, Any]] = []
        params = {"watch": "1", "timeoutSeconds": "5", **query}
        async with self.session.get(self.url + path, params=params) as reply:
            assert reply.status == 200, await reply.text()
            async for line in reply.content:
                events.append(msgspec.json.decode(line))
                if len(events) == count:
                    break
        return events


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer() as running:
        yield running


@pytest.fixture
async def api(server: ApiServer) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(server.url, session)
