"""Owner garbage collection: background, foreground, orphan; and objects whose owners never came back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

from davy.cluster.workloads.graph import FOREGROUND, ORPHAN, Collect, Graph, Keep, Node, Owner, node, verdict
from davy.cluster.workloads.inventory import Inventory
from davy.cluster.workloads.queue import Queue, work
from davy.cluster.workloads.writes import Hand, Merge, Remove, Write
from davy.kube.client import Client
from davy.kube.errors import KindNotServed, NotFound
from davy.kube.kinds import Kind
from davy.kube.objects import Change

log = structlog.get_logger("davy.cluster")
WORKERS = 4
REMEMBERED = 2000  # uids known to be gone for good


class Garbage:
    """The controller: what changed → which objects may have lost their owners → their end."""

    def __init__(self, client: Client, inventory: Inventory, hand: Hand) -> None:
        self._client, self._inventory, self._hand = client, inventory, hand
        self._graph = Graph()
        self._gone: dict[str, None] = {}
        self._queue: Queue[str] = Queue()
        inventory.subscribe(self._changed)

    def _changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self._graph.drop(change.object.uid)
            self._remember_gone(change.object.uid)
            self._add(self._graph.dependents(change.object.uid))
            for uid in change.object.owners:
                self._add_owner(uid)
            return
        new = node(change.object)
        self._graph.put(new)
        if new.owners or new.waits_for_dependents or new.lets_go_of_dependents:
            self._queue.add(new.uid)
        for owner in new.owners:
            self._add_owner(owner.uid)

    def _add(self, nodes: Iterable[Node]) -> None:
        for each in nodes:
            self._queue.add(each.uid)

    def _add_owner(self, uid: str) -> None:
        """An owner that waits for its dependents may be able to go on."""
        owner = self._graph.get(uid)
        if owner and (owner.waits_for_dependents or owner.lets_go_of_dependents):
            self._queue.add(uid)

    def _remember_gone(self, uid: str) -> None:
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(work("garbage", self._queue, self.reconcile))

    async def reconcile(self, uid: str) -> float | None:
        """What the state of one object asks for, its own or its dependents'."""
        await self._inventory.complete.wait()
        each = self._graph.get(uid)
        if each is None:
            return None
        if each.lets_go_of_dependents:
            await self._let_go(each)
        elif each.waits_for_dependents:
            await self._wait_for_dependents(each)
        else:
            await self._judge(each)
        return None

    async def _let_go(self, owner: Node) -> None:
        await self._hand.apply([_cut(each, {owner.uid}) for each in self._graph.dependents(owner.uid)])
        await self._hand.apply([_finalized(owner, ORPHAN)])

    async def _wait_for_dependents(self, owner: Node) -> None:
        dependents = list(self._graph.dependents(owner.uid))
        self._add(each for each in dependents if not each.is_leaving)
        if not any(_blocks(each, owner.uid) for each in dependents):
            await self._hand.apply([_finalized(owner, FOREGROUND)])

    async def _judge(self, each: Node) -> None:
        if each.is_leaving or not each.owners:
            return
        absent = frozenset({owner.uid for owner in each.owners if await self._is_absent(owner, each.namespace)})
        waiting = frozenset(owner.uid for owner in each.owners if self._waits(owner.uid))
        has_dependents = any(True for _ in self._graph.dependents(each.uid))
        writes: list[Write] = []
        match verdict(each, absent, waiting, has_dependents=has_dependents):
            case Collect(propagation):
                log.debug("collected", kind=str(each.kind), namespace=each.namespace, name=each.name)
                writes = [Remove(each.kind, each.namespace, each.name, each.uid, propagation)]
            case Keep(cut) if cut:
                writes = [_cut(each, cut)]
        await self._hand.apply(writes)

    def _waits(self, uid: str) -> bool:
        owner = self._graph.get(uid)
        return owner is not None and owner.waits_for_dependents

    async def _is_absent(self, owner: Owner, namespace: str) -> bool:
        """Is the owner gone for good? What we have not seen (yet) is looked up before anything is deleted."""
        if self._graph.get(owner.uid) is not None:
            return False
        if owner.uid in self._gone:
            return True
        try:
            found = await self._client.get(
                Kind(owner.api_version, owner.kind), namespace or None, owner.name, metadata_only=True
            )
        except KindNotServed:
            return False  # nobody can say; the day its kind is served, we look again
        except NotFound:
            found = {}
        absent = (found.get("metadata") or {}).get("uid") != owner.uid
        if absent:
            self._remember_gone(owner.uid)
        return absent


def _blocks(each: Node, uid: str) -> bool:
    return any(owner.uid == uid and owner.block_owner_deletion for owner in each.owners)


def _cut(each: Node, uids: Iterable[str]) -> Merge:
    """Remove owner references; the resourceVersion makes it fail if they have changed since."""
    gone = set(uids)
    kept = [_reference(owner) for owner in each.owners if owner.uid not in gone]
    return _metadata(each, {"ownerReferences": kept or None})


def _finalized(each: Node, finalizer: str) -> Merge:
    return _metadata(each, {"finalizers": [name for name in each.finalizers if name != finalizer] or None})


def _metadata(each: Node, fields: dict[str, Any]) -> Merge:
    lock = {"uid": each.uid, "resourceVersion": each.metadata.resource_version}
    return Merge(each.kind, each.namespace, each.name, {"metadata": {**lock, **fields}})


def _reference(owner: Owner) -> dict[str, Any]:
    fields = {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": owner.controller,
        "blockOwnerDeletion": owner.block_owner_deletion,
    }
    return {key: value for key, value in fields.items() if value is not None}
