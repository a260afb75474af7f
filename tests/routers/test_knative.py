"""Knative: the traffic block is Flagger's, what is the user's in it stays, and Knative is believed when it reports."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.pointers import patched

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core.edit import Edit, differing
from davy.core.snapshot import TO_PRIMARY, Confirmation, Confirmed, Pending, Routing, Unknown
from davy.routers import ROUTERS
from davy.routers.base import Feature
from davy.routers.knative import Knative

TRACES = Path(__file__).parents[1] / "conformance" / "traces" / "flagger-1.44.0"
ROUTER = Knative()
PRIMARY = "flagger.app/primary-revision"
SPEC = msgspec.convert(
    {
        "metadata": {"name": "podinfo", "namespace": "test", "uid": "c0ffee"},
        "spec": {
            "provider": "knative",
            "targetRef": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "podinfo"},
            "analysis": {"interval": "10s", "stepWeight": 10, "maxWeight": 50},
        },
    },
    Canary,
)
SERVICE = Ref("serving.knative.dev/v1", "Service", "test", "podinfo")
BEFORE: dict[Ref, Manifest] = {
    SERVICE: {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": "podinfo",
            "namespace": "test",
            "generation": 1,
            "annotations": {"mine": "1", PRIMARY: "podinfo-00001"},
        },
        "spec": {"template": {"spec": {"containers": [{"image": "podinfo:1"}]}}},
    }
}
"""A Knative Service whose primary is known, as the target leaves it before the first routing."""

TAGS: list[Manifest] = [
    {"tag": "current", "revisionName": "podinfo-00001"},
    {"tag": "candidate", "latestRevision": True, "percent": 0},
]
SHIFTED = Routing(70, 30)
routings = st.integers(0, 100).map(lambda weight: Routing(100 - weight, weight))


def world(traffic: list[Manifest] | None = None, **metadata: Any) -> dict[Ref, Manifest]:
    objects = copy.deepcopy(BEFORE)
    objects[SERVICE]["metadata"] |= metadata
    if traffic is not None:
        objects[SERVICE]["spec"]["traffic"] = copy.deepcopy(traffic)
    return objects


def edits(found: Any) -> Edit:
    (edit,) = found
    assert isinstance(edit, Edit)
    assert edit.ref == SERVICE
    return edit


def put(objects: dict[Ref, Manifest], edit: Edit) -> dict[Ref, Manifest]:
    changed: dict[Ref, Manifest] = copy.deepcopy(objects)
    for pointer, value in edit.parts.items():
        _, section, field = pointer.split("/")
        changed[SERVICE][section][field] = value
    return changed


def routed(routing: Routing, objects: dict[Ref, Manifest] | None = None) -> dict[Ref, Manifest]:
    before = world() if objects is None else objects
    return put(before, edits(ROUTER.route(SPEC, routing, before)))


def traffic_of(objects: dict[Ref, Manifest]) -> list[Manifest]:
    found: list[Manifest] = objects[SERVICE]["spec"]["traffic"]
    return found


def states(case: str) -> Iterator[Manifest]:
    trace = json.loads((TRACES / f"{case}.json").read_text())
    first, *changes = trace["objects"]["Service@knative/app"]["states"]
    service = first
    yield service
    for change in changes:
        service = patched(service, change)
        yield service


@pytest.mark.parametrize("case", ["knative-promote", "knative-rollback"])
def test_each_traffic_block_is_one_that_flagger_writes(case: str) -> None:
    seen = set()
    for service in states(case):
        objects = {SERVICE: service | {"apiVersion": SERVICE.api_version, "kind": SERVICE.kind}}
        routing = ROUTER.routing(SPEC, objects)
        if routing is not None:
            seen.add(routing)
            assert edits(ROUTER.route(SPEC, routing, objects)).parts == {"/spec/traffic": service["spec"]["traffic"]}
    assert {TO_PRIMARY, Routing(90, 10)} <= seen


def test_it_is_in_the_table_and_shifts_weights_only() -> None:
    assert ROUTERS["knative"] == ROUTER
    assert ROUTER.features(SPEC) == Feature.WEIGHT
    assert ROUTER.reads(SPEC) == (SERVICE,)


@given(routings, routings)
def test_it_reads_back_what_it_wrote_whatever_was_there(before: Routing, routing: Routing) -> None:
    objects = routed(routing, routed(before))
    assert ROUTER.routing(SPEC, objects) == routing
    assert len(traffic_of(objects)) == 2
    assert differing(objects[SERVICE], edits(ROUTER.route(SPEC, routing, objects))) == {}


@given(routings)
def test_while_both_sides_are_one_revision_their_shares_still_add_up(routing: Routing) -> None:
    """Flagger mixes them up, and a promotion in steps never ends."""
    objects = routed(routing)
    promoted = routed(routing, world(traffic_of(objects), annotations={PRIMARY: "podinfo-00002"}))
    assert ROUTER.routing(SPEC, promoted) == routing
    assert sum(entry["percent"] for entry in traffic_of(promoted)) == 100


@given(routings)
def test_tags_of_the_users_stay_and_get_no_share(routing: Routing) -> None:
    objects = routed(routing, world([{"latestRevision": True, "percent": 100}, *TAGS]))
    assert traffic_of(objects)[2:] == TAGS
    assert ROUTER.routing(SPEC, objects) == routing


def test_a_tag_that_had_a_share_keeps_its_name_only() -> None:
    had = [{"tag": "live", "latestRevision": True, "percent": 60}, {"revisionName": "podinfo-00001", "percent": 40}]
    assert ROUTER.routing(SPEC, world(had)) is None
    assert traffic_of(routed(TO_PRIMARY, world(had))) == [
        {"latestRevision": True, "percent": 0},
        {"revisionName": "podinfo-00001", "percent": 100},
        {"tag": "live", "latestRevision": True, "percent": 0},
    ]


LATEST, FIRST = {"latestRevision": True, "percent": 30}, {"revisionName": "podinfo-00001", "percent": 70}


@pytest.mark.parametrize(
    "traffic",
    [
        None,
        [],
        [LATEST],
        [FIRST],
        [LATEST | {"percent": 0}, {"revisionName": "podinfo-00007", "percent": 100}],
        [LATEST, FIRST | {"percent": 60}, {"revisionName": "podinfo-00007", "percent": 10}],
        [LATEST, FIRST | {"percent": 60}],
        [LATEST | {"tag": "x"}, FIRST],
    ],
    ids=["none", "empty", "only latest", "only primary", "another primary", "a third", "too little", "a tag's share"],
)
def test_a_block_that_no_router_of_ours_writes_says_no_split(traffic: list[Manifest] | None) -> None:
    assert ROUTER.routing(SPEC, world(traffic)) is None
    assert ROUTER.routing(SPEC, routed(TO_PRIMARY, world(traffic))) == TO_PRIMARY


def test_without_a_primary_there_is_nothing_to_say() -> None:
    for objects in ({}, world([LATEST, FIRST], annotations={})):
        assert ROUTER.route(SPEC, TO_PRIMARY, objects) == ()
        assert ROUTER.routing(SPEC, objects) is None
        assert ROUTER.restored(SPEC, objects) == ()
        assert isinstance(ROUTER.confirmed(SPEC, TO_PRIMARY, objects), Pending)


def confirmed(routing: Routing = SHIFTED, **status: Any) -> Confirmation:
    objects = routed(routing)
    objects[SERVICE]["metadata"]["generation"] = 4
    reported = {
        "observedGeneration": 4,
        "traffic": [
            {"latestRevision": True, "revisionName": "podinfo-00002", "percent": 30},
            {"latestRevision": False, "revisionName": "podinfo-00001", "percent": 70},
        ],
        "conditions": [{"type": "ConfigurationsReady", "status": "False"}, {"type": "RoutesReady", "status": "True"}],
    }
    objects[SERVICE]["status"] = reported | status
    return ROUTER.confirmed(SPEC, SHIFTED, objects)


def test_what_knative_reports_is_in_force() -> None:
    assert confirmed() == Confirmed()
    assert confirmed(conditions=[]) == Confirmed()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (confirmed(TO_PRIMARY), "does not say 70/30 yet"),
        (confirmed(observedGeneration=3), "has not seen generation 4 yet"),
        (confirmed(traffic=[]), "the traffic is not split 70/30 yet"),
        (
            confirmed(conditions=[{"type": "RoutesReady", "status": "Unknown", "reason": "Busy", "message": "soon"}]),
            "its routes are not ready: Busy soon",
        ),
        (confirmed(conditions=[{"type": "RoutesReady", "status": "False"}]), "its routes are not ready$"),
    ],
    ids=["another split", "older generation", "not split yet", "routes not ready", "without words"],
)
def test_what_it_does_not_report_is_not(answer: Confirmation, why: str) -> None:
    assert isinstance(answer, Pending)
    assert re.search(why, answer.why)
    assert "Service.serving.knative.dev test/podinfo" in answer.why


def test_without_a_report_only_time_can_tell() -> None:
    assert ROUTER.confirmed(SPEC, TO_PRIMARY, routed(TO_PRIMARY)) == Unknown()


@given(routings)
def test_when_the_canary_goes_the_annotations_go_and_the_traffic_stays(routing: Routing) -> None:
    objects = routed(
        routing, world(TAGS, annotations={"mine": "1", PRIMARY: "podinfo-00001", "davy.dev/revision": "x"})
    )
    before = traffic_of(objects)
    after = put(objects, edits(ROUTER.restored(SPEC, objects)))
    assert after[SERVICE]["metadata"]["annotations"] == {"mine": "1"}
    only_latest = [{"latestRevision": True, "percent": 100}, *TAGS]
    assert traffic_of(after) == (only_latest if routing == Routing(0, 100) else before)
    assert ROUTER.restored(SPEC, after) == ()


@given(routings)
def test_it_leaves_its_inputs_alone(routing: Routing) -> None:
    objects = world([LATEST, FIRST, *TAGS])
    before = copy.deepcopy(objects)
    for edit in (*ROUTER.route(SPEC, routing, objects), *ROUTER.restored(SPEC, objects)):
        assert isinstance(edit, Edit)
        for part in edit.parts.values():
            for entry in part if isinstance(part, list) else [part]:
                entry.clear()
    assert objects == before
