"""Plain HTTP to an API server, so that statuses, headers and texts are seen as they are."""

import asyncio
import base64
import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

PATIENCE = 30.0  # seconds until something awaited from a real server counts as never coming


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    headers: Mapping[str, str]
    warnings: tuple[str, ...]
    body: Any


@dataclass(slots=True)
class Watch:
    """A watch held open; its events are read as they come."""

    response: aiohttp.ClientResponse
    patience: float

    async def next(self) -> Any:
        """The next event, None at the end of the stream. Raises TimeoutError when patience ends."""
        async with asyncio.timeout(self.patience):
            line = await self.response.content.readline()
        return json.loads(line) if line else None

    def end(self) -> None:
        """Drops the connection at once; a polite TLS farewell would outlive the test."""
        connection = self.response.connection
        if connection and connection.transport:
            connection.transport.abort()
        self.response.close()


@dataclass(slots=True)
class Wire:
    """A connection as the user of a kubeconfig file; an async context manager."""

    kubeconfig: Path
    patience: float = PATIENCE
    server: str = field(init=False)
    _connector: aiohttp.TCPConnector = field(init=False)
    _session: aiohttp.ClientSession = field(init=False)
    _watches: list[Watch] = field(init=False, default_factory=list)

    async def __aenter__(self) -> Self:
        config = yaml.safe_load(self.kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0].get("user") or {}
        self.server = cluster["server"]
        headers = {"Authorization": f"Bearer {user['token']}"} if user.get("token") else {}
        self._connector = aiohttp.TCPConnector(ssl=_trust(cluster))
        limit = aiohttp.ClientTimeout(total=self.patience)
        self._session = aiohttp.ClientSession(
            connector=self._connector, headers=headers, timeout=limit, read_bufsize=1 << 24
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for watch in self._watches:
            watch.end()
        await self._connector.close(abort_ssl=True)
        await self._session.close()
        await asyncio.sleep(0)

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        kind = {"Content-Type": "application/json"} if data is not None else {}
        url = self.server + path
        async with self._session.request(method, url, data=data, headers=kind | dict(headers or {})) as response:
            text = await response.text()
            return Answer(response.status, response.headers, _warnings(response), _decoded(text))

    async def watch(self, path: str, headers: Mapping[str, str] | None = None) -> Answer | Watch:
        """An open watch, or the answer of a server that refuses it."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self.patience)
        response = await self._session.get(self.server + path, headers=headers, timeout=timeout)
        if response.status != 200:
            return Answer(response.status, response.headers, _warnings(response), _decoded(await response.text()))
        self._watches.append(Watch(response, self.patience))
        return self._watches[-1]


def _trust(cluster: Mapping[str, Any]) -> ssl.SSLContext | bool:
    if authority := cluster.get("certificate-authority-data"):
        return ssl.create_default_context(cadata=base64.b64decode(authority).decode())
    return True


def _warnings(response: aiohttp.ClientResponse) -> tuple[str, ...]:
    return tuple(response.headers.getall("Warning", ()))


def _decoded(text: str) -> Any:
    with suppress(ValueError):
        return json.loads(text)
    return text
