"""The drain gate: a pod that ends is told so only when Envoy has no request open to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import aiohttp
import structlog

from davy.cluster.gateway.admin import Admin, Host, HostKey
from davy.cluster.gateway.endpoints import PodKey, is_draining, pod_of
from davy.cluster.gateway.objects import EndpointSlice
from davy.cluster.gateway.translate import Config

ANNOTATION = "gateway.davy.dev/drained"
# Envoy's main thread knows of the draining a moment before its workers do, so one quiet look proves nothing.
QUIET_LOOKS = 2

log = structlog.get_logger("davy.cluster.gateway")


@dataclass(frozen=True, slots=True)
class Draining:
    """A pod on its way out. deadline: when it is let go whatever is still open."""

    hosts: frozenset[HostKey]
    deadline: float
    quiet: int = 0

    def looked(self, hosts: Mapping[HostKey, Host]) -> Draining:
        idle = all(_is_idle(hosts.get(key)) for key in self.hosts)
        return replace(self, quiet=self.quiet + 1 if idle else 0)


def _is_idle(host: Host | None) -> bool:
    return host is None or (host.draining and host.active == 0)


def terminating_pods(slices: Iterable[EndpointSlice]) -> dict[PodKey, str]:
    """The address of every pod that is an endpoint and ends."""
    return {
        pod: endpoint.addresses[0]
        for piece in slices
        for endpoint in piece.endpoints or ()
        if is_draining(endpoint) and endpoint.addresses and (pod := pod_of(piece, endpoint)) is not None
    }


def hosts_of(config: Config) -> dict[PodKey, frozenset[HostKey]]:
    """Where in Envoy each draining pod is."""
    found: dict[PodKey, set[HostKey]] = {}
    for pod, host in _draining_hosts(config):
        found.setdefault(pod, set()).add(host)
    return {pod: frozenset(hosts) for pod, hosts in found.items()}


def _draining_hosts(config: Config) -> Iterator[tuple[PodKey, HostKey]]:
    for cluster, places in config.places.items():
        for place in places:
            if place.draining and place.pod is not None:
                yield place.pod, HostKey(cluster, place.address, place.port)


class Drains:
    """Watches draining pods until they are quiet; asks Envoy only while there are any.

    done: called when a pod has become quiet. patience: seconds after which it is let go anyway.
    pause: seconds between two looks.
    """

    def __init__(
        self,
        admin: Callable[[], Admin | None],
        done: Callable[[], None],
        *,
        patience: float = 25.0,
        pause: float = 0.02,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._admin, self._done = admin, done
        self._patience, self._pause, self._sleep = patience, pause, sleep
        self._open: dict[PodKey, Draining] = {}
        self._any = asyncio.Event()
        self.drained: frozenset[PodKey] = frozenset()

    def follow(self, ending: Iterable[PodKey], hosts: Mapping[PodKey, frozenset[HostKey]]) -> None:
        """Takes note of the pods that end, after Envoy acknowledged where they drain. Others are forgotten."""
        ending = set(ending)
        self.drained &= ending
        now = asyncio.get_running_loop().time()
        self._open = {
            pod: self._open.get(pod) or Draining(hosts.get(pod, frozenset()), now + self._patience)
            for pod in ending - self.drained
        }
        self._close([pod for pod, draining in self._open.items() if not draining.hosts])
        if self._open:
            self._any.set()

    async def run(self) -> None:
        while True:
            await self._any.wait()
            self._any.clear()
            while self._open:
                await self._look()
                if self._open:
                    await self._sleep(self._pause)

    async def _look(self) -> None:
        admin = self._admin()
        try:
            hosts = None if admin is None else await admin.hosts()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("Envoy's admin port does not answer", error=str(error))
            hosts = None
        if hosts is not None:
            self._open = {pod: draining.looked(hosts) for pod, draining in self._open.items()}
        self._close([pod for pod, draining in self._open.items() if self._is_over(pod, draining)])

    def _is_over(self, pod: PodKey, draining: Draining) -> bool:
        if draining.quiet >= QUIET_LOOKS:
            return True
        late = asyncio.get_running_loop().time() >= draining.deadline
        if late:
            log.warning("pod let go with requests open", pod=f"{pod.namespace}/{pod.name}", waited=self._patience)
        return late

    def _close(self, pods: Iterable[PodKey]) -> None:
        pods = set(pods)
        if pods:
            self.drained |= pods
            self._open = {pod: draining for pod, draining in self._open.items() if pod not in pods}
            self._done()
