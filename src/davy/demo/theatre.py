"""The real stage: an embedded cluster, the operator and the load generator as processes beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from davy.api.ref import Manifest
from davy.api.schema import crds
from davy.cluster.cluster import Cluster, ClusterError
from davy.demo import commands, figures
from davy.demo.company import Company, Process
from davy.demo.errors import DemoFailed
from davy.demo.load.tally import Progress
from davy.demo.load.target import Target
from davy.demo.manifests import NAMESPACE, PORT, App, Release, released
from davy.demo.options import Rates
from davy.demo.ports import free_port
from davy.demo.scene import Scene
from davy.demo.seen import ServiceSeen
from davy.demo.summary import Figures
from davy.demo.watching import CANARY, caches
from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.config import load_config
from davy.kube.kinds import Kind

DEPLOYMENT = Kind("apps/v1", "Deployment")
SERVICE = Kind("v1", "Service")
OPERATOR, LOAD = "operator", "load generator"


class Theatre:
    """A Stage of real parts. `port`: of 127.0.0.1, where the Gateway listens."""

    def __init__(self, scene: Scene, cluster: Cluster, client: Client, company: Company, rates: Rates) -> None:
        self.scene = scene
        self.cluster = cluster
        self.port = cluster.gateway_port
        self._client = client
        self._company = company
        self._rates = rates
        self._defined = asyncio.Event()  # there are Canaries in this cluster
        self._operator: Process | None = None
        self._command: list[str] = []  # the operator's
        self._load: Process | None = None

    async def apply(self, manifest: Manifest) -> None:
        """Server-side apply, as `kubectl apply --server-side`."""
        await self._client.apply(manifest)

    async def install(self) -> None:
        """The definitions of Davy's kinds, and the operator."""
        for crd in crds():
            await self._client.create(crd)
        self._defined.set()
        self._command = commands.operator(
            kubeconfig=str(self.cluster.kubeconfig), metrics_server=self.cluster.prometheus_url, port=free_port()
        )
        self._operator = await self._company.start(OPERATOR, self._command)

    def excuse_operator(self) -> None:
        """From now on the play can do without the operator."""
        self._company.excuse(OPERATOR)

    async def operator_lost(self) -> tuple[int, list[str]]:
        """Wait until the operator has ended: its status, and the command that starts it again."""
        assert self._operator is not None
        return await self._operator.wait(), self._command

    async def open_doors(self) -> None:
        """Start the load generator, which sends nothing yet."""
        self._load = await self._company.start(LOAD, commands.load(self.scene.clock()), piped=True)
        self._company.beside(self._listen(self._load))

    async def release(self, app: App, release: Release) -> None:
        """Change the app's Deployment to another release."""
        await self._client.patch(DEPLOYMENT, NAMESPACE, app.name, released(release), content="strategic")

    async def entrance(self, app: App) -> Target:
        """Where the app's users send their requests: through the Gateway, or to the app's Service."""
        if not app.routed:
            return await self._service(app.name, self._rates.service)
        return Target(app.name, "127.0.0.1", self.port, app.host, self._rates.gateway)

    async def side_door(self, app: App) -> Target:
        """The app's canary Service."""
        return await self._service(app.canary_service, self._rates.trial)

    async def _service(self, name: str, rate: float) -> Target:
        service = await self._client.get(SERVICE, NAMESPACE, name, type=ServiceSeen)
        return Target(name, service.spec.cluster_ip, PORT, f"{name}.{NAMESPACE}", rate)

    def aim(self, target: Target) -> None:
        """From now on, load this target at its rate."""
        self._orders.write(msgspec.json.encode(target) + b"\n")

    async def close_doors(self) -> None:
        """End the load; returns when every answer is in."""
        self._orders.close()
        await self.scene.until(lambda: self.scene.load.ended or None, 15.0, "the load generator's last count")

    @property
    def _orders(self) -> asyncio.StreamWriter:
        assert self._load is not None
        assert self._load.stdin is not None
        return self._load.stdin

    async def _listen(self, load: Process) -> None:
        assert load.stdout is not None
        async for line in load.stdout:
            self.scene.take_load(msgspec.json.decode(line, type=Progress))
        if not self.scene.load.ended:
            await self._company.early(load, LOAD)

    def watchers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What must go on beside the play; whatever it raises ends the play."""
        for cache in caches(self._client, self.scene):
            yield cache.run() if cache.kind != CANARY else self._once_defined(cache)
        yield self._company.broken()

    async def _once_defined(self, cache: Cache) -> None:
        await self._defined.wait()
        await cache.run()

    def figures(self) -> Figures:
        """What was measured by the way."""
        return Figures(
            api_server=self.cluster.api_server_up,
            first_pod=self.scene.first_pod,
            cluster_memory=figures.memory(os.getpid()),
            operator_memory=figures.memory(self._operator.pid) if self._operator else 0.0,
        )

    def last_words(self) -> tuple[str, ...]:
        """The end of the operator's log."""
        return self._company.last_words(OPERATOR) if self._operator else ()


@asynccontextmanager
async def theatre(scene: Scene, directory: Path, *, port: int, rates: Rates) -> AsyncIterator[Theatre]:
    """The stage with nothing on it but the cluster; ends all parts afterwards. Raises DemoFailed."""
    try:
        async with (
            Cluster(directory / "cluster", gateway_port=port) as cluster,
            Client(load_config(str(cluster.kubeconfig)), manager="davy-demo") as client,
            Company(directory) as company,
        ):
            scene.take_event("cluster", "API server, controllers, node, gateway and Prometheus are up", warning=False)
            yield Theatre(scene, cluster, client, company, rates)
    except ClusterError as error:
        raise DemoFailed(str(error)) from error
