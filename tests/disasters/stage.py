"""A whole cluster in one process on one virtual clock: API server, controllers, gateway, the real operator, and a
probe.

Time passes only while nothing else can happen (see `clock`): sockets on loopback are served at
once.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from tests.disasters.autoscalers import Autoscalers
from tests.disasters.gateway import ROUTES, Gateway, Traits
from tests.disasters.manifests import APP, NAMESPACE, PRIMARY, canary, definitions, deployment, keda
from tests.disasters.outside import Outside, outside
from tests.disasters.plane import OPERATOR, PEOPLE, Luck, Plane, Written
from tests.disasters.pods import tag_of
from tests.disasters.probe import SERVICES, Probe
from tests.disasters.workloads import DAEMONS, DEPLOYMENTS, Collector, Workloads

from davy.api.schema import crds
from davy.controller.process import operator
from davy.kube.client import Client
from davy.kube.config import Config
from davy.kube.errors import KubeError
from davy.kube.kinds import Kind as Kind
from davy.settings import Settings

Manifest = dict[str, Any]
T = TypeVar("T")

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
CANARY = Kind("flagger.app/v1beta1", "Canary")
DEPLOYMENT = Kind("apps/v1", "Deployment")
SERVICE = Kind("v1", "Service")
CANARIES = "canaries.flagger.app"
OWNED = {
    CANARIES: CANARY,
    DEPLOYMENTS: DEPLOYMENT,
    DAEMONS: Kind("apps/v1", "DaemonSet"),
    SERVICES: SERVICE,
    ROUTES: Kind("gateway.networking.k8s.io/v1", "HTTPRoute"),
    "horizontalpodautoscalers.autoscaling": Kind("autoscaling/v2", "HorizontalPodAutoscaler"),
    "scaledobjects.keda.sh": Kind("keda.sh/v1alpha1", "ScaledObject"),
    "configmaps": Kind("v1", "ConfigMap"),
    "secrets": Kind("v1", "Secret"),
}
"""Collections that tell the story."""
PATIENCE = 600.0
"""Virtual seconds until something awaited counts as never coming."""


class Stage:
    """What the tests act on. Reads are of the server's store: the truth of this very moment."""

    def __init__(self, plane: Plane, person: Client, beyond: Outside, settings: Settings) -> None:
        self.plane = plane
        self.person = person
        self.outside = beyond
        self.settings = settings
        self.probe: Probe
        self.workloads: Workloads
        self.scalers: Autoscalers
        self.gateway: Gateway
        self.tolerated: float | None = 0.0
        """Seconds that a gap may last which the operator has not made; None: any time."""
        self.skew = 0.0
        """Seconds by which the operator's clock is ahead of the cluster's."""
        self.port = 0
        """Of the operator's own endpoints."""
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._operator: asyncio.Task[None] | None = None

    # -- time

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self._loop.time()

    def clock(self) -> datetime:
        return BEGIN + timedelta(seconds=self._loop.time())

    def _skewed(self) -> datetime:
        return self.clock() + timedelta(seconds=self.skew)

    async def passes(self, seconds: float) -> None:
        """Time passes."""
        await asyncio.sleep(seconds)

    def change(self, written: Written | None = None) -> None:
        """Something has changed: whoever waits looks again."""
        self._changed.set()

    async def until(self, look: Callable[[], T], within: float = PATIENCE) -> T:
        """What `look` finds, as soon as it finds something. Raises AssertionError when patience ends."""
        end = self.now + within
        while not (found := look()):
            self._changed.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._changed.wait()
            except TimeoutError:
                raise AssertionError(f"never came, in {within:g} s; {self.words()}") from None
        return found

    async def reached(self, *phases: str, within: float = PATIENCE, name: str = APP) -> Manifest:
        """Waits until the canary is in one of these phases; its status then."""
        await self.until(lambda: self.status(name).get("phase") in phases, within)
        return self.status(name)

    async def ended(self, phase: str, within: float = PATIENCE) -> Manifest:
        """Waits until the run is over, its last effect included, and ended so."""
        await self.until(lambda: self.phase == phase and bool(self.status().get("runEndedAt")), within)
        return self.status()

    async def at(self, weight: int = 0, iterations: int = 0, within: float = PATIENCE) -> None:
        """Waits until the canary has this weight, or so many iterations, and the gateway follows."""
        await self.until(
            lambda: self.status().get("canaryWeight", 0) >= weight and self.status().get("iterations", 0) >= iterations,
            within,
        )
        if weight and self.exists(ROUTES, APP):
            await self.until(lambda: self.weight_in_force == weight, within)

    async def quiet(self, seconds: float) -> list[Written]:
        """Lets time pass; what the operator wrote meanwhile, Events apart."""
        before = len(self.plane.written)
        await self.passes(seconds)
        return [each for each in self.plane.written[before:] if each.by == OPERATOR]

    # -- what there is

    def status(self, name: str = APP) -> Manifest:
        found = self.plane.get(CANARIES, NAMESPACE, name)
        status: Manifest = (found or {}).get("status") or {}
        return status

    @property
    def phase(self) -> str:
        return str(self.status().get("phase", ""))

    def condition(self, kind: str, name: str = APP) -> Manifest:
        found = self.status(name).get("conditions") or ()
        return next((each for each in found if each["type"] == kind), {})

    @property
    def outcome(self) -> str:
        """What became of the last command."""
        return str((self.status().get("command") or {}).get("outcome", ""))

    def words(self) -> str:
        """What the canary says of itself, for whoever has to find out why."""
        return f"{self.phase} {self.status().get('canaryWeight', 0)} %: {self.status().get('message')}"

    def workload(self, name: str) -> Manifest:
        found = self.plane.get(DEPLOYMENTS, NAMESPACE, name) or self.plane.get(DAEMONS, NAMESPACE, name)
        assert found is not None, f"there is no workload {name}"
        return found

    def replicas(self, name: str) -> int:
        return int(self.workload(name)["spec"].get("replicas", 1))

    def tag(self, name: str) -> str:
        return tag_of(self.workload(name)["spec"]["template"])

    def exists(self, collection: str, name: str) -> bool:
        return self.plane.get(collection, NAMESPACE, name) is not None

    @property
    def weight_in_force(self) -> int:
        """Share of the canary, as the gateway's proxies have it."""
        return weight_of(self.gateway.in_force.get((NAMESPACE, APP)))

    @property
    def weight_written(self) -> int:
        """Share of the canary, as the route says it."""
        return weight_of(self.plane.get(ROUTES, NAMESPACE, APP))

    def selects(self, service: str = APP) -> str:
        """The app's label that the Service selects."""
        found = self.plane.get(SERVICES, NAMESPACE, service)
        return str(((found or {}).get("spec", {}).get("selector") or {}).get("app", ""))

    def said(self, kind: str = "") -> list[str]:
        """The sentences of all Events (of that type) about canaries, oldest first, each as often as it was told."""
        events = [each.manifest for each in sorted(self.plane.items("events").values(), key=lambda each: each.revision)]
        wanted = [each for each in events if kind in ("", each["type"])]
        return [each["message"] for each in wanted for _ in range(each.get("count", 1))]

    def by_operator(self, what: str) -> list[Written]:
        """The operator's writes to one object, as `deployments.apps/app`."""
        return [each for each in self.plane.written if each.by == OPERATOR and each.what == what]

    def runs_started(self, name: str = APP) -> int:
        """How many analyses have begun."""
        starts = {
            (each.event.entry.manifest.get("status") or {}).get("runStartedAt")
            for each in self.plane.written
            if each.what == f"{CANARIES}/{name}"
        }
        return len(starts - {None})

    def story(self) -> Iterator[str]:
        """All that was written, for whoever has to find out why."""
        for each in self.plane.written:
            manifest = each.event.entry.manifest
            spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
            told = {
                "replicas": spec.get("replicas"),
                "selects": spec.get("selector"),
                "ready": status.get("readyReplicas"),
            }
            told |= {name: status.get(name) for name in ("phase", "canaryWeight", "iterations", "message")}
            shown = " ".join(f"{name}={value}" for name, value in told.items() if value is not None)
            second = (each.at - BEGIN).total_seconds()
            yield f"{second:9.2f} {each.by:8} {each.event.type:8} {each.what} {shown}"

    # -- what people do

    async def create(self, *manifests: Manifest) -> None:
        for manifest in manifests:
            await self.person.create(manifest)

    async def release(self, tag: str, name: str = APP) -> None:
        """`kubectl set image`."""
        template = deployment(tag, name=name)["spec"]["template"]
        body = {"spec": {"template": {"spec": {"containers": template["spec"]["containers"]}}}}
        await self.person.patch(DEPLOYMENT, NAMESPACE, name, body, content="merge")

    async def edit(self, body: Manifest, kind: Kind = CANARY, name: str = APP) -> None:
        """`kubectl patch --type merge`."""
        await self.person.patch(kind, NAMESPACE, name, body, content="merge")

    async def command(self, text: str) -> None:
        """A human's command to the release."""
        await self.edit({"metadata": {"annotations": {"davy.dev/command": text}}})

    async def scale(self, name: str, replicas: int) -> None:
        await self.person.scale(DEPLOYMENT, NAMESPACE, name, replicas)

    async def delete(self, kind: Kind = CANARY, name: str = APP, propagation: str | None = None) -> None:
        await self.person.delete(kind, NAMESPACE, name, propagation=propagation)

    # -- the operator

    async def start(self) -> None:
        """The operator starts, knowing nothing, and works."""
        begun = asyncio.Event()
        self._operator = asyncio.create_task(self._operate(begun))
        await begun.wait()

    async def stop(self) -> None:
        """It dies at once, wherever it is."""
        if self._operator is not None:
            self._operator.cancel()
            with suppress(asyncio.CancelledError):
                await self._operator

    async def restart(self, away: float = 0.0) -> None:
        await self.stop()
        await self.passes(away)
        await self.start()

    async def _operate(self, begun: asyncio.Event) -> None:
        while True:
            life = asyncio.create_task(self._live(begun))
            self.plane.crashed = partial(dies, life)
            try:
                await asyncio.wait([life])
                if not life.cancelled():
                    life.result()
            finally:
                await ended([life])

    async def _live(self, begun: asyncio.Event) -> None:
        async with (
            Client(Config(server=self.plane.url), user_agent=OPERATOR) as client,
            operator(client, self.settings, clock=self._skewed, host="127.0.0.1") as self.port,
        ):
            begun.set()
            await asyncio.get_running_loop().create_future()

    def unlucky(self, luck: Luck, *numbers: int) -> None:
        """These of the operator's next writes meet with bad luck."""
        first = self.plane.attempts
        wanted = {first + number for number in numbers}
        self.plane.luck = lambda number: luck if number in wanted else None


def dies(life: asyncio.Task[None]) -> None:
    life.cancel()


def weight_of(route: Manifest | None) -> int:
    """The canary's weight in the last rule that has both sides."""
    for rule in reversed((route or {}).get("spec", {}).get("rules") or ()):
        weights = {each["name"]: each.get("weight", 1) for each in rule.get("backendRefs") or ()}
        if f"{APP}-canary" in weights:
            return int(weights[f"{APP}-canary"])
    return 0


async def ended(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def stage(
    *, gateway: Traits | None = None, tolerated: float | None = 0.0, apps: tuple[str, ...] = (APP,), **settings: Any
) -> AsyncIterator[Stage]:
    """The cluster without an app and with no operator yet. At the end the probe must have seen no gap that counts."""
    async with AsyncExitStack() as stack:
        beyond = await stack.enter_async_context(outside())
        given = Settings(
            **{
                "metrics_server": beyond.url,
                "slack_url": f"{beyond.url}/hook/alerts",
                "slack_channel": "general",
                **settings,
            }
        )
        loop = asyncio.get_running_loop()
        plane = await stack.enter_async_context(Plane(lambda: BEGIN + timedelta(seconds=loop.time())))
        stack.callback(gc.unfreeze)
        config = Config(server=plane.url)
        person = await stack.enter_async_context(Client(config, manager=PEOPLE, user_agent=PEOPLE))
        cluster = await stack.enter_async_context(Client(config, manager="cluster", user_agent="cluster"))
        made = Stage(plane, person, beyond, given)
        made.tolerated = tolerated
        await made.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        await made.create(*crds(), *definitions(), keda())
        works = furnished(made, plane, cluster, gateway or Traits(), apps)
        tasks = [asyncio.create_task(work) for work in works]
        stack.push_async_callback(ended, tasks)
        stack.push_async_callback(made.stop)
        beyond.reading = by_tag(made, {})
        try:
            yield made
        except BaseException:
            sys.stdout.write("\n".join(made.story()))
            raise
        assert not (gaps := made.probe.verdict(made.tolerated)), f"requests failed: {gaps}; {made.words()}"


def furnished(
    made: Stage, plane: Plane, client: Client, traits: Traits, apps: tuple[str, ...]
) -> tuple[Coroutine[Any, Any, None], ...]:
    """The controllers of the cluster, and the probe."""
    plane.follow(*OWNED, "namespaces")

    def moved() -> None:
        made.probe.look()
        made.change()

    made.probe = Probe(plane, lambda: made.now)
    made.probe.apps = [(NAMESPACE, app) for app in apps]
    made.workloads = made.probe.workloads = Workloads(plane, client, BEGIN, moved)
    made.gateway = made.probe.gateway = Gateway(plane, client, traits, moved)
    made.scalers = Autoscalers(plane, client)
    collector = Collector(plane, client, OWNED)
    for collection in (*OWNED, "events", "namespaces", "customresourcedefinitions.apiextensions.k8s.io"):
        plane.hear(collection, made.change)
    return made.workloads.run(), made.gateway.run(), made.scalers.run(), collector.run()


def by_tag(made: Stage, readings: dict[str, float]) -> Callable[[str], Any]:
    """A success rate by the tag that the target carries: 100 unless given; `none…`: no data; `err…`: no answer."""

    def reading(query: str) -> Any:
        tag = made.tag(APP)
        if tag.startswith("none"):
            return None
        return "this is no JSON" if tag.startswith("err") else readings.get(tag, 100.0)

    return reading


@asynccontextmanager
async def running(
    provider: str = "gatewayapi:v1",
    analysis: Manifest | None = None,
    *,
    tag: str = "1.0",
    replicas: int = 2,
    readings: dict[str, float] | None = None,
    before: tuple[Manifest, ...] = (),
    gateway: Traits | None = None,
    tolerated: float | None = 0.0,
    settings: Manifest | None = None,
    strategy: Manifest | None = None,
    **spec: Any,
) -> AsyncIterator[Stage]:
    """The stage with one app whose canary is initialized, and the operator at work."""
    async with stage(gateway=gateway, tolerated=tolerated, **(settings or {})) as made:
        made.outside.reading = by_tag(made, readings or {})
        app = deployment(tag, replicas)
        app["spec"] |= {"strategy": strategy} if strategy else {}
        await made.create(app, *before)
        await made.until(lambda: made.workloads.ready(APP) == replicas)
        await made.create(canary(provider, analysis, **spec))
        await made.start()
        await made.reached("Initialized")
        yield made


__all__ = ["PRIMARY", "KubeError", "Luck", "Stage", "running", "stage"]
