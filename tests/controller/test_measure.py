"""Metrics: rendered, asked of their servers, and whatever goes wrong is a reading too."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Ref
from davy.controller.measure import Meter, observed
from davy.controller.world import METRIC_TEMPLATE, World
from davy.core.plan import MetricCheck, PingCheck
from davy.core.snapshot import Answer, Error, NoData, Reading, Value
from davy.kube.client import Client
from davy.providers.base import Response, Unreachable
from davy.settings import Settings

from . import manifests

SETTINGS = Settings(metrics_server="http://prometheus.test:9090")


def canary(*metrics: dict[str, Any]) -> Canary:
    return codec.decode_canary(manifests.canary(analysis={"iterations": 1, "metrics": list(metrics)}))


class Server:
    """A metrics server in the shape of the `Http` that providers are lent."""

    def __init__(self, body: str = "", status: int = 200) -> None:
        self.body, self.status = body, status
        self.asked: list[str] = []

    async def __call__(self, method: str, url: str, *, params: Mapping[str, str] = {}, **_: object) -> Response:
        self.asked.append(params.get("query", "") or url)
        if not self.status:
            raise Unreachable("connection refused")
        return Response(self.status, self.body.encode())


def vector(*values: str) -> str:
    result = [{"metric": {"n": str(n)}, "value": [0, value]} for n, value in enumerate(values)]
    return msgspec.json.encode({"status": "success", "data": {"resultType": "vector", "result": result}}).decode()


async def reading(
    client: Client, world: World, server: Server, metric: dict[str, Any], question: MetricCheck | PingCheck
) -> Answer:
    world.watch(METRIC_TEMPLATE)
    await world.watch(METRIC_TEMPLATE).synced.wait()
    return await Meter(client, world, server, SETTINGS, lambda: manifests.BEGIN).answer(canary(metric), question)


CHECK = MetricCheck(id="x", index=0)
DURATION = {"name": "request-duration", "thresholdRange": {"max": 500}}


@pytest.mark.parametrize(
    ("server", "metric", "expected"),
    [
        (Server(vector("99.5")), manifests.METRIC, Value(99.5, 1)),
        (Server(vector("0.25")), DURATION, Value(250.0, 1)),
        (Server(vector()), manifests.METRIC, NoData()),
        (Server(vector("NaN")), manifests.METRIC, NoData()),
    ],
)
async def test_a_built_in_metric_is_a_number_in_its_unit_or_no_data(
    client: Client, world: World, server: Server, metric: dict[str, Any], expected: Reading
) -> None:
    assert (await reading(client, world, server, metric, CHECK)).reading == expected


@pytest.mark.parametrize(
    ("server", "metric", "kind"),
    [
        (Server(status=0), manifests.METRIC, "unreachable"),
        (Server("<html>", 503), manifests.METRIC, "refused"),
        (Server(vector("1")), {"name": "x", "templateRef": {"name": "gone"}}, "configuration"),
        (Server(vector("1")), {"name": "x", "query": "{{ nonsense }}"}, "configuration"),
    ],
)
async def test_whatever_goes_wrong_is_a_reading(
    client: Client, world: World, server: Server, metric: dict[str, Any], kind: str
) -> None:
    found = (await reading(client, world, server, metric, CHECK)).reading
    assert isinstance(found, Error)
    assert found.kind == kind


async def test_a_template_is_rendered_and_asked_of_its_own_server(client: Client, world: World) -> None:
    query = 'sum(rate(hits{ns="{{ namespace }}",app="{{ target }}",k="{{ variables.k }}"}[{{ interval }}]))'
    template = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "hits", "namespace": "test"},
        "spec": {"provider": {"type": "prometheus", "address": "http://elsewhere.test"}, "query": query},
    }
    await client.create(template)
    metric = {"name": "hits", "interval": "30s", "templateRef": {"name": "hits"}, "templateVariables": {"k": "v"}}
    server = Server(vector("7"))
    answer = await reading(client, world, server, metric, CHECK)
    assert answer.reading == Value(7.0, 1)
    assert answer.query == 'sum(rate(hits{ns="test",app="app",k="v"}[30s]))'


async def test_a_template_reads_its_secret_each_time_and_says_which_one_it_lacks(client: Client, world: World) -> None:
    provider = {"type": "prometheus", "address": "http://elsewhere.test", "secretRef": {"name": "key"}}
    template = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "hits", "namespace": "test"},
        "spec": {"provider": provider, "query": "hits"},
    }
    await client.create(template)
    metric = {"name": "hits", "templateRef": {"name": "hits"}}
    missing = (await reading(client, world, Server(vector("7")), metric, CHECK)).reading
    assert isinstance(missing, Error)
    assert "Secret test/key cannot be read" in missing.words
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "test"}}
    await client.create({**secret, "stringData": {"username": "u", "password": "p"}})
    assert (await reading(client, world, Server(vector("7")), metric, CHECK)).reading == Value(7.0, 1)


async def test_with_knative_the_route_is_the_revision_that_is_tried(client: Client) -> None:
    service = Ref("serving.knative.dev/v1", "Service", "test", "app")
    spec: dict[str, Any] = {
        "provider": "knative",
        "targetRef": {"apiVersion": service.api_version, "kind": "Service", "name": "app"},
    }
    made = codec.decode_canary(manifests.canary(**spec))
    found = {"status": {"latestCreatedRevisionName": "app-00002"}}
    server = Server(vector("99"))
    knative = cast(Any, SimpleNamespace(get={service: found}.get))
    answer = await Meter(client, knative, server, SETTINGS, lambda: manifests.BEGIN).answer(made, CHECK)
    assert 'envoy_cluster_name=~"test/app-00002"' in answer.query


@pytest.mark.parametrize(
    ("mesh", "own", "found"),
    [("linkerd", "nginx", "linkerd"), ("linkerd", "", "linkerd"), ("istio", "nginx", "nginx"), ("istio", "", "istio")],
)
def test_in_a_linkerd_mesh_linkerd_is_asked_whoever_splits_the_traffic(mesh: str, own: str, found: str) -> None:
    made = codec.decode_canary(manifests.canary(own))
    assert observed(made, Settings(mesh_provider=mesh)) == found


async def test_a_ping_asks_whether_the_server_is_there(client: Client, world: World) -> None:
    server = Server(vector("1"))
    answer = await reading(client, world, server, manifests.METRIC, PingCheck(id="p", index=0))
    assert answer.reading == Value(1.0, 1)
    assert server.asked == ["vector(1)"]
