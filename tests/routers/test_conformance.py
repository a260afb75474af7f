"""What every router must do; a new line in the table is a new subject of these tests."""

import copy
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.routers.world import Rule, applied, canary, merged, rules, start

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core import names
from davy.core.edit import Edit, differing
from davy.core.snapshot import TO_PRIMARY, Confirmed, Routing, Unknown
from davy.routers import ROUTERS, UnknownRouter, router_for
from davy.routers.base import Feature

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "DAVY_UPDATE_GOLDEN"

MATCH = [
    {"headers": {"x-user": {"exact": "insider"}}},
    {"headers": {"cookie": {"regex": "^(.*; )?who=insider(;.*)?$"}}},
]
AFFINITY = {"cookieName": "fcookie", "primaryCookieName": "pcookie", "maxAge": 600, "path": "/", "httpOnly": True}
COOKIES = {"sessionAffinityCookie": "fcookie=LpsIaLdoNZ", "primarySessionAffinityCookie": "pcookie=zKhDTmVxQw"}
ENDED = {"previousSessionAffinityCookie": COOKIES["sessionAffinityCookie"]}


class Case(NamedTuple):
    """What is written once for each router that can express it."""

    spec: Canary
    routing: Routing
    needs: Feature = Feature.NONE


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
CASES: dict[str, Case] = {
    "at-rest": Case(canary(), TO_PRIMARY),
    "weight-30": Case(canary(), Routing(70, 30)),
    "all-to-canary": Case(canary(), Routing(0, 100)),
    "every-field": Case(FIELDS, Routing(60, 40)),
    "service-as-parent": Case(
        canary(hosts=[], gatewayRefs=[{"group": "core", "kind": "Service", "name": "podinfo", "port": 9898}]),
        Routing(50, 50),
    ),
    "match-at-rest": Case(canary(analysis={"iterations": 5, "match": MATCH}), TO_PRIMARY, Feature.MATCH),
    "match": Case(canary(analysis={"iterations": 5, "match": MATCH}), Routing(0, 100), Feature.MATCH),
    "match-within-paths": Case(
        canary(
            analysis={"iterations": 5, "match": MATCH}, match=[{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}]
        ),
        Routing(0, 100),
        Feature.MATCH,
    ),
    "mirrored": Case(canary(analysis={"mirror": True, "mirrorWeight": 50}), Routing(100, 0, True), Feature.MIRROR),
    "sessions": Case(
        canary(analysis={"sessionAffinity": AFFINITY}, status=COOKIES), Routing(70, 30), Feature.SESSION_AFFINITY
    ),
    "sessions-ended": Case(
        canary(
            analysis={"sessionAffinity": AFFINITY},
            status=ENDED,
            headers={"response": {"set": {"x-res": "2"}}},
            match=[{"uri": {"prefix": "/shop"}}],
        ),
        TO_PRIMARY,
        Feature.SESSION_AFFINITY,
    ),
}
FOREIGN: Manifest = {"labels": {"x": "y"}, "annotations": {"other.io/keep": "1"}, "finalizers": ["other.io/wait"]}

thoroughly = settings(deadline=None, max_examples=40)
every_router = pytest.mark.parametrize("name", ROUTERS)


def cases(name: str, needs: Feature = Feature.NONE) -> dict[str, Case]:
    """The cases that the router can express and that need (at least) this of it."""
    can = ROUTERS[name].features
    return {key: case for key, case in CASES.items() if case.needs in can(case.spec) and needs in case.needs}


def specs(name: str, needs: Feature = Feature.NONE) -> st.SearchStrategy[Canary]:
    """The canaries of these cases."""
    return st.sampled_from([case.spec for case in cases(name, needs).values()])


def routings(name: str, spec: Canary) -> st.SearchStrategy[Routing]:
    """Every routing that the router's features allow."""
    can = ROUTERS[name].features(spec)
    most = 100 if Feature.WEIGHT in can else 0
    copies = st.booleans() if Feature.MIRROR in can else st.just(False)
    return st.builds(lambda weight, copy: Routing(100 - weight, weight, copy), st.integers(0, most), copies)


def that_can(feature: Feature) -> pytest.MarkDecorator:
    """The routers that have the feature."""
    return pytest.mark.parametrize("name", [name for name in ROUTERS if cases(name, feature)])


def after(
    name: str, spec: Canary, routing: Routing, existing: dict[Ref, Manifest] | None = None
) -> dict[Ref, Manifest]:
    """The cluster after the router's objects were applied."""
    before = start(name, spec) if existing is None else existing
    return applied(ROUTERS[name].route(spec, routing, before), before)


def users(existing: dict[Ref, Manifest]) -> dict[Ref, Manifest]:
    """The same objects, had somebody else made them."""
    theirs = copy.deepcopy(existing)
    for manifest in theirs.values():
        manifest["metadata"].pop("ownerReferences", None)
        manifest["metadata"] = merged(manifest["metadata"], FOREIGN)
    return theirs


def rules_of(existing: dict[Ref, Manifest]) -> list[Rule]:
    return [rule for manifest in existing.values() for rule in rules(manifest)]


def said(rule: Rule) -> str:
    return json.dumps(rule.text)


@every_router
@thoroughly
@given(data=st.data())
def test_it_reads_back_what_it_wrote(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    routing = data.draw(routings(name, spec))
    assert ROUTERS[name].routing(spec, after(name, spec, routing)) == routing


@every_router
@thoroughly
@given(data=st.data())
def test_no_trace_of_an_earlier_routing_is_left(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    first, second = data.draw(routings(name, spec)), data.draw(routings(name, spec))
    at_once = after(name, spec, second)
    by_the_way = after(name, spec, second, after(name, spec, first))
    for ref, manifest in at_once.items():
        assert by_the_way[ref]["spec"] == manifest["spec"]
        assert by_the_way[ref]["metadata"] | {"generation": 0} == manifest["metadata"] | {"generation": 0}


@every_router
@thoroughly
@given(data=st.data())
def test_what_the_server_makes_of_it_is_what_was_written(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    routing = data.draw(routings(name, spec))
    served = after(name, spec, routing)
    for wanted in ROUTERS[name].route(spec, routing, served):
        if isinstance(wanted, Edit):
            assert not differing(served[wanted.ref], wanted)
        else:
            assert served[ref_of(wanted)]["spec"] == wanted["spec"]


@every_router
@thoroughly
@given(data=st.data())
def test_it_leaves_its_inputs_alone(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    existing = after(name, spec, data.draw(routings(name, spec)))
    if data.draw(st.booleans()):
        existing = users(existing)
    before = copy.deepcopy(existing)
    for made in ROUTERS[name].route(spec, data.draw(routings(name, spec)), existing):
        scribble(made.parts if isinstance(made, Edit) else made)
    assert existing == before


def scribble(value: Any) -> None:
    """Spoil everything that can be reached from there."""
    below = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    for item in below:
        scribble(item)
    if isinstance(value, dict | list):
        value.clear()


@every_router
@thoroughly
@given(data=st.data())
def test_it_touches_only_what_it_reads(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    made = ROUTERS[name].route(spec, data.draw(routings(name, spec)), start(name, spec))
    written = {item.ref if isinstance(item, Edit) else ref_of(item) for item in made}
    assert written <= set(ROUTERS[name].reads(spec))


@every_router
@thoroughly
@given(data=st.data())
def test_at_rest_the_canary_has_no_traffic(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    existing = after(name, spec, TO_PRIMARY)
    assert ROUTERS[name].routing(spec, existing) == TO_PRIMARY
    assert {rule.shares.get(spec.canary_service, 0) for rule in rules_of(existing)} <= {0}


@every_router
@thoroughly
@given(data=st.data())
def test_what_others_wrote_into_the_metadata_stays_theirs(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    routing = data.draw(routings(name, spec))
    existing = after(name, spec, routing)
    for route in existing.values():
        route["metadata"] = merged(route["metadata"], FOREIGN)
    assert ROUTERS[name].route(spec, routing, existing) == ROUTERS[name].route(spec, routing, start(name, spec))
    for route in after(name, spec, routing, existing).values():
        assert has_foreign(route)


def has_foreign(route: Manifest) -> bool:
    metadata = route["metadata"]
    return bool(merged(metadata, FOREIGN) == metadata)


@every_router
@thoroughly
@given(data=st.data())
def test_only_what_it_made_dies_with_the_canary(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    made = after(name, spec, TO_PRIMARY)
    for ref, route in after(name, spec, TO_PRIMARY, made).items():
        assert ref in start(name, spec) or route["metadata"]["ownerReferences"] == [names.owner(spec)]
    for route in after(name, spec, data.draw(routings(name, spec)), users(made)).values():
        assert "ownerReferences" not in route["metadata"]


@every_router
@thoroughly
@given(data=st.data())
def test_a_route_of_somebody_elses_says_the_same_and_keeps_what_is_theirs(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    before, routing = data.draw(routings(name, spec)), data.draw(routings(name, spec))
    theirs = after(name, spec, routing, users(after(name, spec, before)))
    assert rules_of(theirs) == rules_of(after(name, spec, routing))
    assert ROUTERS[name].routing(spec, theirs) == routing
    assert all(has_foreign(route) for route in theirs.values())
    assert after(name, spec, routing, theirs) == theirs


@every_router
@thoroughly
@given(data=st.data())
def test_what_goes_with_the_canary_needs_no_restoring(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name))
    edits = ROUTERS[name].restored(spec, after(name, spec, data.draw(routings(name, spec))))
    assert {edit.ref for edit in edits} <= set(start(name, spec))
    assert not ROUTERS[name].restored(spec, {})


@that_can(Feature.MATCH)
@thoroughly
@given(data=st.data())
def test_nobody_reaches_the_canary_but_by_the_match_and_each_of_its_items_leads_there(
    name: str, data: st.DataObject
) -> None:
    spec = data.draw(specs(name, Feature.MATCH))
    routing = data.draw(routings(name, spec))
    assume(routing.canary)
    written = rules_of(after(name, spec, routing))
    guarded = [rule for rule in written if rule.shares.get(spec.canary_service)]
    items = [json.dumps(item) for rule in guarded for item in rule.match]
    assert guarded
    assert all(rule.match for rule in guarded)
    assert all("insider" in item for item in items)
    assert len({"x-user" in item for item in items}) == 2
    assert written[-1].shares.get(spec.canary_service, 0) == 0


@that_can(Feature.MIRROR)
@thoroughly
@given(data=st.data())
def test_requests_are_copied_to_the_canary_when_asked_for_and_only_then(name: str, data: st.DataObject) -> None:
    spec = data.draw(specs(name, Feature.MIRROR))
    routing = data.draw(routings(name, spec))
    copied = [rule for rule in rules_of(after(name, spec, routing)) if spec.canary_service in rule.copies]
    assert bool(copied) == routing.mirrored
    assert all(
        rule.shares == {spec.primary_service: routing.primary, spec.canary_service: routing.canary} for rule in copied
    )


@that_can(Feature.SESSION_AFFINITY)
@thoroughly
@given(weight=st.integers(1, 100))
def test_who_has_the_canarys_cookie_gets_the_canary_and_who_comes_to_it_gets_the_cookie(name: str, weight: int) -> None:
    spec = CASES["sessions"].spec
    written = rules_of(after(name, spec, Routing(100 - weight, weight)))
    assert written[0].shares.get(spec.canary_service) == 100
    assert all("LpsIaLdoNZ" in json.dumps(item) for item in written[0].match)
    assert "Set-Cookie" not in said(written[0])
    assert written[-1].shares == {spec.primary_service: 100 - weight, spec.canary_service: weight}
    assert "fcookie=LpsIaLdoNZ; Max-Age=600; HttpOnly; Path=/" in said(written[-1])


@that_can(Feature.SESSION_AFFINITY)
def test_after_the_run_the_cookie_is_taken_from_those_who_have_it_and_from_nobody_else(name: str) -> None:
    spec = CASES["sessions-ended"].spec
    first, last = rules_of(after(name, spec, TO_PRIMARY))
    assert all("LpsIaLdoNZ" in json.dumps(item) for item in first.match)
    assert "fcookie=LpsIaLdoNZ; Max-Age=-1; HttpOnly; Path=/" in said(first)
    assert "LpsIaLdoNZ" not in said(last)


@that_can(Feature.SESSION_AFFINITY)
def test_without_a_cookie_nobody_is_kept_anywhere(name: str) -> None:
    spec = canary(analysis={"sessionAffinity": AFFINITY})
    for routing in (TO_PRIMARY, Routing(70, 30)):
        (rule,) = rules_of(after(name, spec, routing))
        assert "ookie" not in said(rule)


@every_router
def test_an_object_that_was_just_written_is_not_confirmed_by_itself(name: str) -> None:
    existing = after(name, canary(), TO_PRIMARY)
    assert ROUTERS[name].confirmed(canary(), TO_PRIMARY, existing) in (Unknown(), Confirmed())


def spelt(item: Manifest | Edit) -> Manifest:
    """An object as it is, an edit by what it changes; without references, which YAML would show."""
    plain = {"edit": str(item.ref), "parts": item.parts} if isinstance(item, Edit) else item
    found: Manifest = json.loads(json.dumps(plain))
    return found


@pytest.mark.parametrize(("name", "case"), [(name, case) for name in ROUTERS for case in cases(name)])
def test_the_objects_are_the_golden_ones(name: str, case: str) -> None:
    path = GOLDEN / name.replace(":", "-") / f"{case}.yaml"
    spec, routing = CASES[case].spec, CASES[case].routing
    made = [spelt(item) for item in ROUTERS[name].route(spec, routing, start(name, spec))]
    text = yaml.safe_dump_all(made, sort_keys=False, width=120)
    if os.environ.get(UPDATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"write {path} by running this test with {UPDATE}=1, and read what it wrote"
    assert text == path.read_text()


def test_no_golden_file_is_left_of_a_router_or_case_that_is_gone() -> None:
    wanted = {GOLDEN / name.replace(":", "-") / f"{case}.yaml" for name in ROUTERS for case in cases(name)}
    assert set(GOLDEN.rglob("*.yaml")) == wanted


def test_an_unknown_provider_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownRouter) as told:
        router_for("isto")
    assert "unknown provider 'isto'" in str(told.value)
    assert all(name in str(told.value) for name in ROUTERS)
