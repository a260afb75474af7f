"""A very small client for the Kubernetes API, of the oracle's own: what it judges must not share its mistakes."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

import aiohttp
from tests.oracle.kinds import FIELD_MANAGER, KINDS, Json, kind_of

MERGE = "application/merge-patch+json"
RECONNECT_SECONDS = 0.2

Seen = Callable[[str, str, Json], None]
"""Called with kind, ADDED|MODIFIED|DELETED and the object."""


class RefusedError(RuntimeError):
    """The API server answered with an error."""


class Kube:
    """JSON in, JSON out; a context manager. The server's certificate is not checked: it is a child of ours."""

    def __init__(self, server: str, token: str, *, appmesh: str) -> None:
        self.server = server
        self.written: set[int] = set()
        """The resource versions of all that this client wrote, statuses aside."""
        self._appmesh = appmesh
        self._token = token

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=2**22,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._session.close()

    def path(self, kind: str, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """The path of a kind's collection or of one object."""
        served = KINDS[kind]
        parts = [
            served.prefix.replace("{appmesh}", self._appmesh),
            f"namespaces/{namespace}" if served.namespaced and namespace else "",
            served.plural,
            name,
            subresource,
        ]
        return "/".join(part for part in parts if part)

    async def call(self, method: str, path: str, body: Json = None, content_type: str = "application/json") -> Json:
        """The answer's body; None for 404, except to a POST. Raises RefusedError."""
        data = None if body is None else json.dumps(body)
        query = {} if method == "GET" else {"fieldManager": FIELD_MANAGER}
        headers = {"Content-Type": content_type}
        async with self._session.request(
            method, self.server + path, params=query, data=data, headers=headers
        ) as answer:
            text = await answer.text()
            if answer.status == 404 and method != "POST":
                return None
            if answer.status >= 300:
                raise RefusedError(f"{method} {path}: {answer.status} {text[:400]}")
            return json.loads(text)

    async def ready(self) -> bool:
        """Whether the server answers and is ready."""
        try:
            async with self._session.get(f"{self.server}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def create(self, manifest: Json, namespace: str) -> Json:
        """Creates an object through the version that it is written in."""
        kind, version = kind_of(manifest), manifest["apiVersion"]
        ours = self.path(kind)[: -len(KINDS[kind].plural) - 1]
        theirs = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return self._noted(await self.call("POST", self.path(kind, namespace).replace(ours, theirs, 1), manifest))

    def _noted(self, answer: Json) -> Json:
        if answer is not None:
            self.written.add(int(answer["metadata"]["resourceVersion"]))
        return answer

    async def get(self, kind: str, namespace: str, name: str) -> Json:
        return await self.call("GET", self.path(kind, namespace, name))

    async def merge(self, kind: str, namespace: str, name: str, body: Json, subresource: str = "") -> Json:
        """Merges `body` into an object; None if it is not there."""
        answer = await self.call("PATCH", self.path(kind, namespace, name, subresource), body, MERGE)
        return answer if subresource == "status" else self._noted(answer)

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        await self.call("DELETE", self.path(kind, namespace, name), {"propagationPolicy": "Background"})

    async def served(self, kind: str, seconds: float = 90) -> None:
        """Waits until a kind can be listed: a fresh CRD may answer 404 for a while after it is established."""
        async with asyncio.timeout(seconds):
            while await self.call("GET", self.path(kind) + "?limit=1") is None:
                await asyncio.sleep(0.5)

    async def watch(self, kind: str, seen: Seen) -> None:
        """Lists once, then watches for ever from there; every change is told once and in order."""
        first = await self.call("GET", self.path(kind))
        for each in first["items"]:
            seen(kind, "ADDED", each)
        version = first["metadata"]["resourceVersion"]
        while True:
            try:
                async for event in self._events(kind, version):
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        seen(kind, event["type"], event["object"])
            except aiohttp.ClientError:
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _events(self, kind: str, version: str) -> AsyncIterator[Json]:
        query = f"?watch=1&resourceVersion={version}&allowWatchBookmarks=true"
        async with self._session.get(self.server + self.path(kind) + query) as answer:
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise RefusedError(f"watch {kind}: {event['object']}")
                    yield event
