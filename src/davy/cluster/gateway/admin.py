"""What is read from Envoy's admin port: whether it is ready, and what its upstream hosts are doing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import aiohttp
import msgspec


class HostKey(NamedTuple):
    """One endpoint of one cluster."""

    cluster: str
    address: str
    port: int


class Host(msgspec.Struct, frozen=True):
    """What one worker knows of an endpoint."""

    draining: bool
    active: int  # requests that are being answered


class _SocketAddress(msgspec.Struct, frozen=True):
    address: str = ""
    port_value: int = 0


class _Address(msgspec.Struct, frozen=True):
    socket_address: _SocketAddress = _SocketAddress()


class _Stat(msgspec.Struct, frozen=True):
    name: str = ""
    value: str = "0"


class _Health(msgspec.Struct, frozen=True):
    eds_health_status: str = ""


class _Host(msgspec.Struct, frozen=True):
    address: _Address = _Address()
    stats: tuple[_Stat, ...] = ()
    health_status: _Health = _Health()


class _Cluster(msgspec.Struct, frozen=True):
    name: str
    host_statuses: tuple[_Host, ...] = ()


class _Clusters(msgspec.Struct, frozen=True):
    cluster_statuses: tuple[_Cluster, ...] = ()


_CLUSTERS = msgspec.json.Decoder(_Clusters)


class Admin:
    """The admin port of one Envoy process. Every method raises aiohttp.ClientError or TimeoutError if it is gone."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self.url = session, url

    async def ready(self) -> bool:
        async with self._session.get(f"{self.url}/ready") as response:
            return response.status == 200

    async def hosts(self) -> dict[HostKey, Host]:
        async with self._session.get(f"{self.url}/clusters?format=json") as response:
            return hosts(await response.read())


def hosts(body: bytes) -> dict[HostKey, Host]:
    """Reads `/clusters?format=json`."""
    return dict(_hosts(_CLUSTERS.decode(body)))


def _hosts(clusters: _Clusters) -> Iterator[tuple[HostKey, Host]]:
    for cluster in clusters.cluster_statuses:
        for host in cluster.host_statuses:
            socket = host.address.socket_address
            active = next((int(stat.value) for stat in host.stats if stat.name == "rq_active"), 0)
            draining = host.health_status.eds_health_status == "DRAINING"
            yield HostKey(cluster.name, socket.address, socket.port_value), Host(draining, active)
