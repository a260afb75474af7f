"""A small world for the gateway: an API server, raw HTTP backends on loopback addresses, a client that counts."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from davy.cluster.gateway.crds import gateway_api_crds, gateway_class
from davy.cluster.gateway.gateway import ClusterGateway
from davy.cluster.server import ApiServer
from davy.kube.client import Client
from davy.kube.config import Config
from davy.kube.kinds import Kind

Json = dict[str, Any]
NAMESPACE = "default"
PORT = 8080


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(reached: Callable[[], bool], *, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.005)


@dataclass
class Backend:
    """Answers every request with its name; `hold` makes requests to /slow wait until it is set."""

    name: str
    address: str
    port: int = PORT
    served: int = 0
    open: int = 0
    server: asyncio.Server | None = None
    uid: str = ""
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    headers: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Backend]:
        self.server = await asyncio.start_server(self._serve, self.address, self.port)
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        """Cuts everything off and takes nothing more, as a process that dies does."""
        if self.server is not None:
            self.server.close()
        for writer in list(self.connections):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await self._answer(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    async def _answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.headers.append(head)
        if " /slow" in head.split("\r\n", 1)[0]:
            await self.hold.wait()
        body = self.name.encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        self.open -= 1
        self.served += 1


def service(name: str, **spec: Any) -> Json:
    ports = [{"name": "http", "port": 80, "targetPort": PORT, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def endpoint(backend: Backend, *, terminating: bool = False) -> Json:
    return {
        "addresses": [backend.address],
        "conditions": {"ready": not terminating, "serving": True, "terminating": terminating},
        "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": backend.name, "uid": backend.uid},
    }


def slice_of(name: str, *endpoints: Json) -> Json:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": PORT, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


def gateway_object(port: int) -> Json:
    listener = {"name": "http", "port": port, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public", "namespace": NAMESPACE},
        "spec": {"gatewayClassName": "davy", "listeners": [listener]},
    }


def route(name: str, *rules: Json, hostnames: tuple[str, ...] = ()) -> Json:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"parentRefs": [{"name": "public"}], "hostnames": list(hostnames), "rules": list(rules)},
    }


def weights(**backends: int) -> Json:
    refs = [{"name": name.replace("_", "-"), "port": 80, "weight": weight} for name, weight in backends.items()]
    return {"backendRefs": refs}


@dataclass
class Arena:
    """A running gateway, the client that made it, and the address of its one Gateway."""

    client: Client
    gateway: ClusterGateway
    url: str
    http: aiohttp.ClientSession
    backends: dict[str, Backend]

    async def get(self, path: str = "/", **headers: str) -> tuple[int, str]:
        async with self.http.get(self.url + path, headers=headers, allow_redirects=False) as response:
            return response.status, await response.text()

    async def counts(self, requests: int) -> Counter[str]:
        return Counter([(await self.get())[1] for _ in range(requests)])

    async def change(self, manifest: Json) -> None:
        """Writes the route's spec anew."""
        kind, name = Kind(manifest["apiVersion"], manifest["kind"]), manifest["metadata"]["name"]
        await self.client.patch(kind, NAMESPACE, name, {"spec": manifest["spec"]}, content="merge")

    async def in_force(self, name: str, generation: int) -> Json:
        """Waits until the route's status speaks of the generation; its two conditions by type."""
        async with asyncio.timeout(15):
            while True:
                found = await self.client.get(Kind("gateway.networking.k8s.io/v1", "HTTPRoute"), NAMESPACE, name)
                for parent in found.get("status", {}).get("parents", []):
                    conditions = {c["type"]: c for c in parent["conditions"]}
                    if all(c["observedGeneration"] >= generation for c in conditions.values()):
                        return conditions
                await asyncio.sleep(0.005)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with ApiServer() as server, Client(Config(server=server.url)) as made:
        for manifest in (*gateway_api_crds(), gateway_class()):
            await made.create(manifest)
        yield made


async def make_pod(client: Client, backend: Backend) -> None:
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": backend.name, "namespace": NAMESPACE}}
    made = await client.create({**manifest, "spec": {"containers": [{"name": "app", "image": "app"}]}})
    backend.uid = made["metadata"]["uid"]


async def pods_and_slice(client: Client, name: str, *backends: Backend) -> None:
    for backend in backends:
        await make_pod(client, backend)
    await client.create(service(name))
    await client.create(slice_of(name, *(endpoint(backend) for backend in backends)))


@pytest.fixture
async def arena(client: Client, tmp_path: Path) -> AsyncIterator[Arena]:
    """Two Services, `app-primary` and `app-canary`, each with one backend; no route yet."""
    port = free_port()
    primary, canary = Backend("primary", "127.61.0.1"), Backend("canary", "127.61.0.2")
    await pods_and_slice(client, "app-primary", primary)
    await pods_and_slice(client, "app-canary", canary)
    await client.create(gateway_object(port))
    gateway = ClusterGateway(client, tmp_path / "envoy")
    async with primary.serving(), canary.serving(), aiohttp.ClientSession() as http:
        running = asyncio.create_task(gateway.run())
        try:
            async with asyncio.timeout(15):
                await gateway.ready.wait()
            url = f"http://127.0.0.1:{port}"
            yield Arena(client, gateway, url, http, {"primary": primary, "canary": canary})
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
