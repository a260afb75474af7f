"""Knative Service: Revisions as sides, readiness with a deadline, an annotation as the primary."""

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.targets.world import DEADLINE, NOW, canary, stamp

from davy.api.ref import Manifest, Ref
from davy.core.edit import Edit, differing
from davy.core.revisions import revision
from davy.core.snapshot import Progressing, Readiness, Ready, Stuck
from davy.targets import TARGETS
from davy.targets.base import NO_SELECTOR, Making, Spell
from davy.targets.knative import PRIMARY, KnativeService

KIND = KnativeService()
CANARY = canary(
    targetRef={"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "app"}, provider="knative"
)
SERVICE = Ref("serving.knative.dev/v1", "Service", "shop", "app")
NOTE = "davy.dev/revision"
World = dict[Ref, Manifest]


def revision_ref(name: str) -> Ref:
    return Ref("serving.knative.dev/v1", "Revision", "shop", name)


def made(name: str, ready: str | None = "True", since: datetime = NOW, **status: Any) -> Manifest:
    """A Revision as its controller leaves it."""
    condition: Manifest = {"type": "Ready", "status": ready, "lastTransitionTime": stamp(since)}
    words: Manifest = {} if ready == "True" else {"reason": "Deploying", "message": "no pod yet"}
    conditions = [] if ready is None else [condition | words]
    metadata = {"name": name, "namespace": "shop", "generation": 1}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Revision",
        "metadata": metadata,
        "status": {"conditions": [{"type": "Active", "status": "False"}, *conditions], **status},
    }


def world(
    *revisions: Manifest, latest: str = "app-00002", primary: str = "app-00001", traffic: Any = None, **notes: str
) -> World:
    """The cluster with one Knative Service and these Revisions."""
    annotations = {"mine": "1", **({PRIMARY: primary} if primary else {}), **notes}
    service: Manifest = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": "app",
            "namespace": "shop",
            "uid": "u",
            "generation": 7,
            "annotations": annotations,
            "resourceVersion": "1",
        },
        "spec": {
            "template": {"spec": {"containers": [{"image": "app:1"}]}},
            **({"traffic": traffic} if traffic else {}),
        },
        "status": {"latestCreatedRevisionName": latest} if latest else {},
    }
    return {SERVICE: service, **{revision_ref(item["metadata"]["name"]): item for item in revisions}}


BOTH = (made("app-00001"), made("app-00002"))


def target(objects: World) -> Manifest:
    side = KIND.target(CANARY, objects)
    assert side is not None
    return side


def primary(objects: World) -> Manifest:
    side = KIND.primary(CANARY, objects)
    assert side is not None
    return side


def making(run: str) -> Making:
    return Making(canary=CANARY, run=run, selector=NO_SELECTOR)


def after(objects: World, edit: Manifest | Edit) -> World:
    """The cluster after an edit of annotations."""
    assert isinstance(edit, Edit)
    service = copy.deepcopy(objects[edit.ref])
    for pointer, value in edit.parts.items():
        assert pointer == "/metadata/annotations"
        service["metadata"]["annotations"] = value
    return objects | {edit.ref: service}


def fence(side: Manifest) -> tuple[Any, Any]:
    return side["metadata"].get("uid"), side["metadata"].get("generation")


def test_it_is_in_the_table_and_nothing_is_scaled() -> None:
    assert TARGETS["serving.knative.dev", "Service"] == KIND
    assert not KIND.scalable


def test_the_revisions_of_both_sides_are_read_once_they_are_named() -> None:
    assert KIND.reads(CANARY, {}) == ()
    assert KIND.reads(CANARY, world(latest="", primary="")) == ()
    assert KIND.reads(CANARY, world(primary="")) == (revision_ref("app-00002"),)
    assert KIND.reads(CANARY, world()) == (revision_ref("app-00002"), revision_ref("app-00001"))
    assert KIND.reads(CANARY, world(primary="app-00002")) == (revision_ref("app-00002"),)


def test_without_the_service_there_are_no_sides_and_without_the_annotation_no_primary() -> None:
    assert KIND.target(CANARY, {}) is None
    assert KIND.primary(CANARY, {}) is None
    assert KIND.primary(CANARY, world(*BOTH, primary="")) is None


def test_a_revision_is_its_name() -> None:
    assert KIND.template(target(world(*BOTH))) == "app-00002"
    assert KIND.template(primary(world(*BOTH))) == "app-00001"


def test_the_fence_moves_with_the_revision_and_with_nothing_else() -> None:
    """A new template moves the Service's generation before there is a Revision of it; our traffic moves it too."""
    before = world(*BOTH, latest="app-00001")
    edited = copy.deepcopy(before)
    edited[SERVICE]["metadata"]["generation"] = 8
    assert fence(target(edited)) == fence(target(before))
    edited[SERVICE]["status"]["latestCreatedRevisionName"] = "app-00002"
    assert fence(target(edited)) != fence(target(before))
    assert fence(target(before)) == fence(primary(before))


def test_the_objects_stay_as_they_are() -> None:
    objects = world(*BOTH)
    before = copy.deepcopy(objects)
    KIND.carrying(target(objects), primary(objects), making("v1:a"))
    KIND.created(target(objects), making("v1:a"))
    assert objects == before


def readiness(
    objects: World,
    since: datetime | None = NOW,
    now: datetime = NOW + timedelta(minutes=1),
    limit: timedelta = DEADLINE,
) -> Readiness:
    return KIND.readiness(target(objects), 100, Spell(since, limit, now))


def test_a_ready_revision_is_ready_however_long_it_took() -> None:
    assert readiness(world(*BOTH), now=NOW + timedelta(days=1)) == Ready()
    assert KIND.serving(target(world(*BOTH))) == 1
    assert KIND.replicas(target(world(*BOTH))) == 1


@pytest.mark.parametrize("ready", ["False", "Unknown"])
def test_one_that_is_not_ready_says_why(ready: str) -> None:
    why = "revision app-00002 is not ready: Deploying no pod yet"
    assert readiness(world(made("app-00002", ready))) == Progressing(why)


@pytest.mark.parametrize(
    "objects", [world(), world(made("app-00002", None)), world({**made("app-00002"), "status": {}})]
)
def test_one_of_which_nothing_is_known_yet_is_not_ready(objects: World) -> None:
    assert readiness(objects) == Progressing("revision app-00002 is not ready yet")
    assert KIND.serving(target(objects)) == 0


def test_before_the_first_revision_there_is_none_to_be_ready() -> None:
    objects = world(latest="", primary="")
    assert readiness(objects) == Progressing("Knative has made no revision yet")
    assert KIND.serving(target(objects)) == 0


@pytest.mark.parametrize(
    ("since", "changed", "stuck"),
    [
        (timedelta(0), timedelta(0), False),
        (timedelta(seconds=-601), timedelta(seconds=-601), True),
        (timedelta(seconds=-601), timedelta(seconds=-30), False),
        (timedelta(seconds=-30), timedelta(seconds=-601), False),
        (None, timedelta(seconds=-601), True),
        (None, timedelta(seconds=-30), False),
    ],
)
def test_it_is_stuck_when_it_has_been_waited_for_and_not_ready_for_the_whole_deadline(
    since: timedelta | None, changed: timedelta, stuck: bool
) -> None:
    objects = world(made("app-00002", "Unknown", NOW + changed))
    found = readiness(objects, None if since is None else NOW + since, NOW)
    assert isinstance(found, Stuck) == stuck


def test_the_deadline_of_a_revision_that_never_came_is_that_of_the_wait() -> None:
    assert isinstance(readiness(world(), NOW, NOW + timedelta(seconds=601)), Stuck)
    assert isinstance(readiness(world(), None, NOW + timedelta(seconds=601)), Progressing)


def test_one_that_is_ill_but_has_pods_goes_on_to_serve() -> None:
    """Ready goes to Unknown for moments; nobody must be sent elsewhere for that."""
    assert KIND.serving(primary(world(made("app-00001", "Unknown", actualReplicas=2)))) == 1
    assert KIND.serving(primary(world(made("app-00001", "Unknown", actualReplicas=0)))) == 0


def test_the_first_primary_is_the_last_revision() -> None:
    objects = world(*BOTH, primary="")
    edit = KIND.created(target(objects), making("v1:a"))
    assert edit == Edit(SERVICE, {"/metadata/annotations": {"mine": "1", PRIMARY: "app-00002", NOTE: "v1:a"}})


def test_while_there_is_no_revision_there_is_nothing_to_note() -> None:
    assert KIND.created(target(world(latest="", primary="")), making("v1:a")) == Edit(SERVICE, {})


def test_an_annotation_that_was_lost_does_not_make_a_primary_of_what_is_tried() -> None:
    traffic = [
        {"latestRevision": True, "percent": 30},
        {"revisionName": "app-00001", "percent": 70},
        {"revisionName": "app-00000", "percent": 0, "tag": "old"},
    ]
    objects = world(*BOTH, primary="", traffic=traffic, **{NOTE: revision("app-00001")})
    lost = after(objects, KIND.created(target(objects), making(revision("app-00002"))))
    assert KIND.template(primary(lost)) == "app-00001"
    assert KIND.run(primary(lost)) == revision("app-00001")


def test_a_promotion_moves_the_annotation_and_says_so() -> None:
    objects = world(*BOTH)
    assert not KIND.alike(target(objects), primary(objects), NO_SELECTOR)
    promoted = after(objects, KIND.carrying(target(objects), primary(objects), making(revision("app-00002"))))
    assert promoted[SERVICE]["metadata"]["annotations"]["mine"] == "1"
    assert KIND.alike(target(promoted), primary(promoted), NO_SELECTOR)
    assert KIND.run(primary(promoted)) == revision("app-00002")
    again = KIND.carrying(target(promoted), primary(promoted), making(revision("app-00002")))
    assert differing(promoted[SERVICE], again) == {}


@given(st.sampled_from(["app-00001", "app-00002"]), st.sampled_from(["", "app-00001", "app-00002"]))
def test_what_the_primary_carries_is_what_its_annotation_says_whoever_wrote_it(name: str, noted: str) -> None:
    notes = {NOTE: revision(noted)} if noted else {}
    assert KIND.run(primary(world(*BOTH, primary=name, **notes))) == revision(name)


def test_nothing_else_is_made() -> None:
    objects = world(*BOTH)
    side, how = target(objects), making("v1:a")
    assert KIND.services(side, how, objects) == ()
    assert KIND.apex("primary", side, how, objects) is None
    assert KIND.apex_selects(CANARY, NO_SELECTOR, objects) == "any"
    assert KIND.selector(side, ("app",)) == NO_SELECTOR
    assert KIND.pod(side) == {}
    assert KIND.carried_replicas(CANARY, side) is None
    assert KIND.sized(side, 0) is None
