"""Envoy's clusters: one for each port of a Service, its endpoints by EDS."""

from __future__ import annotations

from typing import Any

from davy.cluster.gateway.bootstrap import MANY, config_source
from davy.cluster.gateway.objects import ServicePort

_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_HTTP2 = {"kubernetes.io/h2c", "grpc", "h2c"}


def cluster(name: str, port: ServicePort) -> dict[str, Any]:
    http = "http2_protocol_options" if port.app_protocol in _HTTP2 else "http_protocol_options"
    options = {
        "@type": f"type.googleapis.com/{_OPTIONS}",
        # An application may close a connection that idles (often after 5 s) at the moment when Envoy picks it for the
        # next request, and that request would fail; so Envoy lets go of it first.
        "common_http_protocol_options": {"idle_timeout": "1s"},
        "explicit_http_config": {http: {}},
    }
    return {
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": config_source()},
        "connect_timeout": "2s",
        "circuit_breakers": MANY,
        # Without this, Envoy sends to draining endpoints as soon as fewer than half are healthy.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "typed_extension_protocol_options": {_OPTIONS: options},
    }
