"""The embedded cluster, put together: API server, controllers, node, gateway and metrics in one process."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from davy.cluster.gateway.crds import gateway_api_crds, gateway_class
from davy.cluster.gateway.envoy import EnvoyMissingError
from davy.cluster.gateway.gateway import ClusterGateway
from davy.cluster.gateway.sockets import bind_problem
from davy.cluster.node.addresses import NoAddressError
from davy.cluster.node.drain import PATIENCE
from davy.cluster.node.node import Node
from davy.cluster.prometheus.prometheus import Prometheus
from davy.cluster.server import ApiServer
from davy.cluster.workloads.caches import Caches
from davy.cluster.workloads.controllers import Controllers
from davy.kube.client import Client
from davy.kube.config import Config
from davy.kube.errors import AlreadyExists

HOST = "127.0.0.1"
SCRAPE = 0.5  # seconds between two scrapes; what is analysed over a few seconds needs several
LONGEST_START = 20.0  # seconds; usual is half a second


class ClusterError(Exception):
    """The cluster cannot start or go on; the message is one sentence that says why and what to do."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Cluster:
    """A cluster as an async context manager; when it ends, so do all its processes.

    directory: for kubeconfig, logs and working directories. Ports of 0 are chosen. Without `proxy` there is no Envoy,
    no Gateway API, and pods do not wait to be drained. Raises ClusterError.

    kubeconfig: the file. url: the API server's. prometheus_url: answers PromQL. gateway_port, gateway_url: where a
    Gateway (of class `davy`) with that port is reached; whoever wants one creates it. api_server_up: seconds from the
    beginning until the API answered.
    """

    kubeconfig: Path
    url: str
    prometheus_url: str
    gateway_port: int
    api_server_up: float

    def __init__(
        self,
        directory: Path | str,
        *,
        api_port: int = 0,
        gateway_port: int = 0,
        prometheus_port: int = 0,
        proxy: bool = True,
        random: Random | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.directory = Path(directory)
        self.kubeconfig = self.directory / "kubeconfig"
        self.gateway_port = gateway_port
        self._api_port, self._prometheus_port, self._proxy = api_port, prometheus_port, proxy
        self._random, self._now = random or Random(), now
        self._stack = AsyncExitStack()
        self._parts: list[asyncio.Task[None]] = []

    @property
    def gateway_url(self) -> str:
        return f"http://{HOST}:{self.gateway_port}"

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(LONGEST_START):
                await self._start()
        except TimeoutError as error:
            await self._close(error)
            raise ClusterError(
                f"the cluster has not started within {LONGEST_START:g} s; see the logs in {self.directory}"
            ) from error
        except OSError as error:
            await self._close(error)
            raise ClusterError(f"the cluster cannot start: {error}") from error
        except BaseException as error:
            await self._close(error)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close(error)

    async def _close(self, error: BaseException | None) -> None:
        """End everything. An error of the body comes out as it is; one of a part, which cancels the body, in words."""
        for part in self._parts:
            part.cancel()
        cancelled = error if isinstance(error, asyncio.CancelledError) else None
        try:
            await self._stack.__aexit__(type(cancelled) if cancelled else None, cancelled, None)
        except BaseExceptionGroup as failed:
            raise _in_words(failed) from failed

    # -- the start

    async def _start(self) -> None:
        began = time.perf_counter()
        self._choose_ports()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.server = await self._stack.enter_async_context(ApiServer(port=self._api_port))
        self.url = self.server.url
        self.server.write_kubeconfig(self.kubeconfig)
        self.api_server_up = time.perf_counter() - began
        gateways = await self._gateways()
        prometheus = await self._prometheus(*gateways)
        workloads = await self._workloads()
        # Last in, first out: the parts end before the clients that they still tidy up with.
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._parts = [tasks.create_task(each.run()) for each in (*workloads, *gateways, prometheus)]
        await self._caches.synced()
        outer: tuple[ClusterGateway | Prometheus, ...] = (*gateways, prometheus)
        for part in outer:
            await part.ready.wait()
        self.prometheus_url = prometheus.url

    def _choose_ports(self) -> None:
        """Refuse ports that are taken before anything is started."""
        for port in (self._api_port, self.gateway_port, self._prometheus_port):
            if port and (problem := bind_problem(HOST, port)):
                raise ClusterError(problem)
        self.gateway_port = self.gateway_port or free_port()

    async def _workloads(self) -> tuple[Any, ...]:
        """Controllers and node; they share what they watch."""
        self._caches = Caches(await self._client("davy-watch"))
        controllers = Controllers(await self._client("davy-controllers"), self._caches, self._now)
        try:
            node = Node(
                await self._client("davy-node"),
                self._caches,
                self.directory / "pods",
                now=self._now,
                random=self._random,
                drain=PATIENCE if self._proxy else 0.0,
            )
        except NoAddressError as error:
            raise ClusterError(str(error)) from error
        self.server.logs = node.logs
        return self._caches, controllers, node

    async def _gateways(self) -> tuple[ClusterGateway, ...]:
        if not self._proxy:
            return ()
        client = await self._client("davy-gateway")
        try:
            gateway = ClusterGateway(client, self.directory / "envoy")
        except EnvoyMissingError as error:
            raise ClusterError(str(error)) from error
        await create(client, (*gateway_api_crds(), gateway_class()))
        return (gateway,)

    async def _prometheus(self, *gateways: ClusterGateway) -> Prometheus:
        client = await self._client("davy-prometheus")
        port = self._prometheus_port
        return Prometheus(
            client, port=port, interval=SCRAPE, gateway=gateways[0].metrics_url if gateways else lambda: None
        )

    async def _client(self, manager: str) -> Client:
        client = Client(Config(server=self.url), manager=manager, random=self._random)
        return await self._stack.enter_async_context(client)


async def create(client: Client, manifests: Iterable[dict[str, Any]]) -> None:
    """Create what is not there yet."""
    for manifest in manifests:
        try:
            await client.create(manifest)
        except AlreadyExists:
            continue


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _in_words(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """What a part of the cluster died of, as one error."""
    first: BaseException = failed
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, ClusterError) else ClusterError(f"a part of the cluster has failed: {first!r}")
