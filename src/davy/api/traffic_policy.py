"""Istio's traffic policy, as far as Flagger hands it to DestinationRules."""

from collections.abc import Mapping

import msgspec

from davy.api.words import Words


class HTTPPool(Words, frozen=True):
    """Limits on HTTP connections.

    - `h2_upgrade_policy`: whether HTTP/1.1 connections are upgraded to HTTP/2
    - `http1_max_pending_requests`: requests that may wait for a connection
    - `http2_max_requests`: active requests to a destination
    - `idle_timeout`: how long an idle connection is kept
    - `max_requests_per_connection`: requests after which a connection is closed
    - `max_retries`: retries that may be under way at one time
    """

    h2_upgrade_policy: str | None = None
    http1_max_pending_requests: int | None = None
    http2_max_requests: int | None = None
    idle_timeout: str | None = None
    max_requests_per_connection: int | None = None
    max_retries: int | None = None


class ConnectionPool(Words, frozen=True):
    """Limits on connections.

    - `http`: limits on HTTP connections
    """

    http: HTTPPool | None = None


class HashCookie(Words, frozen=True):
    """The cookie whose hash chooses the endpoint.

    - `name`: name of the cookie
    - `path`: path of the cookie
    - `ttl`: lifetime of the cookie
    """

    name: str | None = None
    path: str | None = None
    ttl: str | None = None


class ConsistentHash(Words, frozen=True):
    """A hash over some part of the request chooses the endpoint.

    - `http_cookie`: hash over a cookie
    - `http_header_name`: hash over this header
    - `http_query_parameter_name`: hash over this query parameter
    - `minimum_ring_size`: least number of virtual nodes
    - `use_source_ip`: hash over the client's address
    """

    http_cookie: HashCookie | None = None
    http_header_name: str | None = None
    http_query_parameter_name: str | None = None
    minimum_ring_size: int | None = None
    use_source_ip: bool | None = None


class Distribute(Words, frozen=True):
    """Where traffic from one locality goes.

    - `from_`: locality of the client
    - `to`: locality → percentage
    """

    from_: str | None = msgspec.field(default=None, name="from")
    to: Mapping[str, int] = {}


class Failover(Words, frozen=True):
    """Where traffic goes when a region is down.

    - `from_`: the region
    - `to`: the region that takes its place
    """

    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None


class LocalityLbSetting(Words, frozen=True):
    """Load balancing by locality.

    - `distribute`: weights between localities
    - `enabled`: switches it on for this destination
    - `failover`: what happens when endpoints of a region are down
    """

    distribute: tuple[Distribute, ...] = ()
    enabled: bool | None = None
    failover: tuple[Failover, ...] = ()


class LoadBalancer(Words, frozen=True):
    """How an endpoint is chosen: by a simple method or by a hash.

    - `consistent_hash`: a hash over some part of the request
    - `locality_lb_setting`: load balancing by locality
    - `simple`: a method without settings
    - `warmup_duration_secs`: how long a new endpoint gets less traffic
    """

    consistent_hash: ConsistentHash | None = None
    locality_lb_setting: LocalityLbSetting | None = None
    simple: str | None = None
    warmup_duration_secs: str | None = None


class OutlierDetection(Words, frozen=True):
    """When an endpoint is left out for a time.

    - `base_ejection_time`: least time that an endpoint is left out
    - `consecutive_5xx_errors`: 5xx answers in a row before it is left out
    - `consecutive_errors`: errors in a row before it is left out
    - `consecutive_gateway_errors`: gateway errors in a row before it is left out
    - `consecutive_local_origin_failures`: failures of the connection itself before it is left out
    - `interval`: time between two sweeps
    - `max_ejection_percent`: at most this share of the endpoints is left out
    - `min_health_percent`: below this share of healthy endpoints none is left out
    - `split_external_local_origin_errors`: count failures of the connection apart from errors of the endpoint
    """

    base_ejection_time: str | None = None
    consecutive_5xx_errors: int | None = msgspec.field(default=None, name="consecutive5xxErrors")
    consecutive_errors: int | None = None
    consecutive_gateway_errors: int | None = None
    consecutive_local_origin_failures: int | None = None
    interval: str | None = None
    max_ejection_percent: int | None = None
    min_health_percent: int | None = None
    split_external_local_origin_errors: bool | None = None


class TLSSettings(Words, frozen=True):
    """How the connection to the destination is secured.

    - `ca_certificates`: file with the certificates of the authorities
    - `client_certificate`: file with the client's certificate
    - `mode`: whether and how TLS is used
    - `private_key`: file with the client's private key
    - `sni`: server name sent in the handshake
    - `subject_alt_names`: names accepted in the server's certificate
    """

    ca_certificates: str | None = None
    client_certificate: str | None = None
    mode: str | None = None
    private_key: str | None = None
    sni: str | None = None
    subject_alt_names: tuple[str, ...] = ()


class TrafficPolicy(Words, frozen=True):
    """Istio's traffic policy for both sides.

    - `connection_pool`: limits on connections
    - `load_balancer`: how an endpoint is chosen
    - `outlier_detection`: when an endpoint is left out for a time
    - `tls`: how the connection is secured
    """

    connection_pool: ConnectionPool | None = None
    load_balancer: LoadBalancer | None = None
    outlier_detection: OutlierDetection | None = None
    tls: TLSSettings | None = None
