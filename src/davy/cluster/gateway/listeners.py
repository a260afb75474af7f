"""Envoy's listeners: one for each port of the Gateways, one for each port of a Service on loopback."""

from __future__ import annotations

from typing import Any

from davy.cluster.gateway.backends import Backend
from davy.cluster.gateway.bootstrap import address, config_source
from davy.cluster.gateway.filters import CORS_FILTER

_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"
_MANAGER = f"{_EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_EXTENSIONS}.http.router.v3.Router"
_CORS = f"{_EXTENSIONS}.http.cors.v3.Cors"


# Envoy lets "internal" clients, usually all of loopback, ask for retries by x-envoy-… headers; so nobody is internal.
NOBODY = {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]}


def route_table(port: int) -> str:
    """The name of the routes that a port of the Gateways serves."""
    return f"http-{port}"


def gateway_listener(host: str, port: int) -> dict[str, Any]:
    """Its routes come by RDS: a changed weight leaves the listener and its connections alone."""
    routes = {"rds": {"route_config_name": route_table(port), "config_source": config_source()}}
    return _listener(f"gateway-{port}", host, port, routes)


def service_listener(host: str, backend: Backend) -> dict[str, Any]:
    """What kube-proxy is in a real cluster: the Service's own address leads to its endpoints."""
    name = f"service-{backend.cluster}"
    route = {"match": {"prefix": "/"}, "route": {"cluster": backend.cluster, "timeout": "0s"}}
    routes = {"route_config": {"name": name, "virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]}}
    return _listener(name, host, backend.port, routes)


def _listener(name: str, host: str, port: int, routes: dict[str, Any]) -> dict[str, Any]:
    manager = {
        "@type": _MANAGER,
        "stat_prefix": name,
        **routes,
        "http_filters": [_filter(CORS_FILTER, _CORS), _filter("envoy.filters.http.router", _ROUTER)],
        "use_remote_address": True,
        "internal_address_config": NOBODY,
        "server_header_transformation": "PASS_THROUGH",
        "normalize_path": True,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": address(host, port), "filter_chains": [{"filters": filters}]}


def _filter(name: str, type_: str) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": type_}}
