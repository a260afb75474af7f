"""The server as a whole: who may talk to it, how it starts, what it tells of itself."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from davy.cluster.server import ApiServer

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


async def test_without_the_secret_prefix_nothing_is_told(server: ApiServer, api: Any) -> None:
    base = server.url.removesuffix(f"/{server.prefix}")
    async with api.session.get(f"{base}/api/v1/namespaces") as reply:
        assert reply.status == 403
    async with api.session.get(f"{base}/k-guess/version") as reply:
        assert reply.status == 403
    assert len(server.prefix) > 20


async def test_another_host_name_is_refused(server: ApiServer, api: Any) -> None:
    async with api.session.get(server.url + "/version", headers={"Host": "evil.example"}) as reply:
        assert reply.status == 403


async def test_the_kubeconfig_is_for_its_owner_only(server: ApiServer, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("old, and readable")
    server.write_kubeconfig(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = yaml.safe_load(path.read_text())
    assert config["clusters"][0]["cluster"]["server"] == server.url
    assert config["contexts"][0]["name"] == config["current-context"]


async def test_a_busy_port_is_an_error(server: ApiServer) -> None:
    port = int(server.url.split(":")[2].split("/")[0])
    with pytest.raises(OSError, match="address already in use"):
        async with ApiServer(port=port):
            pass


@pytest.mark.parametrize("path", ["/readyz", "/healthz", "/livez"])
async def test_it_is_healthy(api: Any, path: str) -> None:
    assert (await api("GET", path)).body == "ok"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/apis/apps", "APIGroup"),
        ("/api/v1", "APIResourceList"),
        ("/apis/apps/v1", "APIResourceList"),
    ],
)
async def test_discovery(api: Any, path: str, kind: str) -> None:
    reply = await api("GET", path)
    assert (reply.code, reply.body["kind"]) == (200, kind)


async def test_discovery_all_at_once(api: Any) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    reply = await api("GET", "/apis", accept=accept)
    assert reply.body["kind"] == "APIGroupDiscoveryList"
    assert "apps" in {item["metadata"]["name"] for item in reply.body["items"]}


async def test_openapi_lists_what_is_served_and_follows_definitions(api: Any, definition: dict[str, Any]) -> None:
    before = (await api("GET", "/openapi/v3")).body["paths"]
    assert "apis/apps/v1" in before
    assert "apis/davy.test/v1" not in before
    await api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    after = (await api("GET", "/openapi/v3")).body["paths"]
    document = (await api("GET", after["apis/davy.test/v1"]["serverRelativeURL"].split("?")[0])).body
    assert "test.davy.v1.Thing" in document["components"]["schemas"]
    deployment = (await api("GET", "/openapi/v3/apis/apps/v1")).body["components"]["schemas"]
    assert "io.k8s.api.core.v1.Container" in deployment


async def test_unknown_paths_are_plain_404s(api: Any) -> None:
    assert (await api("GET", "/nonsense")).body == "404 page not found\n"
    assert (await api("GET", "/apis/nonsense/v1/things")).body == "404 page not found\n"
    assert (await api("GET", "/api/v1/nonsense")).body["reason"] == "NotFound"


async def test_whoever_is_in_may_do_all(api: Any) -> None:
    review = {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}}
    reply = await api("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    assert (reply.code, reply.body["status"]) == (201, {"allowed": True})


POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


async def test_logs_are_asked_of_the_node(server: ApiServer, api: Any) -> None:
    asked: list[Any] = []

    async def logs(namespace: str, pod: str, container: str, **wish: Any) -> AsyncIterator[bytes]:
        asked.append((namespace, pod, container, wish["follow"], wish["tail"]))
        yield b"one\n"
        await asyncio.sleep(0)
        yield b"two\n"

    await api("POST", "/api/v1/namespaces/default/pods", POD)
    path = "/api/v1/namespaces/default/pods/p/log"
    assert "waiting to start" in (await api("GET", path)).body["message"]
    server.logs = logs
    assert (await api("GET", path, tailLines="5")).body == "one\ntwo\n"
    assert asked == [("default", "p", "c", False, 5)]
    assert (await api("GET", path, container="x")).body["message"] == "container x is not valid for pod p"
    assert (await api("GET", "/api/v1/namespaces/default/pods/q/log")).code == 404


async def test_a_log_that_is_not_there_is_told_in_the_nodes_words(server: ApiServer, api: Any) -> None:
    async def logs(_namespace: str, pod: str, *_: str, **__: Any) -> AsyncIterator[bytes]:
        if pod == "p":
            raise LookupError("it does not run here")
        yield b""

    await api("POST", "/api/v1/namespaces/default/pods", POD)
    server.logs = logs
    reply = await api("GET", "/api/v1/namespaces/default/pods/p/log")
    assert (reply.code, reply.body["message"]) == (400, "it does not run here")


async def test_two_servers_live_side_by_side(server: ApiServer) -> None:
    async with ApiServer() as other, aiohttp.ClientSession() as session:
        assert other.url != server.url
        async with session.get(other.url + "/version") as reply:
            assert reply.status == 200
