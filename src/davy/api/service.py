"""`spec.service`: the three Services, and how requests come to them."""

from collections.abc import Mapping

from davy.api.match import HTTPMatch, StringMatch
from davy.api.traffic_policy import TrafficPolicy
from davy.api.words import Words


class GatewayRef(Words, frozen=True):
    """A Gateway that the route hangs on.

    - `group`: API group of the parent
    - `kind`: kind of the parent
    - `namespace`: namespace of the parent; the canary's if left out
    - `name`: name of the parent
    - `section_name`: name of a listener
    - `port`: port of a listener
    """

    name: str
    group: str = "gateway.networking.k8s.io"
    kind: str = "Gateway"
    namespace: str | None = None
    section_name: str | None = None
    port: int | None = None


class BackendRef(Words, frozen=True):
    """A backend that requests are copied to.

    - `group`: API group; empty for the core group
    - `kind`: kind of the backend
    - `name`: name of the backend
    - `namespace`: its namespace; the canary's if left out
    - `port`: its port; needed for a Service
    """

    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str | None = None
    port: int | None = None


class RequestMirror(Words, frozen=True):
    """A copy of each request goes to a further backend.

    - `backend_ref`: where the copy goes
    """

    backend_ref: BackendRef


class Rewrite(Words, frozen=True):
    """What is changed in a request before it is passed on.

    - `uri`: the new path or prefix
    - `authority`: the new authority (Host)
    - `type`: `ReplacePrefixMatch` replaces the matched prefix, anything else the full path
    """

    uri: str | None = None
    authority: str | None = None
    type: str | None = None


class Retries(Words, frozen=True):
    """When a failed request is tried again.

    - `attempts`: number of retries
    - `per_try_timeout`: timeout of each attempt
    - `retry_on`: conditions under which it is tried again
    """

    attempts: int | None = None
    per_try_timeout: str | None = None
    retry_on: str | None = None


class HeaderOperations(Words, frozen=True):
    """Changes to headers.

    - `add`: headers to add
    - `set`: headers to overwrite
    - `remove`: headers to remove
    """

    add: Mapping[str, str] = {}
    set: Mapping[str, str] = {}
    remove: tuple[str, ...] = ()


class Headers(Words, frozen=True):
    """Changes to the headers of requests and responses.

    - `request`: changes before the request is passed on
    - `response`: changes before the response is given back
    """

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


class CorsPolicy(Words, frozen=True):
    """Cross-origin policy.

    - `allow_credentials`: whether credentials may be sent
    - `allow_headers`: request headers that may be used
    - `allow_methods`: methods that may be used
    - `allow_origin`: origins that may call, as plain texts (older form)
    - `allow_origins`: origins that may call
    - `expose_headers`: response headers that the page may read
    - `max_age`: how long a preflight answer may be kept
    """

    allow_credentials: bool | None = None
    allow_headers: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_origin: tuple[str, ...] = ()
    allow_origins: tuple[StringMatch, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: str | None = None


class ServiceMetadata(Words, frozen=True):
    """Labels and annotations for a generated object.

    - `labels`: labels to set
    - `annotations`: annotations to set
    """

    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


class UnmanagedMetadata(Words, frozen=True):
    """Keys on generated Services that are left as they are found.

    - `annotations`: annotation keys
    - `labels`: label keys
    """

    annotations: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class Service(Words, frozen=True):
    """The Services of a canary and how requests come to them.

    - `name`: name of the apex Service; the target's name if left out
    - `port`: port of the three Services
    - `port_name`: name of that port
    - `target_port`: port of the containers; the same as `port` if left out or 0
    - `app_protocol`: application protocol of the port
    - `traffic_distribution`: which endpoints are preferred
    - `port_discovery`: take over the other ports of the containers too
    - `headless`: Services without a cluster IP
    - `timeout`: timeout of a request
    - `backend_timeout`: timeout of a request to the backend (Gateway API)
    - `gateways`: Istio gateways, `mesh` for calls inside the mesh
    - `gateway_refs`: Gateways that the HTTPRoute hangs on (Gateway API)
    - `hosts`: host names
    - `delegation`: make an Istio delegate VirtualService, without hosts and gateways
    - `mesh_name`: App Mesh: name of the mesh
    - `backends`: App Mesh: services that the target calls
    - `match`: which requests the route is for
    - `rewrite`: what is changed in a request before it is passed on
    - `retries`: when a failed request is tried again
    - `headers`: changes to headers
    - `mirror`: further backends that get a copy of each request (Gateway API)
    - `cors_policy`: cross-origin policy
    - `traffic_policy`: Istio's traffic policy for both sides
    - `apex`: metadata of the apex Service and of the route
    - `primary`: metadata of the primary Service
    - `canary`: metadata of the canary Service
    - `unmanaged_metadata`: keys that are left as they are found
    - `drain_seconds`: how long a change of the routing is given to take effect before capacity goes; the analysis
      interval, at most 60 s, if left out
    """

    name: str = ""
    port: int = 0
    port_name: str = "http"
    target_port: int | str | None = None
    app_protocol: str = ""
    traffic_distribution: str | None = None
    port_discovery: bool = False
    headless: bool = False
    timeout: str = ""
    backend_timeout: str = ""
    gateways: tuple[str, ...] = ()
    gateway_refs: tuple[GatewayRef, ...] = ()
    hosts: tuple[str, ...] = ()
    delegation: bool = False
    mesh_name: str = ""
    backends: tuple[str, ...] = ()
    match: tuple[HTTPMatch, ...] = ()
    rewrite: Rewrite | None = None
    retries: Retries | None = None
    headers: Headers | None = None
    mirror: tuple[RequestMirror, ...] = ()
    cors_policy: CorsPolicy | None = None
    traffic_policy: TrafficPolicy | None = None
    apex: ServiceMetadata = ServiceMetadata()
    primary: ServiceMetadata = ServiceMetadata()
    canary: ServiceMetadata = ServiceMetadata()
    unmanaged_metadata: UnmanagedMetadata = UnmanagedMetadata()
    drain_seconds: float | None = None

    @property
    def container_port(self) -> int | str:
        """The port of the containers: `targetPort`, or `port` where that is absent or 0."""
        return self.target_port or self.port
