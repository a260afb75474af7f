"""What every router must do; a new line in the table is a new subject of these tests."""

import copy
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.routers.world import applied, canary, merged

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core import names
from davy.core.snapshot import TO_PRIMARY, Confirmed, Routing, Unknown
from davy.routers import ROUTERS, UnknownRouter, router_for
from davy.routers.base import Feature

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "DAVY_UPDATE_GOLDEN"

FIELDS = canary(
    name="web",
    timeout="15s",
    backendTimeout="5s",
    match=[
        {"uri": {"prefix": "/shop"}, "method": {"exact": "GET"}},
        {"headers": {"x-b": {"regex": "b.*"}, "x-a": {"exact": "a"}}, "queryParams": {"q": {"exact": "1"}}},
    ],
    rewrite={"uri": "/", "authority": "shop.example.com"},
    headers={"request": {"add": {"x-b": "2", "x-a": "1"}, "remove": ["x-old"]}, "response": {"set": {"x-res": "2"}}},
    mirror=[{"backendRef": {"name": "shadow", "namespace": "lab", "port": 80}}],
    corsPolicy={"allowOrigin": ["https://example.com"], "allowMethods": ["GET"], "allowCredentials": True},
    apex={"labels": {"team": "blue"}, "annotations": {"note": "apex"}},
)
CASES: dict[str, tuple[Canary, Routing]] = {
    "at-rest": (canary(), TO_PRIMARY),
    "weight-30": (canary(), Routing(70, 30)),
    "all-to-canary": (canary(), Routing(0, 100)),
    "every-field": (FIELDS, Routing(60, 40)),
    "service-as-parent": (
        canary(hosts=[], gatewayRefs=[{"group": "core", "kind": "Service", "name": "podinfo", "port": 9898}]),
        Routing(50, 50),
    ),
}
SPECS = st.sampled_from([case for case, _ in CASES.values()])
FOREIGN: Manifest = {"labels": {"x": "y"}, "annotations": {"other.io/keep": "1"}, "finalizers": ["other.io/wait"]}

thoroughly = settings(deadline=None, max_examples=40)
every_router = pytest.mark.parametrize("name", ROUTERS)


def routings(name: str, spec: Canary = canary()) -> st.SearchStrategy[Routing]:
    """Every routing that the router's features allow."""
    most = 100 if Feature.WEIGHT in ROUTERS[name].features(spec) else 0
    copies = st.booleans() if Feature.MIRROR in ROUTERS[name].features(spec) else st.just(False)
    return st.builds(lambda weight, copy: Routing(100 - weight, weight, copy), st.integers(0, most), copies)


def after(
    name: str, spec: Canary, routing: Routing, existing: dict[Ref, Manifest] | None = None
) -> dict[Ref, Manifest]:
    """The cluster after the router's objects were applied."""
    before = existing or {}
    return applied(ROUTERS[name].route(spec, routing, before), before)


@every_router
@thoroughly
@given(spec=SPECS, data=st.data())
def test_it_reads_back_what_it_wrote(name: str, spec: Canary, data: st.DataObject) -> None:
    routing = data.draw(routings(name))
    assert ROUTERS[name].routing(spec, after(name, spec, routing)) == routing


@every_router
@thoroughly
@given(spec=SPECS, data=st.data())
def test_no_trace_of_an_earlier_routing_is_left(name: str, spec: Canary, data: st.DataObject) -> None:
    first, second = data.draw(routings(name)), data.draw(routings(name))
    at_once = after(name, spec, second)
    by_the_way = after(name, spec, second, after(name, spec, first))
    for ref, manifest in at_once.items():
        assert by_the_way[ref] == manifest | {"metadata": manifest["metadata"] | {"generation": 2}}


@every_router
@thoroughly
@given(spec=SPECS, data=st.data())
def test_what_the_server_makes_of_it_is_what_was_written(name: str, spec: Canary, data: st.DataObject) -> None:
    routing = data.draw(routings(name))
    served = after(name, spec, routing)
    for wanted in ROUTERS[name].route(spec, routing, served):
        assert served[ref_of(wanted)]["spec"] == wanted["spec"]


@every_router
@thoroughly
@given(spec=SPECS, data=st.data())
def test_it_leaves_its_inputs_alone(name: str, spec: Canary, data: st.DataObject) -> None:
    existing = after(name, spec, data.draw(routings(name)))
    before = copy.deepcopy(existing)
    made = ROUTERS[name].route(spec, data.draw(routings(name)), existing)
    for manifest in made:
        manifest["metadata"]["annotations"]["scribble"] = "1"
        manifest["spec"].clear()
    assert existing == before


@every_router
@thoroughly
@given(spec=SPECS, data=st.data())
def test_it_touches_only_what_it_reads(name: str, spec: Canary, data: st.DataObject) -> None:
    written = {ref_of(manifest) for manifest in ROUTERS[name].route(spec, data.draw(routings(name)), {})}
    assert written <= set(ROUTERS[name].reads(spec))


@every_router
@thoroughly
@given(spec=SPECS)
def test_at_rest_the_canary_has_no_traffic(name: str, spec: Canary) -> None:
    existing = after(name, spec, TO_PRIMARY)
    assert ROUTERS[name].routing(spec, existing) == TO_PRIMARY
    backends = [
        backend for route in existing.values() for rule in route["spec"]["rules"] for backend in rule["backendRefs"]
    ]
    assert {item["weight"] for item in backends if item["name"] == spec.canary_service} <= {0}


@every_router
@thoroughly
@given(spec=SPECS, data=st.data())
def test_what_others_wrote_into_the_metadata_stays_theirs(name: str, spec: Canary, data: st.DataObject) -> None:
    routing = data.draw(routings(name))
    existing = after(name, spec, routing)
    for route in existing.values():
        route["metadata"] = merged(route["metadata"], FOREIGN)
    assert ROUTERS[name].route(spec, routing, existing) == ROUTERS[name].route(spec, routing, {})
    for route in after(name, spec, routing, existing).values():
        assert route["metadata"]["annotations"]["other.io/keep"] == "1"
        assert route["metadata"]["labels"]["x"] == "y"
        assert route["metadata"]["finalizers"] == ["other.io/wait"]


@every_router
@thoroughly
@given(spec=SPECS)
def test_only_what_it_made_dies_with_the_canary(name: str, spec: Canary) -> None:
    made = after(name, spec, TO_PRIMARY)
    users = copy.deepcopy(made)
    for route in users.values():
        del route["metadata"]["ownerReferences"]
    for existing, owners in ((made, [names.owner(spec)]), (users, None)):
        for manifest in ROUTERS[name].route(spec, TO_PRIMARY, existing):
            assert manifest["metadata"].get("ownerReferences") == owners


@every_router
def test_an_object_that_was_just_written_is_not_confirmed_by_itself(name: str) -> None:
    existing = after(name, canary(), TO_PRIMARY)
    assert ROUTERS[name].confirmed(canary(), TO_PRIMARY, existing) in (Unknown(), Confirmed())


@every_router
@pytest.mark.parametrize("case", CASES)
def test_the_objects_are_the_golden_ones(name: str, case: str) -> None:
    spec, routing = CASES[case]
    path = GOLDEN / name.replace(":", "-") / f"{case}.yaml"
    text = yaml.safe_dump_all(ROUTERS[name].route(spec, routing, {}), sort_keys=False, width=120)
    if os.environ.get(UPDATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"write {path} by running this test with {UPDATE}=1, and read what it wrote"
    assert text == path.read_text()


def test_no_golden_file_is_left_of_a_router_or_case_that_is_gone() -> None:
    folders = {name.replace(":", "-") for name in ROUTERS}
    assert {path.parent.name for path in GOLDEN.rglob("*.yaml")} == folders
    assert {path.stem for path in GOLDEN.rglob("*.yaml")} == set(CASES)


def test_an_unknown_provider_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownRouter) as told:
        router_for("isto")
    assert "unknown provider 'isto'" in str(told.value)
    assert all(name in str(told.value) for name in ROUTERS)
