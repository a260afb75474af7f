"""What the server tells of itself: health, version, discovery, OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from davy.cluster.api import discovery, openapi
from davy.cluster.api.resources import Registry
from davy.cluster.api.view import encode

JSON = "application/json"
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class Document:
    """A document and its content type."""

    body: bytes
    media: str = JSON


@dataclass(slots=True)
class Documents:
    """Documents made from the registry, kept until it changes."""

    registry: Registry
    address: str = ""
    _kept: dict[tuple[str, bool], Document] = field(default_factory=dict)
    _age: int = -1

    def find(self, path: str, accept: str) -> Document | None:
        """The document at a path; None for paths that are none."""
        if self._age != self.registry.age:
            self._kept.clear()
            self._age = self.registry.age
        key = (path, "APIGroupDiscoveryList" in accept)
        if key not in self._kept:
            made = self._make(*key)
            if made is None:
                return None
            self._kept[key] = made
        return self._kept[key]

    def _make(self, path: str, aggregated: bool) -> Document | None:
        if path in ("/readyz", "/healthz", "/livez"):
            return Document(b"ok", "text/plain")
        if path == "/openapi/v2":
            return Document(openapi.V2, openapi.V2_MEDIA)
        if aggregated and path in ("/api", "/apis"):
            return Document(encode(discovery.aggregated(self.registry, core_only=path == "/api")), _AGGREGATED)
        found = self._json(path.strip("/").split("/"))
        return None if found is None else Document(encode(found))

    def _json(self, parts: list[str]) -> Any:
        makers: dict[str, Callable[[list[str]], Any]] = {
            "version": lambda rest: None if rest else discovery.VERSION,
            "api": self._core,
            "apis": self._groups,
            "openapi": self._openapi,
        }
        make = makers.get(parts[0])
        return make(parts[1:]) if make else None

    def _core(self, rest: list[str]) -> Any:
        match rest:
            case []:
                return discovery.core(self.address)
            case [version]:
                return discovery.resources(self.registry, "", version)
            case _:
                return None

    def _groups(self, rest: list[str]) -> Any:
        match rest:
            case []:
                return discovery.groups(self.registry)
            case [group]:
                return discovery.one_group(self.registry, group)
            case [group, version]:
                return discovery.resources(self.registry, group, version)
            case _:
                return None

    def _openapi(self, rest: list[str]) -> Any:
        match rest:
            case ["v3"]:
                return openapi.index(self.registry, self.registry.age)
            case ["v3", *path]:
                return openapi.document(self.registry, "/".join(path))
            case _:
                return None
