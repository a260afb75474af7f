"""One container: started, probed, started again when it ends, stopped when its pod goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from davy.cluster.node import probes
from davy.cluster.node.environment import ConfigError
from davy.cluster.node.images import UnknownImageError
from davy.cluster.node.logs import Log
from davy.cluster.node.probes import Outcome
from davy.cluster.node.spawn import Process
from davy.cluster.node.states import Container, Ended, Running, Waiting
from davy.cluster.workloads.objects import Manifest
from davy.kube.errors import KubeError

FIRST_PAUSE = 1.0  # seconds before a second restart; the first one comes at once
LONGEST_PAUSE = 60.0  # seconds
GOOD_RUN = 60.0  # seconds after which earlier crashes are forgotten
CHUNK = 64 * 1024  # bytes
FAREWELL = 1.0  # seconds to read what an ended program has left in its pipe


class Surroundings(Protocol):
    """What a container needs of its pod and its node."""

    @property
    def pod(self) -> Manifest: ...
    @property
    def address(self) -> str: ...
    def now(self) -> datetime: ...
    async def start(self, container: Manifest) -> Process: ...
    async def run(self, container: Manifest, command: Sequence[str]) -> Process: ...
    def log(self, container: str, restarts: int) -> Log: ...
    def changed(self) -> None: ...
    def tell(self, reason: str, message: str, *, warning: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a container could not be started; `final` if trying again cannot help."""

    reason: str
    message: str
    final: bool = False


class Keeper:
    """Keeps one container as its spec asks; `state` says how it is."""

    def __init__(self, spec: Manifest, around: Surroundings, restarts: Callable[[int], bool]) -> None:
        self.spec, self.name = spec, str(spec["name"])
        self.state = Container(self.name, spec.get("image", ""))
        self._around, self._restarts = around, restarts
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self.is_leaving = False  # its pod is deleted: it serves on as it is until it is stopped
        self._pause = 0.0
        self.done = asyncio.Event()

    async def run(self) -> None:
        """Until the container has ended for good, or was stopped."""
        try:
            while not self._stopping.is_set():
                if not await self._once():
                    break
                await self._wait(self._pause)
        finally:
            self.done.set()

    async def stop(self, grace: float) -> None:
        """End it: what its spec says before, SIGTERM, and SIGKILL after `grace` seconds."""
        self._stopping.set()
        if (process := self._process) is not None:
            loop = asyncio.get_running_loop()
            deadline = loop.time() + grace
            await self._before_stop(grace)
            await process.stop(max(0.0, deadline - loop.time()))
        await self.done.wait()

    def kill(self) -> None:
        """End it without waiting for anything."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()

    async def _once(self) -> bool:
        """One run of the program; False if there is to be no other."""
        started = await self._started()
        if isinstance(started, Failure):
            self._be(state=Waiting(started.reason, started.message), ready=False, started=False)
            self._pause = self._longer()
            if started.final:
                await self._stopping.wait()
            return not started.final
        return await self._attend(started)

    async def _started(self) -> Process | Failure:
        try:
            return await self._around.start(self.spec)
        except UnknownImageError as error:
            self._around.tell("Failed", str(error), warning=True)
            return Failure("ImagePullBackOff", str(error), final=True)
        except (ConfigError, KubeError) as error:
            self._around.tell("Failed", f"Error: {error}", warning=True)
            return Failure("CreateContainerConfigError", str(error))
        except (OSError, ValueError) as error:
            self._around.tell("Failed", f"Error: {error}", warning=True)
            return Failure("RunContainerError", str(error))

    async def _attend(self, process: Process) -> bool:
        """From the start of a process to its end."""
        self._process = process
        if self._stopping.is_set():
            process.kill()
        since, loop = self._around.now(), asyncio.get_running_loop()
        began = loop.time()
        self._be(state=Running(since), started="startupProbe" not in self.spec, ready=not self._is_probed())
        self._around.tell("Started", f"Started container {self.name}")
        log = self._around.log(self.name, self.state.restarts)
        reading = asyncio.create_task(_copy(process, log))
        probing = asyncio.create_task(self._probe(process))
        try:
            status = await process.wait()
        finally:
            self._process = None
            probing.cancel()
            process.kill()
            await asyncio.gather(probing, return_exceptions=True)
            await asyncio.wait({reading}, timeout=FAREWELL)
            reading.cancel()
            log.close()
        return self._ended(Ended(status, since, self._around.now()), loop.time() - began)

    def _ended(self, ended: Ended, lasted: float) -> bool:
        again = self._restarts(ended.status) and not self._stopping.is_set()
        if not again:
            self._be(state=ended, ready=False, started=False)
            return False
        self._pause = 0.0 if lasted >= GOOD_RUN or not self.state.restarts else self._longer()
        restarts = self.state.restarts + 1
        why = f"back-off {self._pause:g}s restarting failed container {self.name} (exit status {ended.status})"
        waiting = Waiting("CrashLoopBackOff", why) if self._pause else Waiting()
        self._be(state=waiting, last=ended, ready=False, started=False, restarts=restarts)
        if self._pause:
            self._around.tell("BackOff", why, warning=True)
        return True

    def _longer(self) -> float:
        return min(LONGEST_PAUSE, max(FIRST_PAUSE, self._pause * 2))

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _be(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self._around.changed()

    # -- probes

    def _is_probed(self) -> bool:
        return "readinessProbe" in self.spec or "startupProbe" in self.spec

    async def _probe(self, process: Process) -> None:
        if "startupProbe" in self.spec and not await self._starts_up(process):
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_readiness())
            tasks.create_task(self._watch_liveness(process))

    async def _starts_up(self, process: Process) -> bool:
        async for outcome in self._verdicts("startupProbe", eager=True):
            if not outcome.ok:
                await self._give_up(process, "startup", outcome)
                return False
            break
        self._be(started=True, ready="readinessProbe" not in self.spec)
        return True

    async def _watch_readiness(self) -> None:
        if "readinessProbe" in self.spec:
            async for outcome in self._verdicts("readinessProbe", eager=True):
                if not self.is_leaving:
                    self._be(ready=outcome.ok)
                if not outcome.ok:
                    self._around.tell("Unhealthy", f"Readiness probe failed: {outcome.why}", warning=True)

    async def _watch_liveness(self, process: Process) -> None:
        if "livenessProbe" in self.spec:
            async for outcome in self._verdicts("livenessProbe", eager=False):
                if not outcome.ok:
                    await self._give_up(process, "liveness", outcome)
                    return

    def _verdicts(self, field: str, *, eager: bool) -> AsyncIterator[Outcome]:
        probe: Manifest = self.spec[field]

        async def run(command: Sequence[str]) -> Process:
            return await self._around.run(self.spec, command)

        attempt = probes.attempt(probe, self.spec, self._around.address, run)
        return probes.verdicts(attempt, probes.pace(probe), eager=eager)

    async def _give_up(self, process: Process, kind: str, outcome: Outcome) -> None:
        self._around.tell("Unhealthy", f"{kind.capitalize()} probe failed: {outcome.why}", warning=True)
        self._around.tell("Killing", f"Container {self.name} failed {kind} probe, will be restarted")
        await process.stop(self._around.pod["spec"].get("terminationGracePeriodSeconds", 30))

    # -- stopping

    async def _before_stop(self, grace: float) -> None:
        hook = (self.spec.get("lifecycle") or {}).get("preStop") or {}
        with contextlib.suppress(TimeoutError, OSError, ValueError):
            async with asyncio.timeout(grace):
                if "sleep" in hook:
                    await asyncio.sleep(hook["sleep"]["seconds"])
                elif "exec" in hook:
                    await self._run_to_end(hook["exec"]["command"])
                elif "httpGet" in hook:
                    await probes.http_get(hook["httpGet"], self.spec, self._around.address)

    async def _run_to_end(self, command: Sequence[str]) -> None:
        process = await self._around.run(self.spec, command)
        try:
            await process.wait()
        finally:
            process.kill()


async def _copy(process: Process, log: Log) -> None:
    while chunk := await process.output.read(CHUNK):
        log.write(chunk)
