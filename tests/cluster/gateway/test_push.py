"""The order of a push, seen by an Envoy that acknowledges what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from davy.cluster.gateway.push import push
from davy.cluster.gateway.translate import translate
from davy.cluster.gateway.xds import Key, RejectedError, Resource, Type, XdsServer

from .worlds import http_route, to, world


class Recorder(XdsServer):
    """Notes offers and acknowledgements; refuses what is of type `refuses`."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.refuses: Type | None = None

    def offer(self, key: Key, resources: Sequence[Resource]) -> bool:
        changed = super().offer(key, resources)
        if changed:
            names = ",".join(sorted(str(r.get("name", r.get("cluster_name"))) for r in resources))
            self.steps.append(f"{key.type.value} {names}")
        return changed

    async def acked(self, keys: Sequence[Key], *, timeout: float) -> None:  # type: ignore[override]
        self.steps.append("ack " + ",".join(dict.fromkeys(key.type.value for key in keys)))
        await asyncio.sleep(0)
        if self.refuses in {key.type for key in keys}:
            raise RejectedError(keys[0], 1)


@pytest.fixture
async def xds() -> Recorder:
    recorder = Recorder()
    await push(recorder, translate(world(http_route("app", to("a")))), timeout=1)
    recorder.steps.clear()
    return recorder


async def test_new_clusters_come_before_routes_and_old_ones_go_after(xds: Recorder) -> None:
    await push(xds, translate(world(http_route("app", to("b")))), timeout=1)
    assert xds.steps == [
        "endpoints default_b_80",
        "clusters default_a_80,default_b_80",
        "ack clusters,endpoints",
        "routes http-8080",
        "ack routes,listeners",
        "clusters default_b_80",
        "ack clusters",
    ]
    assert xds.offered(Type.ENDPOINT) == {"default_b_80"}


async def test_a_changed_weight_touches_routes_only(xds: Recorder) -> None:
    await push(xds, translate(world(http_route("app", to("a=7")))), timeout=1)
    assert [step for step in xds.steps if not step.startswith("ack")] == ["routes http-8080"]


async def test_routes_that_are_refused_leave_the_old_clusters(xds: Recorder) -> None:
    xds.refuses = Type.ROUTE
    with pytest.raises(RejectedError):
        await push(xds, translate(world(http_route("app", to("b")))), timeout=1)
    assert {c["name"] for c in xds.resources(Key(Type.CLUSTER))} == {"default_a_80", "default_b_80"}


async def test_clusters_that_are_not_acknowledged_get_no_routes(xds: Recorder) -> None:
    xds.refuses = Type.CLUSTER
    with pytest.raises(RejectedError):
        await push(xds, translate(world(http_route("app", to("b")))), timeout=1)
    assert not [step for step in xds.steps if step.startswith("routes")]
