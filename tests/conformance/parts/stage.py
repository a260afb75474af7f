"""A real control plane with simulated pods, metrics and hooks, and scenes on it: one namespace each."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from tests.conformance.parts.control_plane import ControlPlane
from tests.conformance.parts.knative import Knative
from tests.conformance.parts.pods import POD, Pods
from tests.conformance.parts.processes import free_ports
from tests.conformance.parts.witness import CANARY, Account, Witness
from tests.oracle.servers import Servers

from davy.controller.process import operator
from davy.kube.client import Client
from davy.kube.config import Config, load_config
from davy.kube.kinds import Kind
from davy.settings import Settings

DEPLOYMENT = Kind("apps/v1", "Deployment")
DAEMON_SET = Kind("apps/v1", "DaemonSet")
SERVICE = Kind("v1", "Service")
WORKLOADS = {DEPLOYMENT: "replicas", DAEMON_SET: "currentNumberScheduled"}
"""Field of the status that counts their pods."""
KINDS = (CANARY, DEPLOYMENT, DAEMON_SET, SERVICE, POD, Kind("v1", "ConfigMap"), Kind("v1", "Secret"))
"""Kinds that every stage watches."""
FLAGGER = "flagger"
PERSON = "kubectl-client-side-apply"
INTERVAL = timedelta(seconds=1)
"""The analysis interval of every canary on a stage."""
PATIENCE = 60.0
"""Seconds until something awaited counts as never coming; a machine under load is slow."""

Manifest = dict[str, Any]

UNSUPPORTED = "not supported by this version of Davy yet"

numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Operator:
    """A Davy at work."""

    url: str

    async def metrics(self) -> Mapping[str, float]:
        """The sum of each of its series, by name."""
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(await self._text("metrics")):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    async def readiness(self) -> tuple[int, str]:
        """What /readyz answers."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/readyz") as answer:
            return answer.status, await answer.text()

    async def _text(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/{path}") as answer:
            return await answer.text()


@dataclass(frozen=True, slots=True)
class Scene:
    """One namespace, what people and Flagger do in it, and what was seen to happen."""

    stage: "Stage"
    namespace: str
    seen: Account

    @property
    def metrics(self) -> str:
        return f"{self.stage.servers.base}/prom/{self.namespace}"

    @property
    def hooks(self) -> str:
        return f"{self.stage.servers.base}/hook/{self.namespace}"

    def filled(self, manifest: Any) -> Any:
        """With the addresses of this scene in place of ${METRICS}, ${HOOKS} and ${NS}."""
        text = json.dumps(manifest)
        for name, value in {"METRICS": self.metrics, "HOOKS": self.hooks, "NS": self.namespace}.items():
            text = text.replace(f"${{{name}}}", value)
        return json.loads(text)

    async def create(self, manifest: Manifest, *, manager: str = PERSON) -> Manifest:
        """Makes it, in this namespace, with this field manager (by POST)."""
        made = self.filled(manifest)
        made["metadata"]["namespace"] = self.namespace
        return await self.stage.by(manager).create(made)

    async def get(self, kind: Kind, name: str) -> Manifest:
        return await self.stage.person.get(kind, self.namespace, name)

    async def all(self, kind: Kind) -> list[Manifest]:
        return list((await self.stage.person.list(kind, self.namespace)).items)

    async def edit(self, kind: Kind, name: str, body: Manifest) -> Manifest:
        """`kubectl patch --type merge`."""
        return await self.stage.person.patch(kind, self.namespace, name, self.filled(body), content="merge")

    async def delete(self, kind: Kind, name: str) -> None:
        await self.stage.person.delete(kind, self.namespace, name)

    async def status(self, name: str = "app") -> Manifest:
        """The canary's status."""
        found = await self.get(CANARY, name)
        shown: Manifest = found.get("status") or {}
        return shown

    async def reached(self, *phases: str, name: str = "app", within: float = PATIENCE) -> Manifest:
        """Waits until the canary is in one of these phases; its status then."""
        return await self.seen.until(
            lambda: status if (status := self.seen.status(name)).get("phase") in phases else None,
            why=lambda: f"{self.namespace}: {name} is not {' or '.join(phases)} but {self.seen.status(name)}",
            within=within,
        )

    async def settled(self, seconds: float = 1.0) -> None:
        """Waits until the workloads' own controllers have done their work, and nothing is written for a while."""
        await self.seen.until(
            lambda: not self._unfinished(), within=PATIENCE, why=lambda: f"{self.namespace}: {self._unfinished()}"
        )
        await self.seen.quiet(seconds, within=PATIENCE)

    def _unfinished(self) -> list[str]:
        """Workloads whose controllers have pods to make or to take away; a rollout that is stuck is none."""
        found = []
        for (kind, name), manifest in self.seen.now().items():
            if kind in WORKLOADS:
                status, pods = manifest.get("status") or {}, self._pods(manifest)
                there = status.get(WORKLOADS[kind], 0)
                wanted = manifest["spec"].get("replicas", there)
                missed = status.get("observedGeneration", 0) < manifest["metadata"]["generation"]
                if missed or pods != there or there < wanted or (wanted == 0 and there):
                    found.append(f"{kind.kind}/{name} has {pods} pods and tells of {there}; {wanted} are wanted")
        return found

    def _pods(self, workload: Manifest) -> int:
        labels = workload["spec"]["selector"]["matchLabels"].items()
        pods = (each for (kind, _), each in self.seen.now().items() if kind == POD)
        return sum(labels <= (each["metadata"].get("labels") or {}).items() for each in pods)

    async def looked_at(self, name: str = "app") -> str:
        """Waits until Davy has looked at the canary (or has let it go); what it cannot do yet, or nothing."""
        await self.seen.until(
            lambda: self.seen.get(CANARY, name) is None or "observedGeneration" in self.seen.status(name),
            within=PATIENCE,
            why=lambda: f"{self.namespace}: Davy has not looked at the canary",
        )
        conditions = self.seen.status(name).get("conditions") or ()
        return next((each["message"] for each in conditions if UNSUPPORTED in each["message"]), "")

    @asynccontextmanager
    async def operator(self, **settings: Any) -> AsyncIterator[Operator]:
        """Davy, at work in this namespace only."""
        given = Settings(namespace=self.namespace, metrics_server=self.metrics, minimum_interval=INTERVAL, **settings)
        with alone():
            async with (
                Client(self.stage.config) as client,
                operator(client, given, clock=now, host="127.0.0.1") as port,
            ):
                yield Operator(f"http://127.0.0.1:{port}")


@contextmanager
def alone() -> Iterator[None]:
    """A single error that a task group has wrapped comes out as it is."""
    try:
        yield
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        raise group.exceptions[0] from None


@dataclass(frozen=True, slots=True)
class Stage:
    """What all scenes share."""

    plane: ControlPlane
    config: Config
    person: Client
    """Somebody with kubectl."""
    flagger: Client
    """Whatever it writes looks like Flagger's: manager `flagger`, operation Update."""
    servers: Servers
    """What metrics servers and webhook receivers answer, by namespace."""
    pods: Pods
    witness: Witness

    @asynccontextmanager
    async def scene(self, name: str) -> AsyncIterator[Scene]:
        """A fresh namespace of that name (and a number)."""
        namespace = f"{name}-{next(numbers)}"
        await self.person.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        try:
            yield Scene(self, namespace, self.witness.follow(namespace))
        finally:
            self.witness.leave(namespace)

    def by(self, manager: str) -> Client:
        return self.flagger if manager == FLAGGER else self.person


@asynccontextmanager
async def stage(plane: ControlPlane, kinds: Iterable[Kind]) -> AsyncIterator[Stage]:
    """`kinds`: those of providers, which must be served already."""
    config = load_config(str(plane.kubeconfig))
    async with AsyncExitStack() as stack:
        person = await stack.enter_async_context(Client(config, manager=PERSON))
        flagger = await stack.enter_async_context(Client(config, manager=FLAGGER))
        [port] = free_ports(1)
        servers = Servers(port)
        await servers.start()
        stack.push_async_callback(servers.close)
        pods, witness = Pods(person), Witness(person, (*KINDS, *kinds))
        tasks = [asyncio.create_task(work.run()) for work in (pods, witness, Knative(person))]
        stack.push_async_callback(ended, tasks)
        await witness.synced()
        yield Stage(plane, config, person, flagger, servers, pods, witness)


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def now() -> datetime:
    return datetime.now(UTC)
