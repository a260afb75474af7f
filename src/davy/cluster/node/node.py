"""The node: takes every pod of the cluster, runs it here, and removes it when it is deleted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from random import Random

import structlog

from davy.cluster.node.addresses import Addresses
from davy.cluster.node.drain import PATIENCE, DrainGate
from davy.cluster.node.logs import Wish
from davy.cluster.node.pod import Means, Pod
from davy.cluster.node.registration import bind, register
from davy.cluster.node.spawn import Lifeline
from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.events import Events
from davy.cluster.workloads.kinds import POD
from davy.cluster.workloads.objects import Manifest, is_ended, is_leaving, name, namespace, uid
from davy.cluster.workloads.queue import Queue, work
from davy.cluster.workloads.writes import Hand
from davy.kube.client import Client
from davy.kube.errors import Conflict, NotFound
from davy.kube.objects import Object

log = structlog.get_logger("davy.cluster")
WORKERS = 4
LAST_GRACE = 2.0  # seconds that pods get when the node itself ends


class Node:
    """Runs pods. The caller runs `caches`, which may be shared with others, and keeps the node in an `async with`.

    directory: for working directories and logs. drain: seconds to wait for the gateway, 0 if there is none.
    """

    def __init__(
        self,
        client: Client,
        caches: Caches,
        directory: Path,
        *,
        now: Callable[[], datetime],
        random: Random,
        node: str = "davy",
        drain: float = PATIENCE,
    ) -> None:
        self._client, self._caches, self._name, self._now = client, caches, node, now
        self._events = Events(client, "davy-node", now)
        self._addresses = Addresses(random)
        self._lifeline = Lifeline()
        self._means = Means(
            client=client,
            caches=caches,
            hand=Hand(client, caches, self._events),
            events=self._events,
            addresses=self._addresses,
            lifeline=self._lifeline,
            gate=DrainGate(caches, drain),
            directory=directory,
            now=now,
        )
        self._pods: dict[str, Pod] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._queue: Queue[tuple[str, str]] = Queue()
        caches.subscribe(POD, self._changed)

    def _changed(self, changed: Object) -> None:
        now = self._caches.of(POD).get(changed.namespace, changed.name)
        if (pod := self._pods.get(changed.uid)) and (now is None or now.uid != changed.uid):
            pod.kill()
        self._queue.add((changed.namespace, changed.name))

    async def run(self) -> None:
        """Run pods for ever. When this ends, whatever the reason, so do all their processes."""
        try:
            await self._caches.synced()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._events.run())
                tasks.create_task(register(self._client, self._name, self._now))
                for _ in range(WORKERS):
                    tasks.create_task(work("node", self._queue, self.reconcile))
        finally:
            await self._end()

    async def reconcile(self, key: tuple[str, str]) -> float | None:
        """Bind, start, update or stop one pod."""
        manifest = self._caches.get(POD, *key)
        if manifest is None:
            return None
        if pod := self._pods.get(uid(manifest)):
            pod.update(manifest)
            if is_leaving(manifest):
                pod.stop(manifest["metadata"].get("deletionGracePeriodSeconds") or 0)
            return None
        match manifest["spec"].get("nodeName"):
            case None | "":
                await self._bind(manifest)
            case mine if mine == self._name:
                await self._take(manifest)
        return None

    async def _bind(self, manifest: Manifest) -> None:
        """The scheduler's part: there is one node, and it takes every pod."""
        if is_leaving(manifest) or manifest["spec"].get("schedulingGates"):
            return
        await bind(self._client, self._caches, manifest, self._name)

    async def _take(self, manifest: Manifest) -> None:
        if is_leaving(manifest):
            with contextlib.suppress(NotFound, Conflict):
                await self._client.delete(POD, namespace(manifest), name(manifest), uid=uid(manifest), grace=0)
            return
        if is_ended(manifest):
            return
        pod = self._pods[uid(manifest)] = Pod(manifest, self._means)
        task = self._tasks[uid(manifest)] = asyncio.create_task(pod.live())
        task.add_done_callback(lambda done: self._gone(uid(manifest), done))

    def _gone(self, of: str, task: asyncio.Task[None]) -> None:
        self._pods.pop(of, None)
        self._tasks.pop(of, None)
        if not task.cancelled() and (error := task.exception()):
            log.error("pod lost", uid=of, error=repr(error))

    async def _end(self) -> None:
        """The node's own end: pods get a short grace, and nothing is written any more."""
        pods, tasks = list(self._pods.values()), list(self._tasks.values())
        await asyncio.gather(*(pod.leave(LAST_GRACE) for pod in pods), return_exceptions=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lifeline.close()
        self._addresses.close()

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str = "",
        *,
        follow: bool = False,
        tail: int | None = None,
        previous: bool = False,
        timestamps: bool = False,
        since: datetime | None = None,
    ) -> AsyncIterator[bytes]:
        """The lines of a container's log, for the API server. Raises LookupError, in words for people."""
        found = self._caches.of(POD).get(namespace, pod)
        running = self._pods.get(found.uid) if found else None
        if running is None:
            raise LookupError(f"pod {namespace}/{pod} does not run on node {self._name}")
        wish = Wish(follow, tail, timestamps, since)
        async for line in running.read_log(container, wish, previous=previous):
            yield line
