"""The parts of Kubernetes' and the Gateway API's objects that the gateway reads, as frozen values."""

from __future__ import annotations

from typing import Any

import msgspec

GROUP = "gateway.networking.k8s.io"


class Struct(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Reads camelCase; fields that the gateway does not use are skipped."""


class Metadata(Struct, frozen=True):
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


# --- GatewayClass and Gateway


class GatewayClassSpec(Struct, frozen=True):
    controller_name: str


class GatewayClass(Struct, frozen=True):
    metadata: Metadata
    spec: GatewayClassSpec
    status: dict[str, Any] | None = None


class RouteNamespaces(Struct, frozen=True):
    from_: str = msgspec.field(default="Same", name="from")


class AllowedRoutes(Struct, frozen=True):
    namespaces: RouteNamespaces = RouteNamespaces()


class Listener(Struct, frozen=True):
    name: str
    port: int
    protocol: str = "HTTP"
    hostname: str | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes()


class GatewaySpec(Struct, frozen=True):
    gateway_class_name: str
    listeners: tuple[Listener, ...] = ()


class Gateway(Struct, frozen=True):
    metadata: Metadata
    spec: GatewaySpec
    status: dict[str, Any] | None = None


# --- HTTPRoute


class ParentRef(Struct, frozen=True, omit_defaults=True):
    name: str
    group: str = GROUP
    kind: str = "Gateway"
    namespace: str | None = None
    section_name: str | None = None
    port: int | None = None


class NameValue(Struct, frozen=True):
    name: str
    value: str


class ValueMatch(Struct, frozen=True):
    """One header or query parameter: `Exact` or `RegularExpression`."""

    name: str
    value: str
    type: str = "Exact"


class PathMatch(Struct, frozen=True):
    type: str = "PathPrefix"
    value: str = "/"


class RouteMatch(Struct, frozen=True):
    path: PathMatch = PathMatch()
    headers: tuple[ValueMatch, ...] = ()
    query_params: tuple[ValueMatch, ...] = ()
    method: str | None = None


class HeaderModifier(Struct, frozen=True):
    set: tuple[NameValue, ...] = ()
    add: tuple[NameValue, ...] = ()
    remove: tuple[str, ...] = ()


class PathModifier(Struct, frozen=True):
    type: str
    replace_full_path: str | None = None
    replace_prefix_match: str | None = None


class Redirect(Struct, frozen=True):
    scheme: str | None = None
    hostname: str | None = None
    path: PathModifier | None = None
    port: int | None = None
    status_code: int = 302


class Rewrite(Struct, frozen=True):
    hostname: str | None = None
    path: PathModifier | None = None


class ServiceRef(Struct, frozen=True):
    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str | None = None
    port: int | None = None


class Fraction(Struct, frozen=True):
    numerator: int
    denominator: int = 100


class Mirror(Struct, frozen=True):
    backend_ref: ServiceRef
    percent: int | None = None
    fraction: Fraction | None = None


class Cors(Struct, frozen=True):
    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool | None = None
    max_age: int = 5


class Filter(Struct, frozen=True):
    type: str
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None
    request_redirect: Redirect | None = None
    url_rewrite: Rewrite | None = msgspec.field(default=None, name="urlRewrite")
    request_mirror: Mirror | None = None
    cors: Cors | None = None


class BackendRef(ServiceRef, frozen=True):
    weight: int = 1
    filters: tuple[Filter, ...] = ()


class Timeouts(Struct, frozen=True):
    request: str | None = None
    backend_request: str | None = None


class Rule(Struct, frozen=True):
    matches: tuple[RouteMatch, ...] = (RouteMatch(),)
    filters: tuple[Filter, ...] = ()
    backend_refs: tuple[BackendRef, ...] = ()
    timeouts: Timeouts = Timeouts()


class RouteSpec(Struct, frozen=True):
    parent_refs: tuple[ParentRef, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = (Rule(),)


class RouteStatus(Struct, frozen=True):
    parents: tuple[dict[str, Any], ...] = ()


class HTTPRoute(Struct, frozen=True):
    metadata: Metadata
    spec: RouteSpec
    status: RouteStatus = RouteStatus()

    @property
    def key(self) -> tuple[str, str]:
        return self.metadata.namespace, self.metadata.name


# --- Service and EndpointSlice


class ServicePort(Struct, frozen=True):
    port: int
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str | None = None


class ServiceSpec(Struct, frozen=True):
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


class Service(Struct, frozen=True):
    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(Struct, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class TargetRef(Struct, frozen=True):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Endpoint(Struct, frozen=True):
    addresses: tuple[str, ...]
    conditions: EndpointConditions = EndpointConditions()
    target_ref: TargetRef | None = None


class EndpointPort(Struct, frozen=True):
    port: int | None = None
    name: str | None = None


class EndpointSlice(Struct, frozen=True):
    metadata: Metadata
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None
    address_type: str = "IPv4"
