"""Who reads what: keys by address and addresses by key, kept in step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from davy.api.ref import Ref
from davy.controller.queue import Key


class Moved(NamedTuple):
    """What became of the addresses of one key."""

    new: frozenset[Ref]
    left: frozenset[Ref]
    """Those that nobody reads any more."""


class Readers:
    """Each key reads a set of addresses; the latest set replaces the one before."""

    def __init__(self) -> None:
        self._readers: defaultdict[Ref, set[Key]] = defaultdict(set)
        self._reads: dict[Key, frozenset[Ref]] = {}

    def reads(self, key: Key, refs: Iterable[Ref]) -> Moved:
        now, before = frozenset(refs), self._reads.pop(key, frozenset())
        if now:
            self._reads[key] = now
        for ref in now - before:
            self._readers[ref].add(key)
        for ref in before - now:
            self._readers[ref].discard(key)
        left = frozenset(ref for ref in before - now if not self._readers[ref])
        for ref in left:
            del self._readers[ref]
        return Moved(now - before, left)

    def of(self, ref: Ref) -> frozenset[Key]:
        return frozenset(self._readers.get(ref, ()))

    def by(self, key: Key) -> frozenset[Ref]:
        return self._reads.get(key, frozenset())

    def all(self) -> Iterator[tuple[Ref, frozenset[Key]]]:
        return ((ref, frozenset(keys)) for ref, keys in list(self._readers.items()))
