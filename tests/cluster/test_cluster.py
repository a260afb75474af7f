"""The cluster as a whole: it starts and ends with all its processes, rolls under load, and says why if it cannot."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from davy.cluster.cluster import Cluster, ClusterError, free_port
from davy.cluster.workloads.controllers import Controllers
from davy.kube.client import Client
from davy.kube.config import load_config
from davy.kube.kinds import Kind

DEPLOYMENT = Kind("apps/v1", "Deployment")
Manifest = dict[str, Any]


def deployment(version: str, **env: str) -> Manifest:
    container = {
        "name": "app",
        "image": f"davy.dev/demo-app:{version}",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
        "env": [{"name": name, "value": value} for name, value in env.items()],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "default"},
        "spec": {
            "replicas": 2,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": {"app": "app"}},
            "template": {"metadata": {"labels": {"app": "app"}}, "spec": {"containers": [container]}},
        },
    }


def service() -> Manifest:
    spec = {"selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app", "namespace": "default"}, "spec": spec}


def way_in(port: int) -> Iterator[Manifest]:
    """A Gateway and a route from it to the app."""
    listener = {"name": "http", "port": port, "protocol": "HTTP"}
    rule = {"backendRefs": [{"name": "app", "port": 80}]}
    for kind, spec in (
        ("Gateway", {"gatewayClassName": "davy", "listeners": [listener]}),
        ("HTTPRoute", {"parentRefs": [{"name": "door"}], "rules": [rule]}),
    ):
        meta = {"name": "door", "namespace": "default"}
        yield {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": meta, "spec": spec}


async def first_answer(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until the app answers through the gateway."""
    async with asyncio.timeout(20):
        while True:
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)


async def rolled(client: Client, version: str, **env: str) -> None:
    """Release a version, and wait until nothing else runs."""
    template = {"spec": {"template": {"spec": deployment(version, **env)["spec"]["template"]["spec"]}}}
    written = await client.patch(DEPLOYMENT, "default", "app", template, content="merge")
    async with asyncio.timeout(60):
        while not _is_done(await client.get(DEPLOYMENT, "default", "app"), written["metadata"]["generation"]):
            await asyncio.sleep(0.05)


def _is_done(found: Manifest, generation: int) -> bool:
    status = found["status"]
    numbers = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return bool(status.get("observedGeneration", 0) >= generation and numbers == {found["spec"]["replicas"]})


class Load:
    """Clients that ask without a pause, and count every answer by status and version, every failure by its name."""

    def __init__(self, url: str, clients: int) -> None:
        self.url, self.counts, self._clients = url, Counter[tuple[str, str]](), clients
        self._over = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._clients):
                tasks.create_task(self._ask(fresh=number % 4 == 0))
            yield
            self._over.set()

    async def _ask(self, *, fresh: bool) -> None:
        """`fresh` clients open a connection for each request, the others keep theirs."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=fresh)) as session:
            while not self._over.is_set():
                self.counts[await self._once(session)] += 1

    async def _once(self, session: aiohttp.ClientSession) -> tuple[str, str]:
        try:
            async with session.get(self.url) as response:
                await response.read()
                return str(response.status), response.headers.get("x-app-version", "")
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__, ""


async def test_rolling_updates_of_an_app_that_dies_at_once_lose_no_request(tmp_path: Path) -> None:
    async with (
        Cluster(tmp_path) as cluster,
        Client(load_config(str(cluster.kubeconfig))) as client,
        aiohttp.ClientSession() as session,
    ):
        knobs = {"APP_EXIT": "abrupt", "APP_LATENCY_MS": "20"}
        for manifest in (*way_in(cluster.gateway_port), service(), deployment("1", **knobs)):
            await client.create(manifest)
        await first_answer(session, cluster.gateway_url)
        load = Load(cluster.gateway_url, 12)
        async with load.running():
            for version in ("2", "3"):
                await rolled(client, version, **knobs)
    assert {status for status, _ in load.counts} == {"200"}
    assert {version for _, version in load.counts} == {"1", "2", "3"}
    assert load.counts.total() > 200


async def test_a_cluster_without_proxy_ends_with_all_its_processes(tmp_path: Path) -> None:
    async with Cluster(tmp_path, proxy=False) as cluster, Client(load_config(str(cluster.kubeconfig))) as client:
        await client.create(deployment("1"))
        await client.create(service())
        async with asyncio.timeout(20):
            while (await client.get(DEPLOYMENT, "default", "app")).get("status", {}).get("availableReplicas") != 2:
                await asyncio.sleep(0.02)
        mine = children_of(os.getpid())
        assert len(mine) == 2
    assert not set(mine) & set(children_of(os.getpid()))
    assert oct(cluster.kubeconfig.stat().st_mode & 0o777) == "0o600"


async def test_an_error_inside_ends_all_processes_and_comes_out_as_it_is(tmp_path: Path) -> None:
    async def fail_inside() -> None:
        async with Cluster(tmp_path):
            assert children_of(os.getpid())  # Envoy
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_inside()
    assert children_of(os.getpid()) == []


async def test_a_part_that_fails_ends_the_whole_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = asyncio.Event()

    async def run(_: object) -> None:
        await broken.wait()
        raise OSError("the disk is full")

    monkeypatch.setattr(Controllers, "run", run)

    async def wait_inside() -> None:
        async with Cluster(tmp_path, proxy=False):
            broken.set()
            await asyncio.Event().wait()

    with pytest.raises(ClusterError, match=r"a part of the cluster has failed: .*the disk is full"):
        await wait_inside()


async def test_a_query_sees_what_the_pods_count(tmp_path: Path) -> None:
    async with (
        Cluster(tmp_path, proxy=False) as cluster,
        Client(load_config(str(cluster.kubeconfig))) as client,
        aiohttp.ClientSession() as session,
    ):
        app = deployment("1")
        notes = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
        app["spec"]["template"]["metadata"]["annotations"] = notes
        await client.create(app)
        query = 'count(up{kubernetes_pod_name=~"app-.*",kubernetes_namespace="default"} == 1)'
        async with asyncio.timeout(20):
            while await asked(session, cluster.prometheus_url, query) != "2":
                await asyncio.sleep(0.05)


async def asked(session: aiohttp.ClientSession, url: str, query: str) -> str | None:
    """The value of a query's one series."""
    async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
        body = await response.json()
        assert body["status"] == "success", body
        return next((str(each["value"][1]) for each in body["data"]["result"]), None)


@pytest.mark.parametrize("which", ["api_port", "gateway_port", "prometheus_port"])
async def test_a_busy_port_is_one_sentence(tmp_path: Path, which: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        ports: dict[str, Any] = {which: port}
        with pytest.raises(ClusterError, match=f"127.0.0.1:{port} is in use by another program; stop it or choose"):
            async with Cluster(tmp_path, **ports):
                raise AssertionError("must not start")
    assert children_of(os.getpid()) == []


async def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ClusterError, match=r"the cluster cannot start: .*Not a directory: '.*file/cluster'"):
        async with Cluster(tmp_path / "file" / "cluster"):
            raise AssertionError("must not start")


async def test_a_missing_envoy_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVOY", str(tmp_path / "none"))
    with pytest.raises(ClusterError, match=r"ENVOY=.* is not an executable file"):
        async with Cluster(tmp_path):
            raise AssertionError("must not start")


CHILD = """
import asyncio, sys
from pathlib import Path
from davy.cluster.cluster import Cluster
from davy.kube.client import Client
from davy.kube.config import load_config
from tests.cluster.test_cluster import deployment

async def main():
    async with Cluster(Path(sys.argv[1])) as cluster, Client(load_config(str(cluster.kubeconfig))) as client:
        await client.create(deployment("1"))
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part of it is Linux's")
async def test_kill_9_leaves_no_orphan(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(tmp_path), cwd=root, stdout=asyncio.subprocess.PIPE
    )
    try:
        grandchildren = await _three_children(child)
    finally:
        child.kill()
        await child.communicate()
    async with asyncio.timeout(20):
        while any(map(is_alive, grandchildren)):
            await asyncio.sleep(0.02)


async def _three_children(child: asyncio.subprocess.Process) -> list[int]:
    """Envoy and two pods, as soon as they are there."""
    assert child.stdout is not None
    while await child.stdout.readline() != b"up\n":  # after what is logged
        assert not child.stdout.at_eof()
    async with asyncio.timeout(30):
        while len(found := children_of(child.pid)) < 3:
            await asyncio.sleep(0.02)
    return found


def children_of(parent: int) -> list[int]:
    """Living child processes, by /proc."""
    return [pid for pid, (of, state) in _processes() if of == parent and state != "Z"]


def is_alive(pid: int) -> bool:
    return any(other == pid and state != "Z" for other, (_, state) in _processes())


def _processes() -> Iterator[tuple[int, tuple[int, str]]]:
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield int(path.name), (int(parent), state)


def test_a_free_port_is_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))
