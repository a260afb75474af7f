"""One recording: a control plane, the stand-ins, an operator, and the scenarios of one group side by side."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.oracle.kinds import Json, watched
from tests.oracle.kube import Kube
from tests.oracle.layout import laid_out
from tests.oracle.plane import Plane, Ports, Programs, definitions, install, status_fields
from tests.oracle.player import Player
from tests.oracle.recorder import Recorder
from tests.oracle.scenario import GROUPS, filled, places
from tests.oracle.servers import GLOBAL, Servers
from tests.oracle.workloads import Workloads

START_SECONDS = 4
"""Given to the operator before the first scenario begins."""
STAGGER_SECONDS = 0.25
GRACE_SECONDS = 20.0


class OperatorError(Exception):
    """The operator did not stay up; the text says where its log is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a recording is made with; see the options of `record`."""

    operator: str
    crds: Path
    out: Path
    work: Path
    programs: Programs
    ports: Ports
    own: str = ""
    own_crds: Path | None = None
    user: str = "operator"
    parallel: int = 70


class Recording:
    """One group's recording. Told of every change; a recorder per namespace under way."""

    def __init__(self, setting: Setting, group: str, tell: Callable[[str], None]) -> None:
        self._setting, self._group = setting, GROUPS[group]
        self._directory = setting.work / group
        self._name, self._listener = group, tell
        self._recorders: dict[str, Recorder] = {}
        self._fields = status_fields(setting.crds)

    def _tell(self, text: str) -> None:
        self._listener(f"[{self._name}] {text}")

    async def record(self, scenarios: list[Json]) -> None:
        """Plays all of them and writes a trace for each into `setting.out`. Raises OperatorError."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._setting.out.mkdir(parents=True, exist_ok=True)
        with Plane(self._directory, self._setting.programs, self._setting.ports, self._setting.user) as plane:
            async with AsyncExitStack() as stack:
                await self._furnish(plane, stack)
                with self._operator(plane) as process:
                    await asyncio.sleep(START_SECONDS)
                    self._expect(process)
                    await self._play_all(scenarios)
                    self._expect(process)

    async def _furnish(self, plane: Plane, stack: AsyncExitStack) -> None:
        """The API server with its kinds, the stand-ins, and a watch on each kind."""
        self._kube = await stack.enter_async_context(Kube(plane.url, plane.token, appmesh=self._group.appmesh))
        await plane.ready(self._kube)
        found = list(definitions(self._setting.crds, self._setting.own_crds, self._group.without))
        kinds = watched(await install(self._kube, found))
        await asyncio.gather(*(self._kube.served(kind) for kind in kinds))
        self._servers = Servers(self._setting.ports.servers)
        await self._servers.start()
        stack.push_async_callback(self._servers.close)
        self._workloads = Workloads(self._kube, self._tell)
        stack.push_async_callback(self._workloads.close)
        await self._watch(kinds, stack)
        self._tell(f"control plane ready, {len(found)} CRDs")

    async def _watch(self, kinds: list[str], stack: AsyncExitStack) -> None:
        tasks = [asyncio.create_task(self._kube.watch(kind, self._seen)) for kind in kinds]

        async def end() -> None:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result

        stack.push_async_callback(end)

    def _seen(self, kind: str, change: str, manifest: Json) -> None:
        self._workloads.seen(kind, change, manifest)
        recorder = self._recorders.get(self._namespace(kind, manifest))
        if recorder:
            recorder.seen(kind, change, manifest)

    def _namespace(self, kind: str, manifest: Json) -> str:
        """The scenario that an object belongs to; Kuma's routes have no namespace, but name their destinations'."""
        if kind != "TrafficRoute":
            return str(manifest["metadata"].get("namespace", ""))
        destinations = json.dumps(manifest["spec"].get("destinations", ""))
        return next((name for name in self._recorders if f"_{name}_" in destinations), "")

    @contextmanager
    def _operator(self, plane: Plane) -> Iterator[subprocess.Popen[bytes]]:
        """The operator as a process in a session of its own: whatever it starts ends with it."""
        words = self._words(plane)
        command = shlex.split(replaced(self._setting.operator, words))
        env = os.environ | {"KUBECONFIG": words["kubeconfig"], "METRICS_URL": words["metrics"]}
        with (self._directory / "operator.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self._directory, env=env, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            end(process)

    def _words(self, plane: Plane) -> dict[str, str]:
        """What stands for the words in braces of the operator's command."""
        where = places(self._servers.base, GLOBAL)
        settings = " ".join(filled(self._group.flags, where))
        kubeconfig, port = str(plane.kubeconfig), str(self._setting.ports.operator)
        standard = f"-kubeconfig={kubeconfig} -metrics-server={where['METRICS']} -port={port}"
        words = {"kubeconfig": kubeconfig, "metrics": where["METRICS"], "port": port, "settings": settings}
        return words | {"flags": f"{standard} {settings}"}

    def _expect(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            log = self._directory / "operator.log"
            last = log.read_text(errors="replace")[-2000:]
            raise OperatorError(f"the operator ended with {process.returncode}; the end of {log}:\n{last}")

    async def _play_all(self, scenarios: list[Json]) -> None:
        gate = asyncio.Semaphore(self._setting.parallel)
        async with asyncio.TaskGroup() as tasks:
            for each in scenarios:
                tasks.create_task(self._play(each, gate))
                await asyncio.sleep(STAGGER_SECONDS)

    async def _play(self, scenario: Json, gate: asyncio.Semaphore) -> None:
        async with gate:
            name = scenario["name"]
            recorder = self._recorders[name] = Recorder(name, self._fields, self._setting.own, self._kube.written)
            player = Player(scenario, self._kube, self._servers, recorder)
            began = time.monotonic()
            trace = await player.play()
            (self._setting.out / f"{name}.json").write_text(laid_out(trace) + "\n")
            last = trace["status"][-1].get("phase") if trace["status"] else None
            self._tell(f"{name}: {player.ended} ({time.monotonic() - began:.0f} s, last {last})")
            del self._recorders[name]
            await player.clear()


def replaced(text: str, words: Mapping[str, str]) -> str:
    """The text with each `{word}` replaced."""
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the process and its children, SIGKILL after GRACE_SECONDS; always reaps."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
