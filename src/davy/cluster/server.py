"""The embedded API server: HTTP on loopback, behind a secret path, in front of the store."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from aiohttp import web

from davy.cluster.api import crd, logs
from davy.cluster.api.documents import Documents
from davy.cluster.api.errors import ApiError, bad_request, not_found
from davy.cluster.api.intake import Options
from davy.cluster.api.life import Life
from davy.cluster.api.logs import Logs
from davy.cluster.api.resources import Registry
from davy.cluster.api.routes import Target, target
from davy.cluster.api.store import Store
from davy.cluster.api.verbs import Answer, Request, Verbs, no_such_page
from davy.cluster.api.view import encode
from davy.cluster.api.watch import Stream

__all__ = ["ApiServer", "Logs", "Store"]

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class ApiServer:
    """Serves a store as Kubernetes serves its own. An async context manager; loopback only.

    `logs` is set by the node: called as `logs(namespace, pod, container, follow=, tail=, previous=, timestamps=,
    since=)`, it gives the lines of a container's log, or raises LookupError in words for people.
    """

    def __init__(
        self, store: Store | None = None, *, host: str = "127.0.0.1", port: int = 0, prefix: str | None = None
    ) -> None:
        self.store = store or Store()
        self.registry = Registry.builtin()
        self.life = Life(self.store, self.registry)
        self.logs: Logs | None = None
        self.prefix = f"k-{secrets.token_urlsafe(18)}" if prefix is None else prefix.strip("/")
        self._verbs = Verbs(self.life)
        self._documents = Documents(self.registry)
        self._host, self._port = host, port
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
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        self._documents.address = f"{self._host}:{self._port}"
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
                return self._document(path, request)
            if wanted.subresource == "log" and wanted.plural == "pods" and request.method == "GET":
                return await self._log(request, wanted)
            return await self._resource(request, wanted)
        except ApiError as error:
            return _failure(error)

    def _path(self, request: web.BaseRequest) -> str:
        """The path behind the prefix. The host is checked too, so that no web page can reach in by its own name."""
        allowed = (f"{self._host}:{self._port}", f"localhost:{self._port}")
        if request.headers.get("Host", "") not in allowed:
            raise ApiError(403, "Forbidden", "forbidden: unknown host", {})
        if not self.prefix:
            return request.path
        head, _, rest = request.path.lstrip("/").partition("/")
        if not secrets.compare_digest(head.encode(), self.prefix.encode()):
            raise ApiError(403, "Forbidden", "forbidden: unknown path prefix", {})
        return "/" + rest

    def _document(self, path: str, request: web.BaseRequest) -> web.Response:
        found = self._documents.find(path.rstrip("/") or "/", request.headers.get("Accept", ""))
        if found is None:
            raise no_such_page()
        return web.Response(body=found.body, headers={"Content-Type": found.media})

    async def _resource(self, request: web.BaseRequest, wanted: Target) -> web.StreamResponse:
        asked = Request(
            request.method,
            wanted,
            dict(request.query),
            await request.read() if request.can_read_body else b"",
            request.content_type,
            request.headers.get("Accept", ""),
            request.headers.get("User-Agent", "unknown"),
        )
        try:
            answer = self._verbs.answer(asked)
        except ApiError as error:
            return _warned(_failure(error), asked.warnings)
        if isinstance(answer, Answer):
            return _warned(_json(answer.body, answer.code), asked.warnings)
        return await _watch(request, answer)

    async def _log(self, request: web.BaseRequest, wanted: Target) -> web.StreamResponse:
        pods = self.registry.find("", "v1", "pods")
        entry = self.store.get("pods", wanted.key)
        assert pods is not None
        if entry is None:
            raise not_found(pods, wanted.name)
        query = dict(request.query)
        name = logs.container(entry.manifest, query.get("container", ""))
        if self.logs is None:
            raise bad_request(f'container "{name}" in pod "{wanted.name}" is waiting to start: ContainerCreating')
        lines = self.logs(wanted.namespace, wanted.name, name, **logs.wish(query))
        try:
            first = await anext(lines, b"")
        except LookupError as error:
            raise bad_request(str(error.args[0] if error.args else error)) from None
        return await _lines(request, first, lines)


def _failure(error: ApiError) -> web.Response:
    if not error.reason and error.code == 404:  # what no handler serves: plain text
        return web.Response(text=error.message, status=404)
    response = _json(encode(error.status()), error.code)
    seconds = (error.details or {}).get("retryAfterSeconds")
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def _json(body: bytes, code: int = 200) -> web.Response:
    return web.Response(body=body, status=code, content_type="application/json")


def _warned(response: web.Response, warnings: list[str]) -> web.Response:
    for text in warnings:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


async def _watch(request: web.BaseRequest, stream: Stream) -> web.StreamResponse:
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


async def _lines(request: web.BaseRequest, first: bytes, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await response.write(first)
        async for line in lines:
            await response.write(line)
        await response.write_eof()
    return response
