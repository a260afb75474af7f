"""The whole operator on the embedded cluster (no proxy): releases, bad input, and what costs nobody else anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from davy.api.schema import crds
from davy.cluster.cluster import Cluster
from davy.controller import reconciler
from davy.controller.process import operator
from davy.core.decide import decide
from davy.core.plan import Decision
from davy.core.snapshot import Snapshot
from davy.kube.client import Client
from davy.kube.config import load_config
from davy.kube.kinds import Kind
from davy.settings import Settings

from .conftest import Until

CANARY = Kind("flagger.app/v1beta1", "Canary")
DEPLOYMENT = Kind("apps/v1", "Deployment")
NAMESPACE = "test"


def deployment(name: str, version: str = "1.0") -> dict[str, Any]:
    probe = {"httpGet": {"path": "/readyz", "port": 8080}}
    container = {
        "name": "app",
        "image": f"davy.dev/demo-app:{version}",
        "env": [{"name": "APP_VERSION", "value": version}],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": probe,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
        },
    }


def canary(name: str, target: str | None = None, **spec: Any) -> dict[str, Any]:
    metric = {"name": "request-success-rate", "interval": "5s", "thresholdRange": {"min": 99}}
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "provider": "kubernetes",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target or name},
            "service": {"port": 80, "targetPort": 8080, "drainSeconds": 0},
            "analysis": {"interval": "1s", "threshold": 1, "iterations": 1, "metrics": [metric]},
            **spec,
        },
    }


class Numbers:
    """A metrics server whose answer the test sets."""

    success = "100"

    async def answer(self, request: web.Request) -> web.Response:
        value = "1" if request.query["query"] == "vector(1)" else self.success
        result = [{"metric": {}, "value": [0, value]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.fixture
async def numbers() -> AsyncIterator[tuple[Numbers, str]]:
    answers = Numbers()
    app = web.Application()
    app.router.add_get("/api/v1/query", answers.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield answers, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Client]:
    async with Cluster(tmp_path, proxy=False) as cluster, Client(load_config(str(cluster.kubeconfig))) as client:
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        yield client


@pytest.fixture
async def running(cluster: Client, numbers: tuple[Numbers, str]) -> AsyncIterator[str]:
    """The operator; gives the address of its endpoints."""
    settings = Settings(metrics_server=numbers[1], minimum_interval=timedelta(seconds=1))
    async with (
        Client(cluster.config) as client,
        operator(client, settings, clock=lambda: datetime.now(UTC), host="127.0.0.1") as port,
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def defined(cluster: Client) -> None:
    for definition in crds():
        await cluster.create(definition)


async def status(client: Client, name: str) -> dict[str, Any]:
    found = await client.get(CANARY, NAMESPACE, name)
    shown: dict[str, Any] = found.get("status") or {}
    return shown


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((each for each in status.get("conditions", []) if each["type"] == kind), {})


async def reached(client: Client, name: str, phase: str, until: Until) -> None:
    async def there() -> bool:
        return (await status(client, name)).get("phase") == phase

    await until(there)


async def set_version(client: Client, name: str, version: str) -> None:
    body = {"spec": {"template": deployment(name, version)["spec"]["template"]}}
    await client.patch(DEPLOYMENT, NAMESPACE, name, body, content="merge")


@pytest.mark.usefixtures("defined")
async def test_a_good_release_is_promoted_and_a_bad_one_rolled_back(
    cluster: Client, running: str, numbers: tuple[Numbers, str], until: Until
) -> None:
    await cluster.create(deployment("app"))
    await cluster.create(canary("app"))
    await reached(cluster, "app", "Initialized", until)
    await set_version(cluster, "app", "2.0")
    await reached(cluster, "app", "Succeeded", until)
    primary = await cluster.get(DEPLOYMENT, NAMESPACE, "app-primary")
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2.0")
    numbers[0].success = "80"
    await set_version(cluster, "app", "3.0")
    await reached(cluster, "app", "Failed", until)
    primary = await cluster.get(DEPLOYMENT, NAMESPACE, "app-primary")
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2.0")
    measured = (await status(cluster, "app"))["analysis"][-1]
    assert (measured["metric"], measured["value"], measured["verdict"]) == ("request-success-rate", 80, "fail")
    lines = {
        'flagger_canary_status{name="app",namespace="test"} 2.0',
        'flagger_canary_metric_analysis{metric="request-success-rate",name="app",namespace="test"} 80.0',
    }

    async def counted() -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{running}/metrics") as answer:
            text = await answer.text()
        return lines <= set(text.splitlines()) and 'duration_seconds_count{name="app",namespace="test"}' in text

    await until(counted)


BAD_SPECS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown provider": ({"provider": "isto"}, "spec.provider", "known: "),
    "missing autoscaler": (
        {"autoscalerRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "x"}},
        "spec.autoscalerRef",
        "does not exist",
    ),
    "missing template": (
        {
            "analysis": {
                "interval": "1s",
                "threshold": 1,
                "iterations": 1,
                "metrics": [{"name": "x", "interval": "5s", "templateRef": {"name": "gone"}}],
            }
        },
        "spec.analysis.metrics[0].templateRef",
        "does not exist",
    ),
}


@pytest.mark.usefixtures("running")
async def test_bad_input_costs_its_owner_a_sentence_and_nobody_else_anything(cluster: Client, until: Until) -> None:
    lenient = crds()
    for definition in lenient:
        # As an old definition may be: what is wrong gets through to us.
        for version in definition["spec"]["versions"]:
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            spec.clear()
            spec |= {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        await cluster.create(definition)
    for number, (name, (spec, _, _)) in enumerate(BAD_SPECS.items()):
        await cluster.create(deployment(f"bad{number}"))
        await cluster.create(
            {
                **canary(f"bad{number}", **spec),
                "metadata": {
                    "name": f"bad{number}",
                    "namespace": NAMESPACE,
                    "labels": {"case": name.replace(" ", "-")},
                },
            }
        )
    undecodable = canary("undecodable")
    undecodable["spec"]["service"]["port"] = "eighty"
    await cluster.create(undecodable)
    await cluster.create(deployment("app"))
    await cluster.create(canary("app"))
    await cluster.create(canary("zwilling", target="app"))
    await reached(cluster, "app", "Initialized", until)

    for number, (_, path, words) in enumerate(BAD_SPECS.values()):
        ready = condition(await status(cluster, f"bad{number}"), "Ready")
        assert ready["status"] == "False"
        assert path in ready["message"]
        assert words in ready["message"]
    ready = condition(await status(cluster, "undecodable"), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert "spec.service.port" in ready["message"]
    ready = condition(await status(cluster, "zwilling"), "Ready")
    assert "is released by Canary test/app already" in ready["message"]
    primaries = [each["metadata"]["name"] for each in (await cluster.list(DEPLOYMENT, NAMESPACE)).items]
    assert [name for name in primaries if name.endswith("-primary")] == ["app-primary"]


@pytest.mark.usefixtures("defined")
async def test_a_definition_that_would_drop_our_memory_stops_every_step_and_says_so(
    cluster: Client, numbers: tuple[Numbers, str], until: Until
) -> None:
    kind = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    flaggers = next(each for each in crds() if each["spec"]["names"]["kind"] == "Canary")
    del flaggers["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["routedAt"]
    await cluster.delete(kind, None, "canaries.flagger.app")
    await cluster.create(flaggers)
    settings = Settings(metrics_server=numbers[1], minimum_interval=timedelta(seconds=1))
    async with (
        Client(cluster.config) as client,
        operator(client, settings, clock=lambda: datetime.now(UTC), host="127.0.0.1") as port,
        aiohttp.ClientSession() as session,
    ):

        async def ready() -> tuple[int, str]:
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return answer.status, await answer.text()

        async def told() -> bool:
            return "status.routedAt" in (await ready())[1]

        await until(told)
        assert (await ready())[0] == 503
        await cluster.create(deployment("app"))
        await cluster.create(canary("app"))
        right = next(each for each in crds() if each["spec"]["names"]["kind"] == "Canary")
        live = await cluster.get(kind, None, "canaries.flagger.app")
        assert (await status(cluster, "app")) == {}
        await cluster.replace({**live, "spec": right["spec"]})
        await reached(cluster, "app", "Initialized", until)
        assert (await ready())[0] == 200


async def test_a_fault_of_ours_in_one_canary_stops_no_other(
    cluster: Client, defined: None, running: str, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:

    def faulty(snapshot: Snapshot) -> Decision:
        if snapshot.canary.name == "cursed":
            raise ZeroDivisionError("a fault for the test")
        return decide(snapshot)

    monkeypatch.setattr(reconciler, "decide", faulty)
    for name in ("cursed", "app"):
        await cluster.create(deployment(name))
        await cluster.create(canary(name))
    await reached(cluster, "app", "Initialized", until)
    assert await status(cluster, "cursed") == {}
