"""What a backendRef points at: an Envoy cluster, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from davy.cluster.gateway.objects import HTTPRoute, Service, ServicePort, ServiceRef

ServiceKey = tuple[str, str]  # namespace, name


class Backend(NamedTuple):
    """One port of one Service."""

    namespace: str
    service: str
    port: int

    @property
    def cluster(self) -> str:
        """Envoy's name for it; Contour's spelling, so that people's queries on `envoy_cluster_name` fit."""
        return f"{self.namespace}_{self.service}_{self.port}"


class Unresolved(NamedTuple):
    """Nothing to send a request to. `reason` is one of Gateway API's for ResolvedRefs=False."""

    reason: str
    message: str


def resolve(services: Mapping[ServiceKey, Service], namespace: str, ref: ServiceRef) -> Backend | Unresolved:
    """Looks up what a route in `namespace` refers to."""
    target = f"{ref.namespace or namespace}/{ref.name}"
    if (ref.group, ref.kind) not in {("", "Service"), ("core", "Service")}:
        return Unresolved("InvalidKind", f"backend {ref.group}/{ref.kind} {target}: only Services can be backends")
    if (ref.namespace or namespace) != namespace:
        return Unresolved(
            "RefNotPermitted", f"Service {target} is in another namespace; this gateway reads no ReferenceGrants"
        )
    service = services.get((namespace, ref.name))
    if service is None:
        return Unresolved("BackendNotFound", f"Service {target} does not exist")
    if ref.port is None or port_of(service, ref.port) is None:
        known = ", ".join(str(port.port) for port in service.spec.ports) or "none"
        return Unresolved("BackendNotFound", f"Service {target} has no port {ref.port} (it has: {known})")
    return Backend(namespace, ref.name, ref.port)


def port_of(service: Service, number: int) -> ServicePort | None:
    return next((port for port in service.spec.ports if port.port == number and port.protocol == "TCP"), None)


def references(route: HTTPRoute) -> Iterator[ServiceRef]:
    """Every Service that the route names, mirrors included."""
    for rule in route.spec.rules:
        yield from rule.backend_refs
        for item in rule.filters:
            if item.request_mirror is not None:
                yield item.request_mirror.backend_ref
