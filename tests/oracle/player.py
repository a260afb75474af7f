"""Plays one scenario: creates its objects, takes the steps of its script, and waits for what the steps wait for."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import aiohttp
from tests.oracle.kinds import Json, kind_of
from tests.oracle.kube import Kube, RefusedError
from tests.oracle.recorder import Recorder
from tests.oracle.scenario import filled, places
from tests.oracle.servers import Servers

WORKLOAD_SECONDS = 3
"""Given to a workload before what follows it is created."""
PATIENCE_SECONDS = 120
WORKLOADS = ("Deployment", "DaemonSet", "Service@knative")
FIELDS = {"weight": "canaryWeight"}


class Mark(NamedTuple):
    """How long the record was at the last change that the script made."""

    status: int = 0
    events: int = 0
    hooks: int = 0


class Player:
    """One scenario on its way; `ended` is `ok` or what hindered its end."""

    def __init__(self, scenario: Json, kube: Kube, servers: Servers, recorder: Recorder) -> None:
        self.ended = "ok"
        self._scenario = scenario
        self._namespace: str = scenario["name"]
        self._kube, self._servers, self._recorder = kube, servers, recorder
        self._places = places(servers.base, self._namespace)
        self._mark = Mark()
        self._verbs: Mapping[str, Callable[[Json], Awaitable[None]]] = {
            "sleep": asyncio.sleep,
            "image": self._image,
            "metrics": self._metrics,
            "hooks": self._hooks,
            "patch": lambda step: self._kube.merge(step[0], self._namespace, step[1], step[2]),
            "create": lambda step: self._kube.create(step, self._namespace),
            "delete": lambda step: self._kube.delete(step[0], self._namespace, step[1]),
        }
        servers.values[self._namespace] = dict(scenario["metrics"])
        servers.answers[self._namespace] = dict(scenario["hooks"])

    async def play(self) -> Json:
        """From the empty namespace to the end of the settling; the trace."""
        try:
            await self._create()
            for number, step in enumerate(self._scenario["script"]):
                if not await self._step(step):
                    self.ended = f"step {number} ({json.dumps(step)}) not reached"
                    break
            await asyncio.sleep(self._scenario["settle"])
        except (RefusedError, aiohttp.ClientError, OSError) as error:
            self.ended = f"harness error: {error}"
        return self._recorder.trace(self._scenario, self.ended, self._calls, self._queries, self._places)

    async def clear(self) -> None:
        """Takes the canary away, whatever the operator thinks of it."""
        with suppress(RefusedError):
            await self._kube.merge("Canary", self._namespace, "app", {"metadata": {"finalizers": None}})
            await self._kube.delete("Canary", self._namespace, "app")

    @property
    def _calls(self) -> list[Json]:
        return self._servers.hooks.get(self._namespace, [])

    @property
    def _queries(self) -> list[str]:
        return self._servers.queries.get(self._namespace, [])

    async def _create(self) -> None:
        await self._kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": self._namespace}})
        for manifest in filled(self._scenario["objects"], self._places):
            manifest["metadata"]["namespace"] = self._namespace
            await self._kube.create(manifest, self._namespace)
            if kind_of(manifest) in WORKLOADS:
                await asyncio.sleep(WORKLOAD_SECONDS)

    async def _step(self, step: Json) -> bool:
        """Takes one step; whether what it waits for was reached."""
        [(verb, argument)] = filled(step, self._places).items()
        if verb == "wait":
            return await self._waited(dict(argument))
        if verb != "sleep":
            self._mark = Mark(len(self._recorder.status), len(self._recorder.messages), len(self._calls))
        await self._verbs[verb](argument)
        return True

    async def _image(self, tag: str) -> None:
        target = next(each for each in self._scenario["objects"] if each["kind"] == "Deployment")
        name = target["metadata"]["name"]
        live = await self._kube.get("Deployment", self._namespace, name)
        containers = live["spec"]["template"]["spec"]["containers"]
        containers[0]["image"] = f"registry.example/app:{tag}"
        template = {"template": {"spec": {"containers": containers}}}
        await self._kube.merge("Deployment", self._namespace, name, {"spec": template})

    async def _metrics(self, values: Json) -> None:
        self._servers.values[self._namespace].update(values)

    async def _hooks(self, answers: Json) -> None:
        self._servers.answers[self._namespace].update(answers)

    async def _waited(self, condition: Json) -> bool:
        """Whether it came true in time, and not after a release that was awaited had failed."""
        seconds = condition.pop("timeout", PATIENCE_SECONDS)
        [(what, value)] = condition.items()
        try:
            async with asyncio.timeout(seconds):
                while not self._met(what, value):
                    if value == "Succeeded" and self._lost():
                        return False
                    self._recorder.changed.clear()
                    await self._woken()
        except TimeoutError:
            return False
        return True

    async def _woken(self) -> None:
        """Until something changed, or a second has passed: calls of hooks tell nobody."""
        try:
            async with asyncio.timeout(1):
                await self._recorder.changed.wait()
        except TimeoutError:
            return

    def _met(self, what: str, value: Json) -> bool:
        match what:
            case "event":
                return any(value in message for message in self._recorder.messages[self._mark.events :])
            case "hook":
                return any(call["path"] == value for call in self._calls[self._mark.hooks :])
        field = FIELDS.get(what, what)
        return any(status.get(field) == value for status in self._recorder.status[self._mark.status :])

    def _lost(self) -> bool:
        phases = [status.get("phase") for status in self._recorder.status[self._mark.status :]]
        return "Progressing" in phases and phases[-1] == "Failed"
