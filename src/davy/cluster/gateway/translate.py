"""What Envoy shall have, computed from the objects of the cluster; no I/O, the same input gives the same output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from ipaddress import AddressValueError, IPv4Address
from typing import Any, NamedTuple

from davy.cluster.gateway.attach import ANY, Attachment, attachments, covers
from davy.cluster.gateway.backends import Backend, ServiceKey, port_of, references, resolve
from davy.cluster.gateway.clusters import cluster
from davy.cluster.gateway.endpoints import Place, PodKey, load_assignment, places
from davy.cluster.gateway.listeners import gateway_listener, route_table, service_listener
from davy.cluster.gateway.matches import precedence
from davy.cluster.gateway.objects import EndpointSlice, Gateway, HTTPRoute, RouteMatch, Rule, Service
from davy.cluster.gateway.routes import envoy_route

Json = dict[str, Any]
Socket = tuple[str, int]  # address, port


@dataclass(frozen=True, slots=True)
class World:
    """All that the configuration depends on. Gateways are those of our class only.

    drained: pods that have answered their last request. unusable: sockets that cannot be listened on, and why.
    """

    gateways: Sequence[Gateway] = ()
    routes: Sequence[HTTPRoute] = ()
    services: Mapping[ServiceKey, Service] = field(default_factory=dict)
    slices: Mapping[ServiceKey, Sequence[EndpointSlice]] = field(default_factory=dict)
    drained: Set[PodKey] = frozenset()
    unusable: Mapping[Socket, str] = field(default_factory=dict)
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Config:
    """Envoy's resources by name, without their `@type`, and the places behind each cluster."""

    clusters: Mapping[str, Json]
    endpoints: Mapping[str, Json]
    routes: Mapping[str, Json]
    listeners: Mapping[str, Json]
    places: Mapping[str, tuple[Place, ...]]


def translate(world: World) -> Config:
    attached = list(attachments(world.gateways, world.routes))
    backends = sorted(set(_wanted_backends(world, attached)))
    found = {backend.cluster: _places(world, backend) for backend in backends}
    ports = sorted({port for address, port in gateway_sockets(world) if (address, port) not in world.unusable})
    return Config(
        clusters={b.cluster: cluster(b.cluster, _port(world, b)) for b in backends},
        endpoints={name: load_assignment(name, found[name]) for name in found},
        routes={route_table(port): _table(world, port, attached) for port in ports},
        listeners=_by_name([*(gateway_listener(world.address, port) for port in ports), *_service_listeners(world)]),
        places=found,
    )


# --- clusters


def _wanted_backends(world: World, attached: Iterable[Attachment]) -> Iterator[Backend]:
    """Ports that routes send to, and ports of Services whose address we serve."""
    for attachment in attached:
        for ref in references(attachment.route):
            found = resolve(world.services, attachment.route.metadata.namespace, ref)
            if isinstance(found, Backend):
                yield found
    yield from (backend for _, backend in service_sockets(world))


def _places(world: World, backend: Backend) -> tuple[Place, ...]:
    return places(_port(world, backend), world.slices.get((backend.namespace, backend.service), ()), world.drained)


def _port(world: World, backend: Backend) -> Any:
    return port_of(world.services[backend.namespace, backend.service], backend.port)


# --- listeners


def gateway_sockets(world: World) -> set[Socket]:
    """Where the Gateways listen; Gateways that name the same port share it."""
    return {
        (world.address, listener.port)
        for gateway in world.gateways
        for listener in gateway.spec.listeners
        if listener.protocol == "HTTP"
    }


def service_sockets(world: World) -> Iterator[tuple[Socket, Backend]]:
    """The TCP ports of every Service whose cluster IP is a loopback address."""
    for (namespace, name), service in sorted(world.services.items()):
        if is_loopback(service.spec.cluster_ip):
            for port in service.spec.ports:
                if port.protocol == "TCP":
                    yield (service.spec.cluster_ip, port.port), Backend(namespace, name, port.port)


def is_loopback(address: str) -> bool:
    try:
        return IPv4Address(address).is_loopback
    except AddressValueError:  # "", "None" (headless), IPv6
        return False


def _service_listeners(world: World) -> Iterator[Json]:
    for socket, backend in service_sockets(world):
        if socket not in world.unusable:
            yield service_listener(socket[0], backend)


def _by_name(resources: Iterable[Json]) -> dict[str, Json]:
    return {resource["name"]: resource for resource in resources}


# --- routes


class _Entry(NamedTuple):
    """One match of one rule on one listener, for one hostname."""

    hostname: str
    attachment: Attachment
    rule: Rule
    match: RouteMatch
    place: tuple[int, int]  # of the rule in the route, of the match in the rule

    @property
    def order(self) -> tuple[Any, ...]:
        """Gateway API's precedence: the narrower hostname, the better match, the older route, then names and places."""
        wildcard = self.hostname.startswith(ANY)
        made = self.attachment.route.metadata
        age = (made.creation_timestamp, made.namespace, made.name)
        return wildcard, -len(self.hostname), *precedence(self.match), *age, *self.place


def _table(world: World, port: int, attached: Iterable[Attachment]) -> Json:
    """Envoy's RouteConfiguration for one port."""
    entries = sorted(
        (e for a in attached if a.listener.port == port for e in _entries(a)), key=lambda entry: entry.order
    )
    hostnames = sorted({entry.hostname for entry in entries})
    name = route_table(port)
    hosts = [_virtual_host(world, port, hostname, entries) for hostname in hostnames]
    return {"name": name, "virtual_hosts": hosts, "ignore_port_in_host_matching": True}


def _entries(attachment: Attachment) -> Iterator[_Entry]:
    for hostname in attachment.hostnames:
        for i, rule in enumerate(attachment.route.spec.rules):
            for j, match in enumerate(rule.matches or (RouteMatch(),)):
                yield _Entry(hostname, attachment, rule, match, (i, j))


def _virtual_host(world: World, port: int, hostname: str, entries: Iterable[_Entry]) -> Json:
    """Envoy looks into one virtual host only, so the routes of wider hostnames follow in it."""
    routes = [_route(world, port, entry) for entry in entries if covers(entry.hostname, hostname)]
    return {"name": hostname, "domains": [hostname], "routes": routes}


def _route(world: World, port: int, entry: _Entry) -> Json:
    namespace = entry.attachment.route.metadata.namespace
    return envoy_route(entry.rule, entry.match, partial(resolve, world.services, namespace), port)
