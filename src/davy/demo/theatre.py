"""The real stage: an embedded cluster, the operator and the load generator as processes beside it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from davy.api.ref import Manifest
from davy.api.schema import crds
from davy.cluster.cluster import Cluster, ClusterError
from davy.demo import children, figures, watching
from davy.demo.errors import DemoFailed
from davy.demo.load.tally import Progress
from davy.demo.load.target import Target
from davy.demo.manifests import NAMESPACE, PORT, App, Release, released
from davy.demo.options import Rates
from davy.demo.scene import Scene
from davy.demo.seen import ServiceSeen
from davy.demo.summary import Figures
from davy.kube.client import Client
from davy.kube.config import load_config
from davy.kube.kinds import Kind

DEPLOYMENT = Kind("apps/v1", "Deployment")
SERVICE = Kind("v1", "Service")
OPERATOR_LOG = "operator.log"
LOAD_LOG = "load.log"
LONGEST_LOAD = 24 * 3600  # seconds
MOST_REQUESTS = 20_000_000

Process = asyncio.subprocess.Process


class Parts(NamedTuple):
    """What runs."""

    cluster: Cluster
    client: Client
    operator: Process
    load: Process


class Theatre:
    """A Stage of real parts, all of them running."""

    def __init__(self, scene: Scene, parts: Parts, rates: Rates, *, port: int, logs: Path) -> None:
        self.scene = scene
        self.cluster = parts.cluster
        self.port = port  # of 127.0.0.1, where the Gateway listens
        self._client, self._operator, self._load = parts.client, parts.operator, parts.load
        self._rates = rates
        self._logs = logs

    async def apply(self, manifest: Manifest) -> None:
        """Server-side apply, as `kubectl apply --server-side`."""
        await self._client.apply(manifest)

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
        assert self._load.stdin is not None
        self._load.stdin.write(msgspec.json.encode(target) + b"\n")

    async def applause(self) -> None:
        """End the load; returns when every answer is in."""
        assert self._load.stdin is not None
        self._load.stdin.close()
        await self.scene.until(lambda: self.scene.load.ended or None, 15.0, "the load generator's last count")

    def last_words(self) -> tuple[str, ...]:
        """The end of the operator's log."""
        return tuple(f"operator: {line}" for line in children.last_lines(self._logs / OPERATOR_LOG))

    def figures(self) -> Figures:
        """What was measured by the way."""
        return Figures(
            api_server=self.cluster.api_server_up,
            first_pod=self.scene.first_pod,
            cluster_memory=figures.memory(os.getpid()),
            operator_memory=figures.memory(self._operator.pid),
        )

    def watchers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What must go on beside the play; none of it ends before the play does, or it ends the play."""
        for cache in watching.caches(self._client, self.scene):
            yield cache.run()
        yield children.ended(self._operator, "operator", self._logs / OPERATOR_LOG)
        yield self._listen()

    async def _listen(self) -> None:
        assert self._load.stdout is not None
        async for line in self._load.stdout:
            self.scene.take_load(msgspec.json.decode(line, type=Progress))
        if not self.scene.load.ended:
            await children.ended(self._load, "load generator", self._logs / LOAD_LOG)
        await asyncio.Event().wait()


@asynccontextmanager
async def theatre(scene: Scene, directory: Path, *, port: int, rates: Rates) -> AsyncIterator[Theatre]:
    """Start all parts; end them in the opposite order. Raises DemoFailed."""
    try:
        async with (
            Cluster(directory / "cluster", gateway_port=port) as cluster,
            Client(load_config(str(cluster.kubeconfig)), manager="davy-demo") as client,
        ):
            scene.take_event("cluster", "API server, controllers, node, gateway and Prometheus are up", warning=False)
            for crd in crds():
                await client.create(crd)
            async with _processes(scene, directory, cluster) as (operator, load):
                yield Theatre(scene, Parts(cluster, client, operator, load), rates, port=port, logs=directory)
    except ClusterError as error:
        raise DemoFailed(str(error)) from error


@asynccontextmanager
async def _processes(scene: Scene, directory: Path, cluster: Cluster) -> AsyncIterator[tuple[Process, Process]]:
    async with (
        children.child(_operator(cluster, free_port()), directory / OPERATOR_LOG) as operator,
        children.child(_load(scene.clock()), directory / LOAD_LOG, piped=True) as load,
    ):
        yield operator, load


def _operator(cluster: Cluster, port: int) -> list[str]:
    flags = {
        "--kubeconfig": str(cluster.kubeconfig),
        "--metrics-server": cluster.prometheus_url,
        "--minimum-interval": "1s",
        "--listen": "127.0.0.1",
        "--port": str(port),
    }
    return [sys.executable, "-m", "davy", "run", *(word for pair in flags.items() for word in pair)]


def _load(elapsed: float) -> list[str]:
    began = time.monotonic() - elapsed
    bounds = ["--seconds", str(LONGEST_LOAD), "--requests", str(MOST_REQUESTS), "--began", str(began)]
    return [sys.executable, "-m", "davy.demo.load", *bounds]


def free_port(wanted: int = 0) -> int:
    """A port of 127.0.0.1 that nobody listens on: the wanted one, or any. Raises DemoFailed if it is taken."""
    try:
        with socket.create_server(("127.0.0.1", wanted)) as free:
            return int(free.getsockname()[1])
    except OSError as error:
        raise DemoFailed(
            f"port {wanted} of 127.0.0.1 cannot be used: {os.strerror(error.errno or 0)}; try another --port"
        ) from None
