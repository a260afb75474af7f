"""Hands a configuration to Envoy in the order in which no request finds half of it."""

from __future__ import annotations

from davy.cluster.gateway.translate import Config
from davy.cluster.gateway.xds import Key, Type, XdsServer

ALL_CLUSTERS = Key(Type.CLUSTER)
ALL_LISTENERS = Key(Type.LISTENER)


async def push(xds: XdsServer, config: Config, *, timeout: float) -> None:
    """Clusters and endpoints first, then routes and listeners, and last the clusters that are not used any more.

    xDS promises no order between types: only the acknowledgement of one step makes the next one safe. Returns when all
    is in force. Raises RejectedError for what Envoy refuses, TimeoutError if it does not answer.
    """
    await _endpoints(xds, config, timeout)
    await _routes(xds, config, timeout)
    await _remove_unused(xds, config, timeout)


async def _endpoints(xds: XdsServer, config: Config, timeout: float) -> None:
    keys = [Key(Type.ENDPOINT, name) for name in config.endpoints]
    for key in keys:
        xds.offer(key, [config.endpoints[key.name]])
    xds.offer(ALL_CLUSTERS, list((_clusters_in_force(xds) | dict(config.clusters)).values()))
    await xds.acked([ALL_CLUSTERS, *keys], timeout=timeout)


async def _routes(xds: XdsServer, config: Config, timeout: float) -> None:
    keys = [Key(Type.ROUTE, name) for name in config.routes]
    for key in keys:
        xds.offer(key, [config.routes[key.name]])
    xds.offer(ALL_LISTENERS, list(config.listeners.values()))
    await xds.acked([*keys, ALL_LISTENERS], timeout=timeout)


async def _remove_unused(xds: XdsServer, config: Config, timeout: float) -> None:
    if xds.offer(ALL_CLUSTERS, list(config.clusters.values())):
        await xds.acked([ALL_CLUSTERS], timeout=timeout)
    for type_, used in ((Type.ENDPOINT, config.endpoints), (Type.ROUTE, config.routes)):
        for name in xds.offered(type_) - set(used):
            xds.withdraw(Key(type_, name))


def _clusters_in_force(xds: XdsServer) -> dict[str, dict[str, object]]:
    return {str(cluster["name"]): cluster for cluster in xds.resources(ALL_CLUSTERS)}
