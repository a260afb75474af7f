"""One kind's objects, kept in step with the server by list and watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec
import structlog

from davy.kube.kinds import Kind

log = structlog.get_logger("davy.kube")

SHORTEST_PAUSE = 0.5  # seconds after the first failure
LONGEST_PAUSE = 30.0  # seconds
GOOD_WATCH = 10.0  # seconds a watch without events must have lasted to count as good


class Object(msgspec.Struct, frozen=True):
    """An object as the server sent it, and what of its metadata is needed to find and compare it."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    labels: Mapping[str, str]
    owners: tuple[str, ...]  # uids of ownerReferences
    raw: bytes

    def manifest(self) -> dict[str, Any]:
        """The whole object, decoded anew each time; it always says what kind it is."""
        return {**msgspec.json.decode(self.raw), "apiVersion": self.kind.api_version, "kind": self.kind.kind}

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name


class Change(NamedTuple):
    """What became of one object; `old` is what the cache held before."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: Object
    old: Object | None = None
