"""How objects, lists and events look to a client: as they are, as metadata only, or as a table."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from davy.cluster.api.conversion import from_stored
from davy.cluster.api.patch import copy
from davy.cluster.api.resources import Resource
from davy.cluster.api.store import Entry
from davy.cluster.api.structural import default, prune

Manifest = dict[str, Any]
encode = msgspec.json.Encoder().encode


class View(Protocol):
    """Turns stored states into what the client asked to see."""

    def one(self, entry: Entry) -> bytes:
        """A single object."""

    def many(self, entries: list[Entry], metadata: Manifest) -> bytes:
        """A list."""

    def bookmark(self, metadata: Manifest) -> bytes:
        """The object of a BOOKMARK event."""


class Whole:
    """Objects as they are, in the version asked for."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._as_stored = resource.group_version == resource.storage_group_version

    def one(self, entry: Entry) -> bytes:
        """The object's JSON, kept from the last time it was asked for when the version is the stored one."""
        if self._as_stored:
            return entry.raw
        return encode(self._converted(entry))

    def _converted(self, entry: Entry) -> Manifest:
        served = from_stored(self.resource, entry.manifest)
        if self.resource.custom is not None:
            served = dict(copy(served))
            prune(self.resource.schema, served)
            default(self.resource.schema, served)
        return served

    def _item(self, entry: Entry) -> bytes:
        """The object in a list: builtin ones leave out their type, which is the list's."""
        whole = self.one(entry)
        kind = b'{"kind":"%s","apiVersion":"%s",' % (self.resource.kind.encode(), self.resource.group_version.encode())
        return b"{" + whole[len(kind) :] if self.resource.custom is None and whole.startswith(kind) else whole

    def many(self, entries: list[Entry], metadata: Manifest) -> bytes:
        """A typed list."""
        kind, version = self.resource.list_name, self.resource.group_version
        if self.resource.custom is not None:
            metadata = {"continue": "", **metadata}
        head = encode({"kind": kind, "apiVersion": version, "metadata": metadata})
        return head[:-1] + b',"items":[' + b",".join(self._item(entry) for entry in entries) + b"]}"

    def bookmark(self, metadata: Manifest) -> bytes:
        """An object with nothing but its type and a revision."""
        return encode({"kind": self.resource.kind, "apiVersion": self.resource.group_version, "metadata": metadata})


def partial(entry: Entry) -> Manifest:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": entry.manifest["metadata"]}


class MetadataOnly:
    """PartialObjectMetadata and lists of it."""

    def one(self, entry: Entry) -> bytes:
        """The object's metadata."""
        return encode(partial(entry))

    def many(self, entries: list[Entry], metadata: Manifest) -> bytes:
        """A PartialObjectMetadataList."""
        items = [partial(entry) for entry in entries]
        kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
        return encode({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items})

    def bookmark(self, metadata: Manifest) -> bytes:
        """Metadata with nothing but a revision."""
        return encode({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
