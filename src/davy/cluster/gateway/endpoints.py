"""EndpointSlices of a Service as Envoy's load assignment: ready, draining, or not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any, NamedTuple

from davy.cluster.gateway.bootstrap import address
from davy.cluster.gateway.objects import Endpoint, EndpointSlice, ServicePort


class PodKey(NamedTuple):
    """The pod behind an endpoint; a new pod of the same name has another uid."""

    namespace: str
    name: str
    uid: str


class Place(NamedTuple):
    """Where one pod serves one port of a Service.

    draining: it is about to end; open requests are answered, new ones go elsewhere.
    """

    address: str
    port: int
    draining: bool
    pod: PodKey | None


def places(port: ServicePort, slices: Iterable[EndpointSlice], drained: Set[PodKey]) -> tuple[Place, ...]:
    """Endpoints that are ready, and those that are still draining; `drained` pods are out for good."""
    found: dict[tuple[str, int], Place] = {}
    for place in _places(port, slices):
        if place.draining and place.pod in drained:
            continue
        known = found.get(place[:2])
        # During a move between slices an endpoint may be in two; ready wins.
        if known is None or known.draining:
            found[place[:2]] = place
    return tuple(sorted(found.values(), key=lambda place: place[:2]))


def _places(port: ServicePort, slices: Iterable[EndpointSlice]) -> Iterator[Place]:
    for piece in slices:
        if piece.address_type != "IPv4":
            continue
        numbers = [p.port for p in piece.ports or () if (p.name or "") == port.name and p.port is not None]
        for endpoint in piece.endpoints or ():
            draining = is_draining(endpoint)
            if numbers and endpoint.addresses and (draining or is_ready(endpoint)):
                yield Place(endpoint.addresses[0], numbers[0], draining, pod_of(piece, endpoint))


def is_ready(endpoint: Endpoint) -> bool:
    """An endpoint that does not say is ready."""
    return endpoint.conditions.ready is not False


def is_draining(endpoint: Endpoint) -> bool:
    """Also one that fails its probe meanwhile: its open requests still count."""
    return bool(endpoint.conditions.terminating)


def pod_of(piece: EndpointSlice, endpoint: Endpoint) -> PodKey | None:
    ref = endpoint.target_ref
    if ref is None or ref.kind != "Pod":
        return None
    return PodKey(ref.namespace or piece.metadata.namespace, ref.name, ref.uid)


def load_assignment(cluster: str, found: Iterable[Place]) -> dict[str, Any]:
    """Envoy's ClusterLoadAssignment."""
    return {"cluster_name": cluster, "endpoints": [{"lb_endpoints": [_endpoint(place) for place in found]}]}


def _endpoint(place: Place) -> dict[str, Any]:
    return {
        "endpoint": {"address": address(place.address, place.port)},
        "health_status": "DRAINING" if place.draining else "HEALTHY",
    }
