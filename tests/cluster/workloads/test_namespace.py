"""A deleted namespace takes its contents along, and waits for what will not go yet."""

from __future__ import annotations

from typing import Any

from davy.cluster.workloads.kinds import NAMESPACE
from davy.kube.kinds import Kind

CONFIG_MAP = Kind("v1", "ConfigMap")


async def _content(bench: Any, called: str, **metadata: Any) -> None:
    made = {"name": called, "namespace": "shop", **metadata}
    await bench.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": made})


async def _begin(bench: Any) -> None:
    await bench.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})


async def test_a_namespace_goes_with_its_contents(bench: Any) -> None:
    await _begin(bench)
    await _content(bench, "a")
    await _content(bench, "b")
    await bench.until(lambda: len(bench.all(CONFIG_MAP, "shop")) == 2)
    await bench.client.delete(NAMESPACE, None, "shop")
    await bench.until(lambda: bench.get(NAMESPACE, "shop", "") is None)
    assert bench.all(CONFIG_MAP, "shop") == []


async def test_a_namespace_waits_for_a_finalizer(bench: Any) -> None:
    await _begin(bench)
    await _content(bench, "held", finalizers=["test/held"])
    await bench.until(lambda: bench.get(CONFIG_MAP, "held", "shop"))
    await bench.client.delete(NAMESPACE, None, "shop")
    await bench.until(lambda: bench.get(CONFIG_MAP, "held", "shop")["metadata"].get("deletionTimestamp"))
    assert bench.get(NAMESPACE, "shop", "")["status"]["phase"] == "Terminating"
    await bench.client.patch(CONFIG_MAP, "shop", "held", {"metadata": {"finalizers": None}}, content="merge")
    await bench.until(lambda: bench.get(NAMESPACE, "shop", "") is None)


async def test_a_deployment_in_a_leaving_namespace_starts_nothing_new(bench: Any) -> None:
    await _begin(bench)
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    meta = {"name": "app", "namespace": "shop"}
    await bench.client.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    await bench.client.delete(NAMESPACE, None, "shop")
    await bench.until(lambda: bench.get(NAMESPACE, "shop", "") is None)
