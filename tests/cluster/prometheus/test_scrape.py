"""Scraping: labels, staleness, and a whole round over pods and gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from davy.cluster.prometheus.exposition import BadExposition
from davy.cluster.prometheus.labels import spelled
from davy.cluster.prometheus.promql import evaluate
from davy.cluster.prometheus.samples import Store
from davy.cluster.prometheus.scrape import Page, Scraper
from davy.cluster.prometheus.targets import Pod, Target, pod_targets
from davy.cluster.prometheus.values import Vector
from davy.cluster.server import ApiServer
from davy.kube.client import Client
from davy.kube.config import Config

TARGET = Target("http://127.0.0.1/metrics", (("instance", "a:1"), ("job", "pods"), ("kubernetes_pod_name", "a")))


def at(store: Store, query: str, time: int) -> dict[str, float]:
    value = evaluate(store, query, time)
    assert isinstance(value, Vector)
    return {spelled(sample.labels): sample.value for sample in value.samples}


def test_every_series_of_a_page_gets_the_target_labels() -> None:
    store = Store()
    Page(store, TARGET).take(1000, 'requests{code="200"} 3\n')
    labels = 'code="200", instance="a:1", job="pods", kubernetes_pod_name="a"'
    assert at(store, "requests", 1000) == {f"requests{{{labels}}}": 3}


def test_a_label_that_the_target_has_too_is_exported() -> None:
    store = Store()
    Page(store, TARGET).take(1000, 'requests{job="theirs"} 3\n')
    assert at(store, 'requests{exported_job="theirs", job="pods"}', 1000) != {}


def test_a_series_that_vanishes_from_the_page_ends() -> None:
    store = Store()
    page = Page(store, TARGET)
    page.take(1000, "a 1\nb 1\n")
    page.take(2000, "a 2\n")
    assert (len(at(store, "a", 2000)), len(at(store, "b", 1999)), at(store, "b", 2000)) == (1, 1, {})
    page.take(3000, "a 3\nb 3\n")
    assert list(at(store, "b", 3000).values()) == [3]


@pytest.mark.parametrize("ending", ["failed", "gone"])
def test_a_target_that_does_not_answer_or_is_gone_ends_its_series(ending: str) -> None:
    store = Store()
    page = Page(store, TARGET)
    page.take(1000, "a 1\n")
    assert list(at(store, "up", 1000).values()) == [1]
    getattr(page, ending)(2000)
    assert at(store, "a", 2000) == {}
    assert list(at(store, "up", 2000).values()) == ([0] if ending == "failed" else [])
    page.take(3000, "a 5\n")
    assert list(at(store, "a", 3000).values()) == [5]


def test_nothing_of_a_broken_page_is_stored() -> None:
    store = Store()
    page = Page(store, TARGET)
    with pytest.raises(BadExposition):
        page.take(1000, "a 1\n<html>\n")
    assert at(store, "a", 1000) == {}


def pod(
    annotations: dict[str, str], *, phase: str = "Running", ip: str = "127.9.0.1", port: int = 9898
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "podinfo-1",
            "namespace": "test",
            "labels": {"app": "podinfo", "app.kubernetes.io/name": "podinfo"},
            "annotations": annotations,
        },
        "spec": {"containers": [{"name": "app", "image": "app", "ports": [{"containerPort": port}]}]},
        "status": {"phase": phase, "podIP": ip},
    }


URLS: list[tuple[dict[str, str], dict[str, Any], list[str]]] = [
    ({"prometheus.io/scrape": "true"}, {}, ["http://127.9.0.1:9898/metrics"]),
    ({"prometheus.io/scrape": "true", "prometheus.io/port": "9797"}, {}, ["http://127.9.0.1:9797/metrics"]),
    ({"prometheus.io/scrape": "true", "prometheus.io/path": "/stats/all"}, {}, ["http://127.9.0.1:9898/stats/all"]),
    ({"prometheus.io/scrape": "false"}, {}, []),
    ({}, {}, []),
    ({"prometheus.io/scrape": "true"}, {"phase": "Pending"}, []),
    ({"prometheus.io/scrape": "true"}, {"ip": ""}, []),
]


@pytest.mark.parametrize(("annotations", "state", "urls"), URLS)
def test_a_pod_is_scraped_where_its_annotations_say(
    annotations: dict[str, str], state: dict[str, Any], urls: list[str]
) -> None:
    read = msgspec.convert(pod(annotations, **state), Pod)
    assert [target.url for target in pod_targets(read)] == urls


def test_a_pod_labels_its_series_as_the_usual_relabelling_does() -> None:
    read = msgspec.convert(pod({"prometheus.io/scrape": "true"}), Pod)
    assert dict(next(pod_targets(read)).labels) == {
        "app": "podinfo",
        "app_kubernetes_io_name": "podinfo",
        "instance": "127.9.0.1:9898",
        "job": "kubernetes-pods",
        "kubernetes_namespace": "test",
        "kubernetes_pod_name": "podinfo-1",
    }


@pytest.fixture
async def page_port() -> AsyncIterator[int]:
    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text='requests_total{code="200"} 12\n')

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_pods_and_gateway_are_scraped_in_one_round(page_port: int) -> None:
    store = Store()
    async with ApiServer() as server, Client(Config(server=server.url)) as client:
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}})
        wanted = pod({"prometheus.io/scrape": "true"}, ip="127.0.0.1", port=page_port)
        made = await client.create(wanted)
        await client.replace({**made, "status": wanted["status"]}, subresource="status")
        url = f"http://127.0.0.1:{page_port}/metrics"
        scraper = Scraper(client, store, gateway=lambda: url, interval=0.05, clock=lambda: 1000.0 + scraper.rounds)
        running = asyncio.create_task(scraper.run())
        try:
            async with asyncio.timeout(10):
                while scraper.rounds < 3:
                    await asyncio.sleep(0.01)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    found = at(store, 'requests_total{kubernetes_namespace="test", kubernetes_pod_name="podinfo-1"}', 1_002_000)
    assert list(found.values()) == [12]
    assert list(at(store, 'requests_total{job="envoy"}', 1_002_000).values()) == [12]
    assert len(at(store, "up == 1", 1_002_000)) == 2


async def test_a_target_that_refuses_is_down(page_port: int) -> None:
    store = Store()
    async with ApiServer() as server, Client(Config(server=server.url)) as client, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{page_port}/missing"
        await Scraper(client, store, gateway=lambda: url, clock=lambda: 1000.0).scrape(session)
    assert at(store, "up", 1_000_000) == {'up{instance="gateway", job="envoy"}': 0}
