"""The whole operator and the world outside: hooks, alerts, event webhooks, tracked configs, on the embedded cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from davy.api.schema import crds
from davy.cluster.cluster import Cluster
from davy.controller.process import operator
from davy.kube.client import Client
from davy.kube.config import load_config
from davy.kube.kinds import Kind
from davy.settings import Settings

from .conftest import NAMESPACE, Until
from .test_operator import DEPLOYMENT, canary, deployment, reached, set_version, status

CONFIG = Kind("v1", "ConfigMap")
HOOKS = ("confirm-rollout", "pre-rollout", "rollout", "confirm-promotion", "post-rollout", "rollback", "event")


class Outside:
    """A metrics server, a receiver of alerts and one of hooks, which says no where the test wants it."""

    def __init__(self) -> None:
        self.url = ""
        self.closed = {"rollback"}
        self.calls: list[tuple[str, dict[str, Any], str]] = []

    async def metrics(self, request: web.Request) -> web.Response:
        result = [{"metric": {}, "value": [0, "1" if request.query["query"] == "vector(1)" else "100"]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})

    async def hook(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.calls.append((name, await request.json(), request.headers.get("Idempotency-Key", "")))
        return web.Response(status=403 if name in self.closed else 200)

    def phases(self, name: str) -> list[str]:
        return [body["phase"] for hook, body, _ in self.calls if hook == name]

    @property
    def told(self) -> list[tuple[str, str]]:
        bodies = [body for name, body, _ in self.calls if name == "event"]
        return [(body["metadata"]["eventMessage"], body["phase"]) for body in bodies]

    @property
    def alerts(self) -> list[str]:
        return [body["attachments"][0]["text"] for name, body, _ in self.calls if name == "slack"]


@pytest.fixture
async def world_outside() -> AsyncIterator[Outside]:
    made = Outside()
    app = web.Application()
    app.router.add_get("/api/v1/query", made.metrics)
    app.router.add_post("/{name}", made.hook)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def cluster(tmp_path: Path, world_outside: Outside) -> AsyncIterator[Client]:
    """With the operator at work in it."""
    settings = Settings(
        metrics_server=world_outside.url,
        minimum_interval=timedelta(seconds=1),
        slack_url=f"{world_outside.url}/slack",
        slack_channel="ops",
    )
    async with AsyncExitStack() as stack:
        embedded = await stack.enter_async_context(Cluster(tmp_path, proxy=False))
        config = load_config(str(embedded.kubeconfig))
        client = await stack.enter_async_context(Client(config))
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for definition in crds():
            await client.create(definition)
        own = await stack.enter_async_context(Client(config))
        await stack.enter_async_context(operator(own, settings, clock=lambda: datetime.now(UTC), host="127.0.0.1"))
        yield client


def hooked(url: str) -> dict[str, Any]:
    made = canary("app")
    made["spec"]["analysis"]["webhooks"] = [
        {"name": kind, "type": kind, "url": f"{url}/{kind}", "metadata": {"k": kind}} for kind in HOOKS
    ]
    return made


async def test_a_release_calls_each_hook_in_its_turn_and_tells_those_who_listen(
    cluster: Client, world_outside: Outside, until: Until
) -> None:
    await cluster.create(deployment("app"))
    await cluster.create(hooked(world_outside.url))
    await reached(cluster, "app", "Initialized", until)
    await set_version(cluster, "app", "2.0")
    await reached(cluster, "app", "Succeeded", until)

    async def over() -> bool:
        return not (await status(cluster, "app")).get("pending") and len(world_outside.alerts) == 3

    await until(over)
    assert world_outside.phases("confirm-rollout") == ["Initialized"]
    assert world_outside.phases("pre-rollout") == ["Progressing"]
    assert world_outside.phases("post-rollout") == ["Succeeded"]
    assert set(world_outside.phases("rollout") + world_outside.phases("confirm-promotion")) == {"Progressing"}
    ids = Counter(key for name, _, key in world_outside.calls if name not in ("slack", "rollback"))
    assert set(ids.values()) == {1}
    assert world_outside.alerts == [
        "New Deployment detected, initialization completed.",
        "New revision detected, progressing canary analysis.",
        "Canary analysis completed successfully, promotion finished.",
    ]

    async def told() -> bool:
        return ("Promotion completed! Scaling down app.test", "Succeeded") in world_outside.told

    await until(told)
    assert world_outside.told[:2] == [
        ("all the metrics providers are available!", "Initializing"),
        ("Initialization done! app.test", "Initialized"),
    ]
    assert ("New revision detected! Scaling up app.test", "Progressing") in world_outside.told


async def test_a_closed_gate_holds_the_release_until_it_opens(
    cluster: Client, world_outside: Outside, until: Until
) -> None:
    world_outside.closed.add("confirm-rollout")
    await cluster.create(deployment("app"))
    await cluster.create(hooked(world_outside.url))
    await reached(cluster, "app", "Initialized", until)
    await set_version(cluster, "app", "2.0")
    await reached(cluster, "app", "Waiting", until)

    async def polled() -> bool:
        return world_outside.phases("confirm-rollout")[:3] == ["Initialized", "Waiting", "Waiting"]

    await until(polled)
    assert (await cluster.get(DEPLOYMENT, NAMESPACE, "app"))["spec"]["replicas"] == 0
    world_outside.closed.discard("confirm-rollout")
    await reached(cluster, "app", "Succeeded", until)


async def test_a_changed_config_is_a_release_and_its_copy_follows_only_then(
    cluster: Client, world_outside: Outside, until: Until
) -> None:
    metadata = {"name": "settings", "namespace": NAMESPACE}
    await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v1"}})
    made = deployment("app")
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["env"].append(
        {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "k", "optional": True}}}
    )
    await cluster.create(made)
    await cluster.create(canary("app"))
    await reached(cluster, "app", "Initialized", until)
    before = (await status(cluster, "app"))["trackedConfigs"]
    assert before.keys() == {"configmap/settings"}
    copy = await cluster.get(CONFIG, NAMESPACE, "settings-primary")
    assert copy["data"] == {"k": "v1"}
    await cluster.patch(CONFIG, NAMESPACE, "settings", {"data": {"k": "v2"}}, content="merge")
    await reached(cluster, "app", "Progressing", until)
    assert (await cluster.get(CONFIG, NAMESPACE, "settings-primary"))["data"] == {"k": "v1"}
    await reached(cluster, "app", "Succeeded", until)
    assert (await cluster.get(CONFIG, NAMESPACE, "settings-primary"))["data"] == {"k": "v2"}
    assert (await status(cluster, "app"))["trackedConfigs"] != before
