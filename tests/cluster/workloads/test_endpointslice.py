"""EndpointSlices: who is in, what is said of them, which port they offer."""

from __future__ import annotations

from typing import Any

import pytest

from davy.cluster.workloads import endpointslice
from davy.cluster.workloads.endpointslice import Backing, Port
from davy.cluster.workloads.kinds import ENDPOINT_SLICE, POD, SERVICE
from davy.cluster.workloads.objects import name
from davy.cluster.workloads.writes import Create, Merge, Remove


def _service(**spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "svc", "namespace": "default", "uid": "s"},
        "spec": {"selector": {"app": "a"}, "ports": ports, **spec},
    }


def _pod(called: str, *, ready: bool = True, leaving: bool = False, port: int = 8080, **status: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": called, "namespace": "default", "uid": called, "labels": {"app": "a"}}
    if leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": metadata,
        "spec": {"nodeName": "n", "containers": [{"ports": [{"name": "web", "containerPort": port}]}]},
        "status": {"phase": "Running", "podIP": f"127.16.0.{len(called)}", "conditions": conditions, **status},
    }


def _conditions(service: dict[str, Any], pod: dict[str, Any]) -> list[tuple[bool, bool, bool]]:
    (slice_,) = endpointslice.slices(service, [pod])
    return [
        tuple(each["conditions"][key] for key in ("ready", "serving", "terminating")) for each in slice_["endpoints"]
    ]


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (_pod("a"), [(True, True, False)]),
        (_pod("a", ready=False), [(False, False, False)]),
        (_pod("a", leaving=True), [(False, True, True)]),
        (_pod("a", ready=False, leaving=True), [(False, False, True)]),
        (_pod("a", podIP=""), []),
        (_pod("a", phase="Failed"), []),
        ({**_pod("a"), "metadata": {"name": "a", "namespace": "default", "labels": {"app": "b"}}}, []),
    ],
)
def test_what_is_said_of_a_pod(pod: dict[str, Any], expected: list[tuple[bool, ...]]) -> None:
    assert _conditions(_service(), pod) == expected


def test_publish_not_ready_addresses_makes_all_ready() -> None:
    assert _conditions(_service(publishNotReadyAddresses=True), _pod("a", ready=False)) == [(True, False, False)]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"port": 80}, 80),
        ({"port": 80, "targetPort": 9000}, 9000),
        ({"port": 80, "targetPort": "web"}, 8080),
        ({"port": 80, "targetPort": "other"}, None),
    ],
)
def test_target_ports_by_number_and_by_name(port: dict[str, Any], expected: int | None) -> None:
    found = endpointslice.ports(_service(ports=[port]), _pod("a"))
    assert found == (() if expected is None else (Port("", expected, "TCP"),))


def test_pods_that_resolve_a_name_differently_are_in_slices_of_their_own() -> None:
    made = endpointslice.slices(_service(), [_pod("a"), _pod("bb"), _pod("ccc", port=9090)])
    assert [(each["ports"][0]["port"], len(each["endpoints"])) for each in made] == [(8080, 2), (9090, 1)]
    assert len({name(each) for each in made}) == 2


def test_a_service_without_pods_has_an_empty_slice() -> None:
    (made,) = endpointslice.slices(_service(), [])
    assert made["endpoints"] == []


@pytest.mark.parametrize("spec", [{"selector": None}, {"selector": {}}, {"type": "ExternalName"}])
def test_a_service_that_others_look_after_is_left_alone(spec: dict[str, Any]) -> None:
    assert endpointslice.desired(Backing(_service(**spec), (_pod("a"),), ())) == ()


def test_only_differences_are_written() -> None:
    service, pods = _service(), (_pod("a"), _pod("bb"))
    (created,) = endpointslice.desired(Backing(service, pods, ()))
    assert isinstance(created, Create)
    assert endpointslice.desired(Backing(service, pods, (created.manifest,))) == ()
    (changed,) = endpointslice.desired(Backing(service, pods[:1], (created.manifest,)))
    assert isinstance(changed, Merge)
    assert list(changed.body) == ["endpoints"]
    surplus = {**created.manifest, "metadata": {**created.manifest["metadata"], "name": "old", "uid": "x"}}
    (removed,) = endpointslice.desired(Backing(service, pods, (created.manifest, surplus)))
    assert isinstance(removed, Remove)


async def test_a_slice_follows_its_pods_and_its_service(bench: Any) -> None:
    await bench.deploy()
    await bench.client.create(_service())

    def states() -> list[list[bool]]:
        return [[e["conditions"]["ready"] for e in each.get("endpoints") or []] for each in bench.all(ENDPOINT_SLICE)]

    await bench.until(lambda: states() == [[]])
    await bench.client.patch(SERVICE, "default", "svc", {"spec": {"selector": {"app": "app"}}}, content="merge")
    await bench.until(lambda: states() == [[True] * 3])
    await bench.ready(bench.all(POD)[0], ready=False)
    await bench.until(lambda: sorted(states()[0]) == [False, True, True] or states() == [[True] * 3])
    await bench.client.delete(SERVICE, "default", "svc")
    await bench.until(lambda: not bench.all(ENDPOINT_SLICE))
