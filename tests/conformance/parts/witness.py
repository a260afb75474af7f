"""Sees all that happens in a cluster, by watches, and tells it in the order in which the API server stored it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.kinds import Kind
from davy.kube.objects import Change, Object

CANARY = Kind("flagger.app/v1beta1", "Canary")

Manifest = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """One object after one write, or as it was last when it went."""

    object: Object
    deleted: bool

    @property
    def version(self) -> int:
        """Which write it was, of all there were in the cluster."""
        return int(self.object.resource_version)

    @property
    def manifest(self) -> Manifest:
        return self.object.manifest()


@dataclass(slots=True)
class Account:
    """What was seen of one namespace."""

    namespace: str
    _seen: list[Seen] = field(default_factory=list)
    _statuses: defaultdict[str, list[Manifest]] = field(default_factory=lambda: defaultdict(list))
    _latest: dict[tuple[Kind, str], Seen] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, change: Change) -> None:
        seen = Seen(change.object, change.type == "DELETED")
        self._seen.append(seen)
        if seen.object.kind == CANARY and not seen.deleted:
            self._statuses[seen.object.name].append(seen.manifest.get("status") or {})
        self._latest[seen.object.kind, seen.object.name] = seen
        self._changed.set()

    def __len__(self) -> int:
        """How many writes there were."""
        return len(self._seen)

    @property
    def last(self) -> int:
        """The version of the last write."""
        return max((seen.version for seen in self._seen), default=0)

    def history(self) -> list[Seen]:
        """All writes, in their order."""
        return sorted(self._seen, key=lambda seen: seen.version)

    def of(self, kind: Kind, name: str) -> list[Seen]:
        """The writes to one object, in their order."""
        return [seen for seen in self.history() if (seen.object.kind, seen.object.name) == (kind, name)]

    def now(self) -> Mapping[tuple[Kind, str], Manifest]:
        """The objects that are there, by kind and name."""
        return {key: seen.manifest for key, seen in self._latest.items() if not seen.deleted}

    def get(self, kind: Kind, name: str) -> Manifest | None:
        """One object, if it is there."""
        seen = self._latest.get((kind, name))
        return None if seen is None or seen.deleted else seen.manifest

    def statuses(self, name: str = "app") -> list[Manifest]:
        """The states of a canary's status, in their order."""
        return self._statuses[name]

    def status(self, name: str = "app") -> Manifest:
        """The latest of them; empty if there is no canary (any more)."""
        status: Manifest = (self.get(CANARY, name) or {}).get("status") or {}
        return status

    async def until(self, look: Callable[[], T | None], *, within: float, why: Callable[[], str]) -> T:
        """What `look` finds, as soon as it finds something. Raises AssertionError with `why` when patience ends."""
        try:
            async with asyncio.timeout(within):
                while not (found := look()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(why()) from None
        return found

    async def quiet(self, seconds: float, *, within: float) -> None:
        """Waits until nothing has been written for so long. Raises AssertionError when that does not come."""
        try:
            async with asyncio.timeout(within):
                while True:
                    self._changed.clear()
                    async with asyncio.timeout(seconds) as still:
                        await self._changed.wait()
        except TimeoutError:
            if not still.expired():
                raise AssertionError(f"{self.namespace} does not come to rest") from None


class Witness:
    """Watches some kinds in all namespaces; `run` until it is cancelled."""

    def __init__(self, client: Client, kinds: Iterable[Kind]) -> None:
        self._accounts: defaultdict[str, Account | None] = defaultdict(lambda: None)
        self._caches = [Cache(client, kind) for kind in kinds]
        for cache in self._caches:
            cache.subscribe(self._changed)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for cache in self._caches:
                tasks.create_task(cache.run())

    async def synced(self) -> None:
        for cache in self._caches:
            await cache.synced.wait()

    def follow(self, namespace: str) -> Account:
        """What is written in that namespace from now on."""
        account = self._accounts[namespace] = Account(namespace)
        return account

    def leave(self, namespace: str) -> None:
        """Nobody asks any more."""
        self._accounts.pop(namespace, None)

    def _changed(self, change: Change) -> None:
        account = self._accounts.get(change.object.namespace)
        if account is not None:
            account.take(change)
