"""The schemas of the Gateway API, as an API server applies them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from davy.cluster.gateway.crds import gateway_api_crds
from davy.cluster.gateway.shelves import GATEWAY, HTTP_ROUTE
from davy.kube.client import Client
from davy.kube.errors import Invalid
from davy.kube.kinds import Kind

from .conftest import gateway_object, route, weights

ROOT = {"type": "PathPrefix", "value": "/"}
GOLDEN = Path(__file__).parents[2] / "routers" / "golden"


def test_both_versions_are_served_and_one_is_stored() -> None:
    for crd in gateway_api_crds():
        versions = {v["name"]: (v["served"], v["storage"]) for v in crd["spec"]["versions"]}
        assert versions == {"v1": (True, True), "v1beta1": (True, False)}


async def test_a_route_gets_the_defaults_of_the_real_schema(client: Client) -> None:
    rule = {
        **weights(app=50),
        "matches": [{"headers": [{"name": "x", "value": "1"}]}],
        "filters": [
            {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b", "port": 80}}},
            {"type": "CORS", "cors": {"allowOrigins": ["*"]}},
        ],
    }
    made = (await client.create(route("app", rule, {"backendRefs": [{"name": "a"}]})))["spec"]
    assert made["parentRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}]
    first, second = made["rules"]
    assert first["matches"] == [{"path": ROOT, "headers": [{"name": "x", "value": "1", "type": "Exact"}]}]
    assert first["backendRefs"] == [{"group": "", "kind": "Service", "name": "app", "port": 80, "weight": 50}]
    assert first["filters"][0]["requestMirror"]["backendRef"]["kind"] == "Service"
    assert first["filters"][1]["cors"]["maxAge"] == 5
    assert second["matches"] == [{"path": ROOT}]
    assert second["backendRefs"][0]["weight"] == 1


async def test_fields_that_the_schema_does_not_list_are_kept(client: Client) -> None:
    rule = {**weights(app=1), "name": "first", "retry": {"attempts": 2}, "sessionPersistence": {"type": "Cookie"}}
    made = (await client.create(route("app", rule)))["spec"]["rules"][0]
    assert (made["name"], made["retry"], made["sessionPersistence"]) == ("first", {"attempts": 2}, {"type": "Cookie"})


async def test_the_other_version_shows_the_same_object(client: Client) -> None:
    await client.create(route("app", weights(app=1)))
    other = await client.get(Kind("gateway.networking.k8s.io/v1beta1", "HTTPRoute"), "default", "app")
    assert other["apiVersion"] == "gateway.networking.k8s.io/v1beta1"
    assert other["spec"] == (await client.get(HTTP_ROUTE, "default", "app"))["spec"]


async def test_a_listener_takes_routes_of_its_own_namespace_by_default(client: Client) -> None:
    manifest = gateway_object(80)
    del manifest["spec"]["listeners"][0]["allowedRoutes"]
    await client.create(manifest)
    (listener,) = (await client.get(GATEWAY, "default", "public"))["spec"]["listeners"]
    assert listener["allowedRoutes"] == {"namespaces": {"from": "Same"}}


ADDS = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "x", "value": "1"}]}}
COPIES = {"backendRef": {"name": "a", "port": 80}, "percent": 1, "fraction": {"numerator": 1}}
PREFIX = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
BAD: dict[str, dict[str, Any]] = {
    "weight": {"backendRefs": [{"name": "a", "port": 80, "weight": -1}]},
    "port": {"backendRefs": [{"name": "a", "port": 70000}]},
    "path type": {"matches": [{"path": {"type": "Suffix", "value": "/"}}]},
    "time-out": {"timeouts": {"request": "soon"}},
    "filter": {"filters": [{"type": "Nonsense"}]},
    "a modifier twice": {"filters": [ADDS, ADDS]},
    "a modifier twice at a backend": {"backendRefs": [{"name": "a", "port": 80, "filters": [ADDS, ADDS]}]},
    "percent and fraction": {"filters": [{"type": "RequestMirror", "requestMirror": COPIES}]},
    "a prefix replaced for two": {"filters": [PREFIX], "matches": [{"path": ROOT}, {"path": ROOT}]},
    "a prefix replaced of none": {"filters": [PREFIX], "matches": [{"path": {"type": "Exact", "value": "/a"}}]},
}


@pytest.mark.parametrize("case", BAD)
async def test_what_the_real_schema_refuses_is_refused(client: Client, case: str) -> None:
    with pytest.raises(Invalid):
        await client.create(route("app", BAD[case]))


async def test_each_filter_may_come_once_and_a_prefix_may_be_replaced(client: Client) -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b", "port": 80}, "percent": 5}}
    rule = {**weights(app=1), "filters": [ADDS, PREFIX, mirror, mirror], "matches": [{"path": ROOT}]}
    rule["backendRefs"][0]["filters"] = [ADDS]
    made = await client.create(route("app", rule))
    assert len(made["spec"]["rules"][0]["filters"]) == 4


async def test_what_our_router_writes_is_served_as_it_was_written(client: Client) -> None:
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}})
    routes = [yaml.safe_load(path.read_text()) for path in sorted(GOLDEN.glob("gatewayapi-*/*.yaml"))]
    assert routes
    for manifest in routes:
        assert (await client.apply(manifest))["spec"] == manifest["spec"]
