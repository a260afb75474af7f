"""Who owns whom, and what that means for an object when its owners go. Values in, a verdict out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from davy.kube.kinds import Kind
from davy.kube.objects import Object

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class Owner(msgspec.Struct, frozen=True, rename="camel"):
    """An owner reference."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """What of an object's metadata says who owns it and whether it is leaving."""

    resource_version: str = ""
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] | None = None
    owner_references: tuple[Owner, ...] | None = None


class _Header(msgspec.Struct, frozen=True):
    metadata: Metadata


_DECODER = msgspec.json.Decoder(_Header)


@dataclass(frozen=True, slots=True)
class Node:
    """One object in the graph."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    metadata: Metadata

    @property
    def owners(self) -> tuple[Owner, ...]:
        return self.metadata.owner_references or ()

    @property
    def finalizers(self) -> tuple[str, ...]:
        return self.metadata.finalizers or ()

    @property
    def is_leaving(self) -> bool:
        return self.metadata.deletion_timestamp is not None

    @property
    def waits_for_dependents(self) -> bool:
        return self.is_leaving and FOREGROUND in self.finalizers

    @property
    def lets_go_of_dependents(self) -> bool:
        return self.is_leaving and ORPHAN in self.finalizers


def node(each: Object) -> Node:
    return Node(each.kind, each.namespace, each.name, each.uid, _DECODER.decode(each.raw).metadata)


class Graph:
    """The objects by uid, and the dependents of each uid, whether that object is known or not."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = {}

    def get(self, uid: str) -> Node | None:
        return self._nodes.get(uid)

    def put(self, new: Node) -> None:
        self.drop(new.uid)
        self._nodes[new.uid] = new
        for owner in new.owners:
            self._dependents.setdefault(owner.uid, set()).add(new.uid)

    def drop(self, uid: str) -> None:
        old = self._nodes.pop(uid, None)
        for owner in old.owners if old else ():
            siblings = self._dependents.get(owner.uid, set())
            siblings.discard(uid)
            if not siblings:
                self._dependents.pop(owner.uid, None)

    def dependents(self, uid: str) -> Iterator[Node]:
        return (self._nodes[each] for each in sorted(self._dependents.get(uid, ())))


Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Keep:
    """It has an owner (or never had one); the references in `cut` lead nowhere and go."""

    cut: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Collect:
    """All its owners are gone or wait for it to go."""

    propagation: Propagation


def verdict(each: Node, absent: frozenset[str], waiting: frozenset[str], *, has_dependents: bool) -> Keep | Collect:
    """What becomes of an object, given which of its owners (uids) are absent and which wait for their dependents."""
    owners = {owner.uid for owner in each.owners}
    if each.is_leaving or not owners:
        return Keep()
    if owners - absent - waiting:
        return Keep(frozenset(owners & (absent | waiting)))
    if ORPHAN in each.finalizers:
        return Collect("Orphan")
    if FOREGROUND in each.finalizers or (owners & waiting and has_dependents):
        return Collect("Foreground")
    return Collect("Background")
