"""Core Service: copies that an API server accepts, which follow what the target selects and nothing that is its own."""

import copy
from typing import Any

import pytest
from tests.targets.kinds import CASES, SERVICE, Case, World, edited, making, merged, put
from tests.targets.world import canary

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core.edit import differing
from davy.core.revisions import revision
from davy.targets.base import NO_SELECTOR, Target
from davy.targets.service import Service

KIND: Target = Service()
CASE = CASES["", "Service"]
PRIMARY, COPY = (Ref("v1", "Service", "shop", f"app-{side}") for side in ("primary", "canary"))

PUBLIC: Manifest = {
    "type": "LoadBalancer",
    "externalIPs": ["192.0.2.1"],
    "externalTrafficPolicy": "Local",
    "healthCheckNodePort": 31000,
    "allocateLoadBalancerNodePorts": True,
    "loadBalancerClass": "cloud/fast",
    "loadBalancerIP": "192.0.2.2",
    "loadBalancerSourceRanges": ["192.0.2.0/24"],
}
CHOSEN = {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort", "nodePort"}


def cluster(**spec: Any) -> World:
    """With the target, as the API server serves it."""
    return put({}, CASE, merged(SERVICE, {"spec": spec}))


def target(world: World) -> Manifest:
    found = KIND.target(CASE.canary, world)
    assert found is not None
    return found


def created(world: World, spec: Canary = CASE.canary) -> Manifest:
    case = Case(spec, CASE.before, CASE.after, CASE.controlled)
    made = KIND.created(target(world), making(case, target(world), KIND))
    assert isinstance(made, dict)
    return made


def mirrored(world: World) -> Manifest:
    """The copy in front of what the target selects."""
    (manifest,) = KIND.services(target(world), making(CASE, target(world), KIND), world)
    return manifest


def carrying(world: World) -> dict[str, Any]:
    edit = KIND.carrying(target(world), world[PRIMARY], making(CASE, target(world), KIND, "v1:b"))
    return differing(world[PRIMARY], edit)


@pytest.mark.parametrize("spec", [{}, {"type": "NodePort"}, PUBLIC], ids=["plain", "node ports", "load balancer"])
def test_the_copies_are_plain_and_name_nothing_that_the_server_chooses(spec: Manifest) -> None:
    world = cluster(**spec)
    for made in (created(world)["spec"], mirrored(world)["spec"]):
        assert made["type"] == "ClusterIP"
        assert not made.keys() & (CHOSEN | PUBLIC.keys() - {"type"})
        assert not any(port.keys() & CHOSEN for port in made["ports"])
        assert made["selector"] == {"app": "app"}
        assert [port["port"] for port in made["ports"]] == [80, 81]


def test_another_name_outside_the_cluster_is_copied_as_such() -> None:
    spec = {"type": "ExternalName", "externalName": "shop.example.com"}
    made = created(put({}, CASE, {**SERVICE, "spec": spec}))
    assert made["spec"] == {**spec, "sessionAffinity": "None"}


def test_a_headless_service_has_headless_copies_which_stay_as_they_were_born() -> None:
    headless, plain = cluster(clusterIP="None"), cluster()
    assert created(headless)["spec"]["clusterIP"] == "None"
    assert mirrored(headless)["spec"]["clusterIP"] == "None"
    born_plain = {**put(plain, CASE, mirrored(plain)), **headless}
    assert "clusterIP" not in mirrored(born_plain)["spec"]
    born_headless = {**put(headless, CASE, mirrored(headless)), **plain}
    assert mirrored(born_headless)["spec"]["clusterIP"] == "None"


def test_a_copy_of_an_external_name_has_no_address_even_if_it_had_one() -> None:
    headless = cluster(clusterIP="None")
    world = put(headless, CASE, mirrored(headless))
    spec = {"type": "ExternalName", "externalName": "shop.example.com"}
    world = {**world, **put({}, CASE, {**SERVICE, "spec": spec})}
    assert "clusterIP" not in mirrored(world)["spec"]


def test_the_copies_are_called_like_the_target_whatever_the_apex_is_called() -> None:
    spec = canary({"port": 80, "name": "web"}, targetRef={"apiVersion": "v1", "kind": "Service", "name": "app"})
    assert KIND.reads(spec, {}) == (COPY,)
    assert mirrored(cluster())["metadata"]["name"] == "app-canary"
    assert created(cluster(), spec)["metadata"]["name"] == "app-primary"


def test_somebody_elses_service_of_that_name_is_used_but_not_owned() -> None:
    world = put(cluster(), CASE, {**SERVICE, "metadata": {"name": "app-canary", "namespace": "shop"}})
    assert mirrored(world)["metadata"] == {"name": "app-canary", "namespace": "shop"}


@pytest.mark.parametrize(
    "spec",
    [
        PUBLIC,
        {"clusterIP": "10.9.9.9"},
        {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]},
        {"type": "NodePort"},
    ],
)
def test_what_a_server_or_a_cloud_fills_in_makes_no_revision(spec: Manifest) -> None:
    before, after = (KIND.template(target(world)) for world in (cluster(), cluster(**spec)))
    assert revision(before) == revision(after)


@pytest.mark.parametrize(
    "spec",
    [
        {"selector": {"app": "two"}},
        {"ports": [{"name": "web", "port": 80, "targetPort": 9090}]},
        {"sessionAffinity": "ClientIP"},
        {"publishNotReadyAddresses": True},
        {"trafficDistribution": "PreferClose"},
        {"type": "ExternalName", "externalName": "shop.example.com"},
        {"future": "1"},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_everything_else_makes_one_and_is_promoted_whole(spec: Manifest) -> None:
    before = cluster()
    world = put(before, CASE, created(before))
    world = {**world, **cluster(**spec)}
    selector = KIND.selector(target(world), ())
    assert revision(KIND.template(target(before))) != revision(KIND.template(target(world)))
    assert not KIND.alike(target(world), world[PRIMARY], selector)
    edit = KIND.carrying(target(world), world[PRIMARY], making(CASE, target(world), KIND, "v1:b"))
    promoted = put(world, CASE, edit)
    assert KIND.alike(target(world), promoted[PRIMARY], selector)
    assert carrying(promoted) == {}


def test_a_promotion_drops_what_the_target_dropped() -> None:
    before = cluster(publishNotReadyAddresses=True)
    world = {**put(before, CASE, created(before)), **cluster()}
    assert carrying(world)["/spec/publishNotReadyAddresses"] is None


def test_a_promotion_leaves_the_address_and_the_owner_of_the_primary() -> None:
    world = put(cluster(), CASE, created(cluster()))
    before = copy.deepcopy(world[PRIMARY])
    world = put(world, CASE, copy.deepcopy(CASE.after))
    edit = KIND.carrying(target(world), world[PRIMARY], making(CASE, target(world), KIND, "v1:b"))
    after = edited(world[PRIMARY], edit)
    for field in ("clusterIP", "clusterIPs", "ipFamilies"):
        assert after["spec"][field] == before["spec"][field]
    assert after["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]


def test_the_canary_may_ask_for_a_distribution_where_the_target_is_silent() -> None:
    ref = {"apiVersion": "v1", "kind": "Service", "name": "app"}
    spec = canary({"port": 80, "trafficDistribution": "PreferClose"}, targetRef=ref)
    made = created(cluster(), spec)
    assert made["spec"]["trafficDistribution"] == "PreferClose"
    assert KIND.alike(target(cluster()), made, NO_SELECTOR)
    own = created(cluster(trafficDistribution="PreferSameNode"), spec)
    assert own["spec"]["trafficDistribution"] == "PreferSameNode"


def test_nothing_of_it_is_scaled_or_moved() -> None:
    world = cluster()
    assert not KIND.scalable
    assert KIND.sized(target(world), 0) is None
    assert KIND.carried_replicas(CASE.canary, target(world)) is None
    assert KIND.selector(target(world), ("app",)) == NO_SELECTOR
    assert KIND.apex("primary", target(world), making(CASE, target(world), KIND), world) is None
    assert KIND.apex_selects(CASE.canary, NO_SELECTOR, world) == "any"
    assert KIND.pod(target(world)) == {}
