"""The life of objects over HTTP: what every client relies on."""

from typing import Any

import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = "/apis/davy.test/v1/namespaces/default/things"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "data": {"k": "v"}}


def deployment(name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}


def thing(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "davy.test/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}


async def test_a_stale_write_is_a_conflict(api: Any) -> None:
    made = (await api("POST", CONFIGMAPS, config_map("a"))).body
    assert (await api("PUT", f"{CONFIGMAPS}/a", {**made, "data": {"k": "w"}})).code == 200
    reply = await api("PUT", f"{CONFIGMAPS}/a", {**made, "data": {"k": "x"}})
    assert (reply.code, reply.body["reason"]) == (409, "Conflict")


async def test_a_write_that_changes_nothing_is_none(api: Any) -> None:
    made = (await api("POST", CONFIGMAPS, config_map("a"))).body
    patched = await api("PATCH", f"{CONFIGMAPS}/a", {"data": {"k": "v"}}, media=MERGE)
    assert patched.body["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_a_missing_namespace_takes_nothing(api: Any) -> None:
    reply = await api("POST", "/api/v1/namespaces/none/configmaps", config_map("a"))
    assert (reply.code, reply.body["message"]) == (404, 'namespaces "none" not found')


async def test_a_deployment_is_filled_with_defaults(api: Any) -> None:
    made = (await api("POST", DEPLOYMENTS, deployment("d"))).body
    assert made["spec"]["replicas"] == 1
    assert made["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["terminationMessagePath"] == "/dev/termination-log"
    assert container["imagePullPolicy"] == "Always"


@pytest.mark.parametrize(
    ("patch", "generation"),
    [
        ({"spec": {"replicas": 3}}, 2),
        ({"metadata": {"labels": {"x": "y"}}}, 1),
        ({"metadata": {"annotations": {"x": "y"}}}, 2),
        ({"status": {"replicas": 3}}, 1),
    ],
)
async def test_generation_counts_what_is_asked_for(api: Any, patch: dict[str, Any], generation: int) -> None:
    await api("POST", DEPLOYMENTS, deployment("d"))
    patched = await api("PATCH", f"{DEPLOYMENTS}/d", patch, media=MERGE)
    assert patched.body["metadata"]["generation"] == generation


async def test_a_selector_stays(api: Any) -> None:
    await api("POST", DEPLOYMENTS, deployment("d"))
    change = deployment("d")
    change["spec"]["selector"]["matchLabels"] = {"a": "c"}
    change["spec"]["template"]["metadata"]["labels"] = {"a": "c"}
    reply = await api("PUT", f"{DEPLOYMENTS}/d", change)
    assert "field is immutable" in reply.body["message"]


async def test_finalizers_hold_a_deleted_object(api: Any) -> None:
    await api("POST", CONFIGMAPS, config_map("a", finalizers=["x.io/y"]))
    marked = await api("DELETE", f"{CONFIGMAPS}/a")
    assert "deletionTimestamp" in marked.body["metadata"]
    await api("PATCH", f"{CONFIGMAPS}/a", {"metadata": {"finalizers": None}}, media=MERGE)
    assert (await api("GET", f"{CONFIGMAPS}/a")).code == 404


async def test_a_pod_with_a_node_is_ended_by_its_node(api: Any) -> None:
    pods = "/api/v1/namespaces/default/pods"
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}}
    await api("POST", pods, pod)
    assert (await api("DELETE", f"{pods}/p")).body["metadata"]["deletionGracePeriodSeconds"] == 30
    assert (await api("GET", f"{pods}/p")).code == 200
    await api("DELETE", f"{pods}/p", gracePeriodSeconds="0")
    assert (await api("GET", f"{pods}/p")).code == 404


async def test_a_dry_run_keeps_nothing(api: Any) -> None:
    assert (await api("POST", CONFIGMAPS, config_map("a"), dryRun="All")).code == 201
    assert (await api("GET", f"{CONFIGMAPS}/a")).code == 404


async def test_services_get_addresses_of_their_own(api: Any) -> None:
    services = "/api/v1/namespaces/default/services"
    addresses = set()
    for name in ("a", "b"):
        made = await api("POST", services, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}})
        addresses.add(made.body["spec"]["clusterIP"])
    headless = {"metadata": {"name": "h"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    assert (await api("POST", services, headless)).body["spec"]["clusterIP"] == "None"
    assert len(addresses) == 2
    assert all(address.startswith("127.") for address in addresses)


async def test_a_custom_kind_lives_and_ends(api: Any, definition: dict[str, Any]) -> None:
    assert (await api("POST", DEFINITIONS, definition)).code == 201
    made = await api("POST", THINGS, thing("t", odd=1))
    assert (made.code, made.body["spec"]) == (201, {"size": 1})
    assert made.warnings == (r"unknown field \"spec.odd\"",), made.warnings
    assert "spec.size: Invalid value: -1" in (await api("POST", THINGS, thing("u", size=-1))).body["message"]
    assert "too big" in (await api("POST", THINGS, thing("u", size=100))).body["message"]
    strict = await api("POST", THINGS, thing("u", odd=1), fieldValidation="Strict")
    assert strict.body["message"].endswith('strict decoding error: unknown field "spec.odd"')
    await api("DELETE", f"{DEFINITIONS}/things.davy.test")
    assert (await api("GET", f"{THINGS}/t")).code == 404
    assert (await api("GET", f"{DEFINITIONS}/things.davy.test")).code == 404


async def test_status_and_scale_are_written_apart(api: Any, definition: dict[str, Any]) -> None:
    await api("POST", DEFINITIONS, definition)
    await api("POST", THINGS, thing("t", size=2))
    await api("PATCH", f"{THINGS}/t", {"status": {"size": 9}}, media=MERGE)
    assert "status" not in (await api("GET", f"{THINGS}/t")).body
    both = {"status": {"size": 2}, "spec": {"size": 9}}
    written = await api("PATCH", f"{THINGS}/t/status", both, media=MERGE)
    assert (written.body["status"], written.body["spec"]) == ({"size": 2}, {"size": 2})
    scaled = await api("PATCH", f"{THINGS}/t/scale", {"spec": {"replicas": 5}}, media=MERGE)
    assert (scaled.body["spec"], scaled.body["status"]["replicas"]) == ({"replicas": 5}, 2)
    assert (await api("GET", f"{THINGS}/t")).body["spec"]["size"] == 5


async def test_an_apply_makes_and_changes(api: Any) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v", "l": "w"}}
    assert (await api("PATCH", f"{CONFIGMAPS}/a", config, media=APPLY, fieldManager="one")).code == 201
    less = {**config, "data": {"k": "v"}}
    assert (await api("PATCH", f"{CONFIGMAPS}/a", less, media=APPLY, fieldManager="one")).body["data"] == {"k": "v"}
    other = {**config, "data": {"k": "x"}}
    reply = await api("PATCH", f"{CONFIGMAPS}/a", other, media=APPLY, fieldManager="two")
    assert reply.body["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.k'
    forced = await api("PATCH", f"{CONFIGMAPS}/a", other, media=APPLY, fieldManager="two", force="true")
    assert [entry["manager"] for entry in forced.body["metadata"]["managedFields"]] == ["two"]


async def test_old_and_new_events_are_one(api: Any) -> None:
    event = {
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "note": "it happened",
        "reason": "Happened",
        "type": "Normal",
        "action": "Happen",
        "reportingController": "x.io/y",
        "reportingInstance": "y-1",
    }
    assert (await api("POST", "/apis/events.k8s.io/v1/namespaces/default/events", event)).code == 201
    old = (await api("GET", "/api/v1/namespaces/default/events/e")).body
    assert (old["message"], old["involvedObject"]["name"]) == ("it happened", "p")
    found = await api("GET", "/api/v1/namespaces/default/events", fieldSelector="involvedObject.name=p")
    assert len(found.body["items"]) == 1


async def test_a_duplicate_field_is_told(server: Any, api: Any) -> None:
    raw = b'{"metadata":{"name":"a"},"data":{"k":"1","k":"2"}}'
    headers = {"Content-Type": "application/json"}
    async with api.session.post(f"{server.url}{CONFIGMAPS}", data=raw, headers=headers) as reply:
        assert reply.headers["Warning"] == r'299 - "duplicate field \"data.k\""'
