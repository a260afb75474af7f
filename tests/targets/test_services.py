"""The three Services: as Flagger makes them, and never somebody else's property."""

import copy
from typing import Any

import pytest
from tests.targets.world import APP, FLAGGER, bare, canary, target

from davy.api.ref import Manifest, Ref, ref_of
from davy.targets.services import apex, selects, services

APEX = Ref("v1", "Service", "shop", "app")


def made(service: Manifest | None = None, of: Manifest | None = None) -> dict[str, Manifest]:
    spec = canary(service)
    three = (*services(spec, APP, of), apex(spec, APP, "primary", of))
    return {item["metadata"]["name"]: item for item in three}


def served(manifest: Manifest, **spec: Any) -> dict[Ref, Manifest]:
    """The cluster in which the Service exists."""
    live = copy.deepcopy(manifest)
    live["spec"] |= {"clusterIP": "10.0.0.7", "type": "ClusterIP"} | spec
    return {ref_of(live): live}


@pytest.mark.parametrize("case", FLAGGER)
def test_the_services_are_the_ones_flagger_makes(case: str) -> None:
    recorded = FLAGGER[case]
    ours = {name: bare(item) for name, item in made(recorded["service"], recorded["target"]).items()}
    for item in recorded["services"].values():
        assert item["spec"].pop("type", "ClusterIP") == "ClusterIP"  # the server's default; we leave it to the server
    assert ours == recorded["services"]


def test_what_the_server_chooses_is_never_applied() -> None:
    assert {key for item in made().values() for key in item["spec"]} == {"selector", "ports"}


def test_the_apex_selects_the_side_it_is_told() -> None:
    for side, value in (("primary", "app-primary"), ("target", "app")):
        manifest = apex(canary(), APP, side)
        assert manifest["spec"]["selector"] == {"app": value}
        assert selects(manifest, APP) == side
    assert selects(None, APP) == ""
    assert selects({"spec": {"selector": {"app": "elsewhere"}}}, APP) == ""
    assert selects({"spec": {}}, APP) == ""


def test_every_word_about_the_port_is_passed_on() -> None:
    words = {"port": 80, "portName": "grpc", "targetPort": "web", "appProtocol": "kubernetes.io/h2c"}
    spec = made({**words, "trafficDistribution": "PreferClose"})["app"]["spec"]
    (port,) = spec["ports"]
    assert port == {
        "name": "grpc",
        "protocol": "TCP",
        "port": 80,
        "targetPort": "web",
        "appProtocol": "kubernetes.io/h2c",
    }
    assert spec["trafficDistribution"] == "PreferClose"


def test_a_service_is_born_headless_and_stays_as_it_was_born() -> None:
    spec, plain = canary({"port": 80, "headless": True}), canary()
    assert apex(spec, APP, "primary")["spec"]["clusterIP"] == "None"
    with_address = served(apex(plain, APP, "primary"))
    assert "clusterIP" not in apex(spec, APP, "primary", existing=with_address)["spec"]
    headless = served(apex(plain, APP, "primary"), clusterIP="None")
    assert apex(plain, APP, "primary", existing=headless)["spec"]["clusterIP"] == "None"


def test_a_service_of_the_users_is_used_but_not_owned() -> None:
    spec = canary({"port": 80, "apex": {"labels": {"l": "a"}, "annotations": {"a": "a"}}})
    users: Manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app", "namespace": "shop", "labels": {"team": "blue"}},
        "spec": {"selector": {"app": "app"}, "type": "LoadBalancer"},
    }
    manifest = apex(spec, APP, "primary", existing={APEX: users})
    assert manifest["metadata"].keys() == {"name", "namespace", "annotations"}
    assert set(manifest["metadata"]["annotations"]) == {
        "kustomize.toolkit.fluxcd.io/reconcile",
        "helm.toolkit.fluxcd.io/driftDetection",
    }
    assert manifest["spec"]["selector"] == {"app": "app-primary"}
    assert "type" not in manifest["spec"]


def test_a_service_of_ours_stays_ours() -> None:
    ours = apex(canary(), APP, "primary")
    assert apex(canary(), APP, "primary", existing=served(ours)) == ours


def test_metadata_of_the_spec_comes_with_each_service_and_never_hides_its_identity() -> None:
    words = {
        side: {"labels": {"l": side, "app": "x"}, "annotations": {"a": side}} for side in ("apex", "primary", "canary")
    }
    for name, side in (("app", "apex"), ("app-primary", "primary"), ("app-canary", "canary")):
        metadata = made({"port": 80, **words})[name]["metadata"]
        assert metadata["labels"] == {"l": side, "app": name}
        assert metadata["annotations"]["a"] == side


def test_unmanaged_keys_are_left_to_others() -> None:
    metadata = made(
        {
            "port": 80,
            "apex": {"labels": {"l": "a", "keep": "x"}, "annotations": {"keep": "x"}},
            "unmanagedMetadata": {"labels": ["keep"], "annotations": ["keep"]},
        }
    )["app"]["metadata"]
    assert metadata["labels"] == {"l": "a", "app": "app"}
    assert "keep" not in metadata["annotations"]


def pod(*containers: Manifest) -> Manifest:
    of = target()
    of["spec"]["template"]["spec"]["containers"] = list(containers)
    return of


def container(name: str, *ports: tuple[str, int]) -> Manifest:
    listed = [{"containerPort": number} | ({"name": label} if label else {}) for label, number in ports]
    return {"name": name, "ports": listed}


@pytest.mark.parametrize(
    ("service", "containers", "expected"),
    [
        ({"port": 8080}, [container("app", ("http", 8080), ("metrics", 9797))], {"metrics": 9797}),
        ({"port": 80, "targetPort": 8080}, [container("app", ("web", 8080), ("", 9797))], {"tcp-app-1": 9797}),
        ({"port": 80, "targetPort": "web"}, [container("app", ("web", 8080), ("b", 1))], {"b": 1}),
        ({"port": 80}, [container("app", ("http", 9898))], {"tcp-app-0": 9898}),
        ({"port": 80, "targetPort": 8080}, [container("app", ("web", 8080), ("x", 80))], {}),
        ({"port": 80}, [container("istio-proxy", ("a", 1)), container("envoy", ("b", 2))], {}),
        ({"port": 80}, [container("a", ("x", 1)), container("b", ("x", 2))], {"x": 1, "tcp-b-0": 2}),
        ({"port": 80}, [{"name": "silent"}], {}),
    ],
    ids=["own port", "nameless", "by name", "name taken", "number taken", "sidecars", "twice", "none"],
)
def test_the_other_ports_of_the_containers_are_discovered(
    service: Manifest, containers: list[Manifest], expected: dict[str, int]
) -> None:
    first, *others = made({**service, "portDiscovery": True}, pod(*containers))["app"]["spec"]["ports"]
    assert first["port"] == service["port"]
    assert {port["name"]: port["port"] for port in others} == expected
    assert all(port["port"] == port["targetPort"] and port["protocol"] == "TCP" for port in others)


def test_ports_are_not_discovered_unasked() -> None:
    assert len(made({"port": 80}, pod(container("app", ("metrics", 9797))))["app"]["spec"]["ports"]) == 1
