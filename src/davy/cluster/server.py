"""The embedded API server: HTTP on loopback, behind a secret path, in front of the store."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from aiohttp import web

from davy.cluster.api import crd, discovery
from davy.cluster.api.errors import ApiError
from davy.cluster.api.intake import Options
from davy.cluster.api.life import Life
from davy.cluster.api.resources import Registry
from davy.cluster.api.routes import target
from davy.cluster.api.store import Store
from davy.cluster.api.verbs import Answer, Request, Verbs, no_such_page
from davy.cluster.api.view import encode
from davy.cluster.api.watch import Stream

__all__ = ["ApiServer", "Logs", "Store"]

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
Logs = Callable[..., AsyncIterator[bytes]]
_READY = ("/readyz", "/healthz", "/livez")


class ApiServer:
    """Serves a store as Kubernetes serves its own. An async context manager; loopback only.

    `logs` is set by the node: called as `logs(namespace, pod, container, follow=..., tail=..., ...)`, it gives the
    lines of a container's log.
    """

    def __init__(
        self, store: Store | None = None, *, host: str = "127.0.0.1", port: int = 0, prefix: str | None = None
    ) -> None:
        self.store = store or Store()
        self.registry = Registry.builtin()
        self.life = Life(self.store, self.registry)
        self.logs: Logs | None = None
        self._verbs = Verbs(self.life)
        self._host, self._port = host, port
        self.prefix = f"k-{secrets.token_urlsafe(18)}" if prefix is None else prefix.strip("/")
        self._runner: web.ServerRunner | None = None
        crd.follow(self.store, self.registry)
        self._found()

    def _found(self) -> None:
        namespaces = self.registry.find("", "v1", "namespaces")
        assert namespaces is not None
        for name in NAMESPACES:
            if self.store.get("namespaces", ("", name)) is None:
                self.life.create(namespaces, "", {"metadata": {"name": name}}, Options("kube-apiserver"))

    # -- running -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, shutdown_timeout=0.1)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it is reached, secret prefix included."""
        base = f"http://{self._host}:{self._port}"
        return f"{base}/{self.prefix}" if self.prefix else base

    def kubeconfig(self) -> dict[str, Any]:
        """A kubeconfig for it."""
        name = "davy"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": self.url}}],
            "users": [{"name": name, "user": {}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
            "current-context": name,
        }

    def write_kubeconfig(self, path: str | os.PathLike[str]) -> None:
        """Write the kubeconfig, readable by its owner only: who knows the prefix may start processes."""
        Path(path).unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            yaml.safe_dump(self.kubeconfig(), file, sort_keys=False)

    # -- requests ----------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            path = self._path(request)
            wanted = target(path)
            if wanted is None:
                return _json(self._document(path, request))
            return await self._resource(request, wanted)
        except ApiError as error:
            return _failure(error)

    def _path(self, request: web.BaseRequest) -> str:
        allowed = (f"{self._host}:{self._port}", f"localhost:{self._port}")
        if request.headers.get("Host", "") not in allowed:
            raise ApiError(403, "Forbidden", "forbidden: unknown host", {})
        if not self.prefix:
            return request.path
        head, _, rest = request.path.lstrip("/").partition("/")
        if not secrets.compare_digest(head.encode(), self.prefix.encode()):
            raise ApiError(403, "Forbidden", "forbidden: unknown path prefix", {})
        return "/" + rest

    async def _resource(self, request: web.BaseRequest, wanted: Any) -> web.StreamResponse:
        query = dict(request.query)
        raw = await request.read() if request.can_read_body else b""
        asked = Request(
            request.method,
            wanted,
            query,
            raw,
            request.content_type,
            request.headers.get("Accept", ""),
            request.headers.get("User-Agent", "unknown"),
        )
        answer = self._verbs.answer(asked)
        if isinstance(answer, Answer):
            return _json(answer.body, answer.code, answer.warnings)
        return await _stream(request, answer)

    def _document(self, path: str, request: web.BaseRequest) -> bytes:
        if path in _READY:
            return b"ok"
        parts = path.strip("/").split("/")
        found: Any = None
        match parts:
            case ["version"]:
                found = discovery.VERSION
            case ["api"]:
                found = discovery.core(f"{self._host}:{self._port}")
            case ["apis"]:
                found = discovery.groups(self.registry)
            case ["api", version]:
                found = discovery.resources(self.registry, "", version)
            case ["apis", group]:
                found = discovery.one_group(self.registry, group)
            case ["apis", group, version]:
                found = discovery.resources(self.registry, group, version)
        if found is None:
            raise no_such_page()
        return encode(found)


def _failure(error: ApiError) -> web.Response:
    if not error.reason and error.code == 404:  # what no handler serves: plain text
        return web.Response(text=error.message, status=404)
    return _json(encode(error.status()), error.code)


def _json(body: bytes, code: int = 200, warnings: tuple[str, ...] = ()) -> web.Response:
    response = web.Response(body=body, status=code, content_type="application/json")
    for text in warnings:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


async def _stream(request: web.BaseRequest, stream: Stream) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    stream.open()
    try:
        with contextlib.suppress(ConnectionError):
            await response.prepare(request)
            async for batch in stream.batches():
                await response.write(batch)
            await response.write_eof()
    finally:
        stream.close()
    return response
