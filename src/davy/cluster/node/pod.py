"""One pod on this node: its containers, its status in the API, and its orderly end."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from davy.cluster.node import images
from davy.cluster.node.addresses import Addresses
from davy.cluster.node.container import Keeper
from davy.cluster.node.drain import DrainGate
from davy.cluster.node.environment import Found, Source, content, environment, expand, sources
from davy.cluster.node.logs import Log, Wish
from davy.cluster.node.spawn import Lifeline, Process, spawn
from davy.cluster.node.states import restarts, status
from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.events import Events, Tell
from davy.cluster.workloads.kinds import CONFIG_MAP, POD, SECRET
from davy.cluster.workloads.objects import Manifest, changed, name, namespace, uid
from davy.cluster.workloads.writes import Hand, merge
from davy.kube.client import Client
from davy.kube.errors import KubeError, NotFound

KINDS = {"ConfigMap": CONFIG_MAP, "Secret": SECRET}
RETRY = 0.5  # seconds after which a refused status is written again


@dataclass(frozen=True, slots=True)
class Means:
    """What all pods of a node share."""

    client: Client
    caches: Caches
    hand: Hand
    events: Events
    addresses: Addresses
    lifeline: Lifeline
    gate: DrainGate
    directory: Path
    now: Callable[[], datetime]


class Pod:
    """Runs one pod. `update` it with newer versions of its manifest; `stop` it when it is deleted."""

    def __init__(self, manifest: Manifest, means: Means) -> None:
        self.pod = manifest
        self.address = means.addresses.take()
        self._means = means
        self._began = means.now()
        self._directory = means.directory / f"{namespace(manifest)}_{name(manifest)}_{uid(manifest)}"
        self._keepers = [Keeper(spec, self, self._restarts) for spec in manifest["spec"]["containers"]]
        self._logs: dict[str, list[Log]] = {}
        self._dirty = asyncio.Event()
        self._silent = False
        self._stop: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    # -- what containers see of it (Surroundings)

    def now(self) -> datetime:
        return self._means.now()

    def changed(self) -> None:
        self._dirty.set()

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        self._means.events.tell(Tell(self.pod, reason, message, "Warning" if warning else "Normal"))

    def log(self, container: str, restarts: int) -> Log:
        """A new log for a new run; that of the run before stays, older ones go."""
        runs = self._logs.setdefault(container, [])
        runs.append(Log(self._directory / container / f"{restarts}.log", self.now))
        for old in runs[:-2]:
            old.remove()
        del runs[:-2]
        return runs[-1]

    async def start(self, container: Manifest) -> Process:
        """Start a container's program. Raises UnknownImageError, ConfigError, OSError."""
        command, variables = await self._prepared(container)
        return await spawn(command, variables, self._place(container), self._means.lifeline)

    async def run(self, container: Manifest, command: Sequence[str]) -> Process:
        """Start a command beside a container's program, as a probe or a hook does."""
        _, variables = await self._prepared(container)
        return await spawn(command, variables, self._place(container), self._means.lifeline, quiet=True)

    async def _prepared(self, container: Manifest) -> tuple[list[str], dict[str, str]]:
        words = [*images.program(container), *(container.get("args") or ())]
        found = await self._found(container)
        given = environment(self.pod, container, self.address, found)
        variables = {**images.variables(container), **given}
        return [expand(word, variables) for word in words], variables

    async def _found(self, container: Manifest) -> Found:
        return {source: await self._read(source) for source in sources(container)}

    async def _read(self, source: Source) -> dict[str, str] | None:
        try:
            return content(await self._means.client.get(KINDS[source.kind], namespace(self.pod), source.name))
        except NotFound:
            return None

    def _place(self, container: Manifest) -> Path:
        """The directory it starts in."""
        self._directory.mkdir(parents=True, exist_ok=True)
        return Path(container.get("workingDir") or self._directory)

    def _restarts(self, ended: int) -> bool:
        return restarts(self.pod, ended)

    # -- its life

    def update(self, manifest: Manifest) -> None:
        """A newer version of the same pod."""
        self.pod = manifest
        if manifest["spec"].get("readinessGates"):
            self._dirty.set()

    def stop(self, grace: float) -> None:
        """The pod is deleted: end it in order."""
        if not self._stop.done():
            self._stop.set_result(grace)

    def kill(self) -> None:
        """End it at once: the object is gone, or the node is."""
        self.stop(0)
        for keeper in self._keepers:
            keeper.kill()

    async def leave(self, grace: float) -> None:
        """The node ends: stop the programs, and write no more."""
        self._silent = True
        await asyncio.gather(*(keeper.stop(grace) for keeper in self._keepers))

    async def live(self) -> None:
        """From its start until it has been stopped and its object is gone."""
        publishing = asyncio.create_task(self._publish())
        running = [asyncio.create_task(keeper.run()) for keeper in self._keepers]
        try:
            grace = await self._stop
            await self._end(grace)
            publishing.cancel()
            await self._remove()
        finally:
            for task in (publishing, *running):
                task.cancel()
            for keeper in self._keepers:
                keeper.kill()
            await asyncio.gather(publishing, *running, return_exceptions=True)
            self._means.addresses.give_back(self.address)
            shutil.rmtree(self._directory, ignore_errors=True)

    async def _end(self, grace: float) -> None:
        for keeper in self._keepers:
            keeper.is_leaving = True
        if not await self._means.gate.passed(self.pod):
            self.tell("DrainTimeout", "the gateway has not let go of this pod in time; it is stopped", warning=True)
        for keeper in self._keepers:
            self.tell("Killing", f"Stopping container {keeper.name}")
        await asyncio.gather(*(keeper.stop(grace) for keeper in self._keepers))

    async def _remove(self) -> None:
        client = self._means.client
        while True:
            try:
                await client.delete(POD, namespace(self.pod), name(self.pod), uid=uid(self.pod), grace=0)
                return
            except NotFound:
                return
            except KubeError as error:
                if error.status == 409:  # another pod of this name
                    return
                await asyncio.sleep(RETRY)

    async def _publish(self) -> None:
        """Write the status whenever it has changed; changes that come together are written together."""
        self._dirty.set()
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self._write()
            except KubeError:
                await asyncio.sleep(RETRY)
                self._dirty.set()

    async def _write(self) -> None:
        states = [keeper.state for keeper in self._keepers]
        if self._silent or self._is_just_starting():
            return
        new = status(self.pod, states, self.address, self._began, self._means.now())
        if changes := changed(self.pod.get("status") or {}, {**(self.pod.get("status") or {}), **new}):
            await self._means.hand.apply(
                [merge(self.pod, {"metadata": {"uid": uid(self.pod)}, "status": changes}, "status")]
            )

            self._catch_up()

    def _catch_up(self) -> None:
        """Our own write is in the cache at once; what is written next is compared with it."""
        now = self._means.caches.get(POD, namespace(self.pod), name(self.pod))
        if now and uid(now) == uid(self.pod):
            self.pod = now

    def _is_just_starting(self) -> bool:
        """Before the first process is there (a matter of milliseconds) there is nothing to tell."""
        return all(keeper.state.is_new for keeper in self._keepers)

    # -- its logs

    async def read_log(self, container: str, wish: Wish, *, previous: bool = False) -> AsyncIterator[bytes]:
        """The lines of a container's log. Raises LookupError, in words for people."""
        names = [keeper.name for keeper in self._keepers]
        chosen = container or names[0]
        if chosen not in names:
            raise LookupError(f"container {chosen} is not valid for pod {name(self.pod)}; it has {', '.join(names)}")
        runs = self._logs.get(chosen, [])
        if previous and len(runs) < 2:
            raise LookupError(f'previous terminated container "{chosen}" in pod "{name(self.pod)}" not found')
        for run in runs[-2:-1] if previous else runs[-1:]:
            async for line in run.read(wish):
                yield line
