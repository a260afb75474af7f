"""A served cluster API and a small client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import pytest

from davy.cluster.server import ApiServer


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
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        media: str = "application/json",
        accept: str = "*/*",
        **query: str,
    ) -> Reply:
        headers = {"Accept": accept, "User-Agent": "tester/1"}
        data = None if value is None else msgspec.json.encode(value)
        if data is not None:
            headers["Content-Type"] = media
        async with self.session.request(method, self.url + path, data=data, headers=headers, params=query) as reply:
            raw = await reply.read()
            warnings = tuple(text.split(" ", 2)[2][1:-1] for text in reply.headers.getall("Warning", []))
            return Reply(reply.status, msgspec.json.decode(raw) if raw[:1] in (b"{", b"[") else raw.decode(), warnings)

    async def watch(self, path: str, count: int, **query: str) -> list[dict[str, Any]]:
        """The first events of a watch."""
        params = {"watch": "1", "timeoutSeconds": "30", **query}
        events: list[dict[str, Any]] = []
        async with self.session.get(self.url + path, params=params) as reply:
            assert reply.status == 200, await reply.text()
            while len(events) < count:
                events.append(msgspec.json.decode(await reply.content.readline()))
        return events


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer() as running:
        yield running


@pytest.fixture
async def api(server: ApiServer) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(server.url, session)


THING: dict[str, Any] = {
    "metadata": {"name": "things.davy.test"},
    "spec": {
        "group": "davy.test",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
                },
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "x-kubernetes-validations": [
                                    {"rule": "self.size < 100", "message": "too big"},
                                ],
                                "properties": {
                                    "size": {"type": "integer", "minimum": 0, "default": 1},
                                    "tags": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "set",
                                        "items": {"type": "string"},
                                    },
                                    "ports": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["port"],
                                        "items": {
                                            "type": "object",
                                            "properties": {"port": {"type": "integer"}, "name": {"type": "string"}},
                                        },
                                    },
                                },
                            },
                            "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
                        },
                    }
                },
            }
        ],
    },
}
"""A definition with a status, a scale, defaults, lists that are maps and sets, and a rule."""


@pytest.fixture
def definition() -> dict[str, Any]:
    copied: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(THING))
    return copied
