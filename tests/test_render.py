"""From a plan to writes: the one safe order, whatever is desired."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core.edit import Edit, differing
from davy.core.names import FINALIZER, REVISION
from davy.core.plan import LEAVE_ALL, Desired, PrimaryWish
from davy.core.snapshot import Routing
from davy.perceive import Seen
from davy.render import Apply, Create, Finalizer, Replace, Scale, Status, Write, render
from davy.settings import Settings
from davy.sim.cases import Case, first_world, initialized
from davy.sim.hands import written
from davy.sim.run import Run
from davy.sim.safety import ordered
from davy.sim.scenarios import ALL, APEX, APP, CANARY, PRIMARY, ROUTE, deployment

SETTINGS = Settings()
WORLDS = {
    "fresh": first_world(ALL["begins, weighted"]),
    "initialized": initialized(ALL["good, weighted"]),
    "blue-green": initialized(ALL["good, blue-green"]),
    "in a run": Case(ALL["good, weighted"]).run().until(lambda run: run.status.get("canaryWeight") == 20).world,
}

DESIRED = st.builds(
    Desired,
    services=st.booleans(),
    apex=st.sampled_from([None, "primary", "target"]),
    primary=st.sampled_from(list(PrimaryWish)),
    run=st.sampled_from(["", "v1:" + "0" * 32]),
    target_replicas=st.none() | st.integers(0, 5),
    routing=st.none() | st.integers(0, 100).map(lambda weight: Routing(100 - weight, weight)),
    finalizer=st.sampled_from([None, True, False]),
)


def seen(world: str) -> Seen:
    objects = WORLDS[world].objects
    return Seen(canary=codec.decode_canary(objects[CANARY]), objects=objects)


def writes(desired: Desired, world: str = "initialized", message: str = "") -> tuple[Write, ...]:
    shown = seen(world)
    status = replace(shown.canary.status, message=message) if message else shown.canary.status
    return render(desired, status, shown, shown.canary, SETTINGS)


@given(DESIRED, st.sampled_from(sorted(WORLDS)), st.booleans())
def test_the_order_of_writes_is_the_safe_one_whatever_is_desired(desired: Desired, world: str, remember: bool) -> None:
    made = writes(desired, world, "news" if remember else "")
    ordered(made, seen(world).canary, WORLDS[world].objects)


@given(DESIRED, st.sampled_from(sorted(WORLDS)))
def test_capacity_comes_before_traffic_and_goes_after_it(desired: Desired, world: str) -> None:
    made = writes(desired, world)
    now = int(WORLDS[world].objects[APP]["spec"]["replicas"])
    for index, write in enumerate(made):
        if isinstance(write, Scale) and write.ref == APP:
            routes = [place for place, other in enumerate(made) if traffic(other)]
            assert (
                all(index < place for place in routes)
                if write.replicas > now
                else all(index > place for place in routes)
            )


def traffic(write: Write) -> bool:
    return isinstance(write, Apply) and written(write) in (APEX, ROUTE)


@given(DESIRED, st.sampled_from(sorted(WORLDS)))
def test_the_canary_is_written_once_and_last(desired: Desired, world: str) -> None:
    made = writes(desired, world, "news")
    own = [isinstance(write, Status | Finalizer) for write in made]
    assert sum(own) == 1
    assert own[-1]


@given(DESIRED, st.sampled_from(sorted(WORLDS)))
def test_what_is_not_desired_is_not_touched(desired: Desired, world: str) -> None:
    refs = [written(write) for write in writes(desired, world)]
    assert desired.apex is not None or APEX not in refs
    assert desired.routing is not None or ROUTE not in refs
    assert desired.primary is not PrimaryWish.LEAVE or PRIMARY not in refs
    assert desired.target_replicas is not None or APP not in refs


def test_nothing_desired_and_nothing_new_is_no_write() -> None:
    assert all(writes(LEAVE_ALL, world) == () for world in WORLDS)


def test_a_finalizer_that_is_missing_comes_before_everything_else() -> None:
    made = writes(Desired(finalizer=True, services=True, apex="primary", target_replicas=0), "fresh", "news")
    assert made == (Finalizer(seen("fresh").canary, present=True),)


def test_a_finalizer_that_is_there_costs_nothing() -> None:
    assert FINALIZER in seen("initialized").canary.metadata.finalizers
    assert writes(Desired(finalizer=True)) == ()


def test_a_finalizer_goes_last_and_the_status_with_it() -> None:
    made = writes(Desired(finalizer=False, apex="target"), "initialized", "news")
    assert [type(write) for write in made] == [Apply, Finalizer]


def test_a_primary_is_made_with_its_replicas_and_later_only_scaled() -> None:
    assert {type(write) for write in writes(Desired(primary=PrimaryWish.EXIST), "fresh")} == {Create}
    assert writes(Desired(primary=PrimaryWish.EXIST)) == ()
    made = writes(Desired(primary=PrimaryWish.CARRY, run="v1:" + "1" * 32), "in a run")
    assert [type(write) for write in made] == [Replace]
    parts = made[0].parts  # type: ignore[union-attr]
    assert set(parts) == {"/metadata/annotations", "/spec/template"}
    assert parts["/metadata/annotations"][REVISION] == "v1:" + "1" * 32


def test_a_note_changes_the_annotation_and_nothing_else() -> None:
    (note,) = writes(Desired(primary=PrimaryWish.NOTE, run="v1:" + "2" * 32))
    assert isinstance(note, Replace)
    assert set(note.parts) == {"/metadata/annotations"}
    assert note.resource_version == WORLDS["initialized"].objects[PRIMARY]["metadata"]["resourceVersion"]


def test_a_part_that_the_target_no_longer_has_is_removed() -> None:
    live: Manifest = {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"x": 1}, "minReadySeconds": 5}}
    wanted = Edit(APP, {"/metadata/labels": None, "/spec/template": {"x": 1}, "/spec/minReadySeconds": None})
    assert differing(live, wanted) == {"/metadata/labels": None, "/spec/minReadySeconds": None}


@pytest.mark.parametrize("change", [{"spec": {"selector": {"matchLabels": {"other": "x"}}}}, None])
def test_without_a_target_that_can_be_told_apart_nothing_but_memory_is_written(change: Any) -> None:
    objects: dict[Ref, Manifest] = {**WORLDS["initialized"].objects}
    if change is None:
        del objects[APP]
    else:
        bare = deployment()
        objects[APP] = {**objects[APP], "spec": {**bare["spec"], **change["spec"]}}
    canary: Canary = codec.decode_canary(objects[CANARY])
    desired = Desired(services=True, apex="primary", primary=PrimaryWish.CARRY)
    made = render(
        desired, replace(canary.status, message="news"), Seen(canary=canary, objects=objects), canary, SETTINGS
    )
    assert [type(write) for write in made] == [Status]


def test_every_object_is_written_under_its_own_address() -> None:
    made = writes(Desired(services=True, apex="primary", routing=Routing(80, 20), primary=PrimaryWish.EXIST), "fresh")
    refs = [written(write) for write in made]
    assert len(refs) == len(set(refs)) == 5
    assert all(ref_of(write.manifest) == written(write) for write in made if isinstance(write, Apply | Create))


def test_a_primary_is_sized_before_it_notes_that_it_carries_the_revision() -> None:
    """The other way round, an operator that dies in between never sizes it."""
    run = Case(ALL["good, weighted"]).run().until(lambda run: run.phase == "Promoting")
    run.happens("scale", 4)
    wanted = Desired(primary=PrimaryWish.CARRY, run="v1:" + "0" * 32)
    sizes = [of_primary(run, wanted)]
    run.happens("scale primary", 4)
    sizes.append(of_primary(run, wanted))
    assert sizes == [["Scale"], ["Replace"]]


def of_primary(run: Run, desired: Desired) -> list[str]:
    """Kinds of the writes to the primary."""
    objects = run.world.objects
    shown = Seen(canary=codec.decode_canary(objects[CANARY]), objects=objects)
    made = render(desired, shown.canary.status, shown, shown.canary, SETTINGS)
    return [type(write).__name__ for write in made if written(write) == PRIMARY]
