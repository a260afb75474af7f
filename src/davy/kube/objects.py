"""Objects as the server sent them, and the rules by which newer ones replace older ones."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from davy.kube.kinds import Kind


class Object(msgspec.Struct, frozen=True):
    """An object's bytes, and what of its metadata is needed to find and compare it."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    labels: Mapping[str, str]
    owners: tuple[str, ...]  # uids of its ownerReferences
    raw: bytes

    def manifest(self) -> dict[str, Any]:
        """The whole object, decoded anew each time; it always says what kind it is."""
        return {**msgspec.json.decode(self.raw), "apiVersion": self.kind.api_version, "kind": self.kind.kind}


class Change(NamedTuple):
    """What became of one object. `old` is what was held before; after a deletion `object` is the last that was seen."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: Object
    old: Object | None = None


class _Owner(msgspec.Struct, frozen=True):
    uid: str = ""


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    namespace: str | None = None
    uid: str = ""
    resource_version: str = ""
    generation: int | None = None
    labels: dict[str, str] | None = None
    owner_references: tuple[_Owner, ...] | None = None


class _Header(msgspec.Struct, frozen=True):
    metadata: _Metadata


class _BookmarkMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str


class _Bookmark(msgspec.Struct, frozen=True):
    metadata: _BookmarkMetadata


class _MetadataOnly(msgspec.Struct, frozen=True):
    metadata: msgspec.Raw


_HEADER = msgspec.json.Decoder(_Header)
_BOOKMARK = msgspec.json.Decoder(_Bookmark)


def read(kind: Kind, raw: bytes | msgspec.Raw) -> Object:
    """The object in `raw`, which is copied. Raises msgspec.DecodeError if it has no readable metadata."""
    metadata = _HEADER.decode(raw).metadata
    return Object(
        kind=kind,
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        generation=metadata.generation or 0,
        labels=metadata.labels or {},
        owners=tuple(owner.uid for owner in metadata.owner_references or ()),
        raw=bytes(raw),
    )


def bookmark(raw: bytes | msgspec.Raw) -> str:
    """The resourceVersion a BOOKMARK event tells; its object has no name. Raises msgspec.DecodeError."""
    return _BOOKMARK.decode(raw).metadata.resource_version


def without_content(raw: bytes) -> bytes:
    """An object reduced to its metadata."""
    return msgspec.json.encode(msgspec.json.decode(raw, type=_MetadataOnly))


def older(one: str, other: str) -> bool:
    """Whether resourceVersion `one` is before `other`. Versions that are not numbers are never older."""
    return one.isdigit() and other.isdigit() and int(one) < int(other)


def _key(each: Object) -> tuple[str, str]:
    return each.namespace, each.name


class Objects:
    """The objects of one kind as of `position`, the resourceVersion up to which the server has told us everything.

    Each change of the truth is a pure step: it returns what changed.
    """

    def __init__(self) -> None:
        self.position = ""
        self._held: dict[str, dict[str, Object]] = {}

    def get(self, namespace: str, name: str) -> Object | None:
        return self._held.get(namespace, {}).get(name)

    def list(self, namespace: str | None = None) -> builtins.list[Object]:
        return list(self._all() if namespace is None else self._held.get(namespace, {}).values())

    def told(self, type: str, told: Object) -> tuple[Change, ...]:  # noqa: A002
        """One watch event. What we wrote ourselves may be held already, and then an older event says nothing new."""
        self.position = told.resource_version or self.position
        held = self.get(told.namespace, told.name)
        if held is not None and older(told.resource_version, held.resource_version):
            return ()
        if type != "DELETED":
            return self._hold(told)
        return () if held is None else self._drop(held, told)

    def put(self, written: Object) -> tuple[Change, ...]:
        """The reply to a write of ours, which may come before or after the watch tells of it."""
        held = self.get(written.namespace, written.name)
        if held is not None and older(written.resource_version, held.resource_version):
            return ()
        if held is None and not self._ahead(written):
            return ()  # the watch has passed this version, so the object is gone again
        return self._hold(written)

    def relisted(self, listed: Iterable[Object], position: str) -> tuple[Change, ...]:
        """The whole truth as of `position`. Only what we wrote after that moment outlives it."""
        went_back = older(position, self.position)  # restored from a backup: no version of before counts
        self.position = position
        truth = {_key(each): each for each in listed}
        kept = set() if went_back else {_key(each) for each in self._all() if self._written_since(each)}
        gone = [each for each in self._all() if _key(each) not in truth and _key(each) not in kept]
        changes = [change for each in gone for change in self._drop(each, each)]
        changes += [change for key, each in truth.items() if key not in kept for change in self._hold(each)]
        return tuple(changes)

    def _all(self) -> Iterator[Object]:
        return (each for held in self._held.values() for each in held.values())

    def _ahead(self, each: Object) -> bool:
        return not self.position or not each.resource_version.isdigit() or self._written_since(each)

    def _written_since(self, each: Object) -> bool:
        return older(self.position, each.resource_version)

    def _hold(self, new: Object) -> tuple[Change, ...]:
        held = self.get(new.namespace, new.name)
        if held is not None and held.uid == new.uid and held.resource_version == new.resource_version:
            return ()
        self._held.setdefault(new.namespace, {})[new.name] = new
        if held is None:
            return (Change("ADDED", new),)
        if held.uid != new.uid:  # another object of the same name: its predecessor's end was missed
            return Change("DELETED", held, held), Change("ADDED", new)
        return (Change("MODIFIED", new, held),)

    def _drop(self, held: Object, last: Object) -> tuple[Change, ...]:
        del self._held[held.namespace][held.name]
        return (Change("DELETED", last, held),)
