"""The verbs of the API: get, list, watch, create, replace, apply, patch, scale, delete."""
# ruff: noqa: A002

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, cast

import msgspec

from davy.kube import watch as watching
from davy.kube.config import Config
from davy.kube.discovery import Discovery, path_of
from davy.kube.errors import Expired
from davy.kube.kinds import Kind
from davy.kube.transport import PATIENT, TIMEOUT, Patience, Request, Transport
from davy.kube.watch import WatchEvent

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=dict[str, Any])
else:
    from typing import TypeVar

    T = TypeVar("T")

Content = Literal["merge", "json", "strategic", "apply"]
CONTENT_TYPES: Mapping[Content, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",  # JSON is YAML
}
JSON = "application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
WATCH_TIMEOUT = 300.0  # seconds after which the server ends a watch
USER_AGENT = "davy"
_ANY: Any = dict


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The objects of a collection at one moment, and that moment."""

    items: tuple[T, ...]
    resource_version: str


class _ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct, Generic[T], frozen=True):
    metadata: _ListMeta
    items: builtins.list[T] | None = None


class Client:
    """Talks to one cluster; an async context manager. Every method raises KubeError."""

    def __init__(
        self,
        config: Config,
        *,
        manager: str = "davy",
        user_agent: str = USER_AGENT,
        random: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience: Patience = PATIENT,
    ) -> None:
        self.config = config
        self.manager = manager
        self._random = random or Random()
        self._transport = Transport(config, user_agent=user_agent, random=self._random, sleep=sleep, patience=patience)
        self._discovery = Discovery(lambda path: self.request("GET", path))

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: builtins.type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    # -- reading

    async def get(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        type: builtins.type[T] = _ANY,
        subresource: str = "",
        metadata_only: bool = False,
    ) -> T:
        path = await self._path(kind, namespace, name, subresource)
        return decode(await self.request("GET", path, accept=PARTIAL if metadata_only else JSON), type)

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        type: builtins.type[T] = _ANY,
        metadata_only: bool = False,
        page_size: int = 500,
    ) -> Listing[T]:
        """All objects of a kind, read in pages. A page that has expired in the meantime begins it anew."""
        path = await self._path(kind, namespace)
        query = _given(labelSelector=labels, fieldSelector=fields)
        accept = PARTIAL_LIST if metadata_only else JSON
        for limit in (page_size, page_size, 0):  # the last time in one piece, which cannot expire
            try:
                listing = await self._pages(path, {**query, **_given(limit=limit)}, accept, type)
            except Expired:
                if not limit:
                    raise
                continue
            _name_kind(listing.items, kind)
            return listing
        raise AssertionError("the last round returns or raises")

    async def _pages(self, path: str, query: Mapping[str, str], accept: str, type: builtins.type[T]) -> Listing[T]:
        items: builtins.list[T] = []
        token = ""
        while True:
            body = await self.request("GET", path, query={**query, **_given(**{"continue": token})}, accept=accept)
            page: _Page[T] = decode(body, _Page[type])  # type: ignore[valid-type]
            items += page.items or ()
            token = page.metadata.continue_
            if not token:
                return Listing(tuple(items), page.metadata.resource_version)

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        resource_version: str,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        timeout: float = WATCH_TIMEOUT,
    ) -> AsyncGenerator[WatchEvent, None]:
        """What happens after `resource_version`, until the server ends the watch (about `timeout` seconds).

        Raises Expired if that version is too old, at the start or later.
        """
        lasting = timeout * self._random.uniform(1.0, 1.2)  # so that not all watches end together
        request = Request(
            "GET",
            await self._path(kind, namespace),
            query=_given(
                watch="true",
                allowWatchBookmarks="true",
                resourceVersion=resource_version,
                timeoutSeconds=int(lasting),
                labelSelector=labels,
                fieldSelector=fields,
            ),
            # Compressed events would wait in the compressor for each other.
            headers={"Accept": PARTIAL if metadata_only else JSON, "Accept-Encoding": "identity"},
            timeout=lasting + TIMEOUT,
        )
        async with self._transport.stream(request) as chunks, aclosing(watching.events(chunks)) as events:
            async for event in events:
                yield event

    # -- writing

    async def create(self, manifest: Mapping[str, Any], *, type: builtins.type[T] = _ANY) -> T:
        path = await self._collection_of(manifest)
        return decode(await self._write("POST", path, manifest, JSON), type)

    async def replace(self, manifest: Mapping[str, Any], *, subresource: str = "", type: builtins.type[T] = _ANY) -> T:
        """PUT of the whole object. Raises Conflict if its resourceVersion is not the newest."""
        path = await self._path_of(manifest, subresource)
        return decode(await self._write("PUT", path, manifest, JSON), type)

    async def apply(
        self,
        manifest: Mapping[str, Any],
        *,
        force: bool = True,
        subresource: str = "",
        type: builtins.type[T] = _ANY,
    ) -> T:
        """Server-side apply as `self.manager`: the object is created, or gets exactly these fields of ours."""
        path = await self._path_of(manifest, subresource)
        body = await self._write("PATCH", path, manifest, CONTENT_TYPES["apply"], force="true" if force else "false")
        return decode(body, type)

    async def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        body: Mapping[str, Any] | Sequence[Any],
        *,
        content: Literal["merge", "json", "strategic"],
        subresource: str = "",
        type: builtins.type[T] = _ANY,
    ) -> T:
        path = await self._path(kind, namespace, name, subresource)
        return decode(await self._write("PATCH", path, body, CONTENT_TYPES[content]), type)

    async def scale(self, kind: Kind, namespace: str | None, name: str, replicas: int) -> None:
        """Sets the replicas through the scale subresource, which touches nothing else."""
        body = {"spec": {"replicas": replicas}}
        await self.patch(kind, namespace, name, body, content="merge", subresource="scale")

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        propagation: str | None = None,
        uid: str | None = None,
        grace: int | None = None,
    ) -> None:
        """Raises NotFound if it is gone already, Conflict if `uid` is another object's. `grace` in seconds."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if propagation is not None:
            options["propagationPolicy"] = propagation
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        path = await self._path(kind, namespace, name)
        await self.request("DELETE", path, body=msgspec.json.encode(options))

    # -- below the verbs

    async def serves(self, kind: Kind) -> bool:
        """Whether the cluster serves a kind at this moment."""
        return await self._discovery.serves(kind)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float = TIMEOUT,
    ) -> bytes:
        """Everything but watches goes through here: credentials, repetition, domain errors."""
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        return await self._transport.send(Request(method, path, query or {}, body, headers, timeout))

    async def _write(self, method: str, path: str, body: Any, content_type: str, **query: str) -> bytes:
        return await self.request(
            method,
            path,
            query={"fieldManager": self.manager, **query},
            body=msgspec.json.encode(body),
            content_type=content_type,
        )

    async def _path(self, kind: Kind, namespace: str | None, name: str | None = None, subresource: str = "") -> str:
        resource = await self._discovery.find(kind)
        if name is not None and resource.namespaced:
            namespace = namespace or self.config.namespace
        return path_of(kind, resource, namespace, name, subresource)

    async def _path_of(self, manifest: Mapping[str, Any], subresource: str = "") -> str:
        metadata = manifest["metadata"]
        return await self._path(Kind.of(manifest), metadata.get("namespace"), metadata["name"], subresource)

    async def _collection_of(self, manifest: Mapping[str, Any]) -> str:
        namespace = manifest["metadata"].get("namespace") or self.config.namespace
        return await self._path(Kind.of(manifest), namespace)


def decode(body: bytes, type: builtins.type[T]) -> T:
    """The body as `type`; unknown fields are skipped, `msgspec.Raw` fields stay as they came. Raises DecodeError."""
    decoder: msgspec.json.Decoder[T] = _decoder(cast(Hashable, type))
    return decoder.decode(body)


@cache
def _decoder(type: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast(Any, type))


def _name_kind(items: Sequence[Any], kind: Kind) -> None:
    """The items of builtin lists do not say what they are; whole objects should."""
    for item in items:
        if isinstance(item, dict):
            item.update(apiVersion=kind.api_version, kind=kind.kind)


def _given(**query: str | int) -> dict[str, str]:
    return {name: str(value) for name, value in query.items() if value}
