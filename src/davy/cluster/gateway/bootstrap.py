"""What Envoy is started with: where the xDS server is, how histograms are cut, and nothing else."""

from __future__ import annotations

from typing import Any

XDS_CLUSTER = "davy_xds"
BUCKETS = tuple(
    round(0.5 * 1.2**i, 3) for i in range(60)
)  # milliseconds: 0.5 ms to 23 s, each 20 % wider than the last
# Long enough for a held poll (XdsServer's `hold`).
REQUEST_TIMEOUT = "30s"
# The time until the next poll, which is also the ACK: Envoy waits for one to two of these.
REFRESH_DELAY = "0.004s"
MANY = {"thresholds": [{"max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000}]}


def bootstrap(*, node: str, xds_port: int) -> dict[str, Any]:
    """The configuration for one Envoy process; `node` is new for every start."""
    return {
        "node": {"id": node, "cluster": "davy"},
        "admin": {"address": address("127.0.0.1", 0)},
        "dynamic_resources": {"cds_config": config_source(), "lds_config": config_source()},
        "static_resources": {"clusters": [_xds_cluster(xds_port)]},
        "stats_flush_interval": "1s",
        "stats_config": {"histogram_bucket_settings": [{"match": {"suffix": "upstream_rq_time"}, "buckets": BUCKETS}]},
    }


def config_source() -> dict[str, Any]:
    """Says to Envoy: ask the xDS server for this by REST."""
    return {
        "resource_api_version": "V3",
        "api_config_source": {
            "api_type": "REST",
            "transport_api_version": "V3",
            "cluster_names": [XDS_CLUSTER],
            "refresh_delay": REFRESH_DELAY,
            "request_timeout": REQUEST_TIMEOUT,
        },
    }


def address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _xds_cluster(port: int) -> dict[str, Any]:
    """Every EDS cluster and every route table keeps one poll open, so the usual limit of 1024 is lifted."""
    return {
        "name": XDS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": MANY,
        "load_assignment": {
            "cluster_name": XDS_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address("127.0.0.1", port)}}]}],
        },
    }
