"""What every kind of autoscaler must do; a new line in the table is a new subject of these tests."""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.scalers.world import FLAGGER, SCENARIOS, canary_of, edited, merged, recorded, source_of

from davy.api.ref import Manifest, ref_of
from davy.core import names
from davy.scalers import SCALERS
from davy.scalers.base import Scaler

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "DAVY_UPDATE_GOLDEN"

PRIVATE: Manifest = {
    "labels": {"kustomize.toolkit.fluxcd.io/name": "apps"},
    "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "helm.toolkit.fluxcd.io/driftDetection": "disabled",
        "autoscaling.keda.sh/paused": "true",
        "autoscaling.keda.sh/paused-replicas": "0",
        "autoscaling.keda.sh/paused-scale-in": "true",
    },
}
"""What holds the source still, is true of it only, or by which another program claims it."""

every_kind = pytest.mark.parametrize("at", sorted(SCALERS), ids=[kind for _, kind in sorted(SCALERS)])
every_recording = pytest.mark.parametrize(
    ("at", "scenario"), [(at, scenario) for at in sorted(SCENARIOS) for scenario in SCENARIOS[at]]
)


def primary(at: tuple[str, str], source: Manifest, **autoscaler: Any) -> Manifest:
    return SCALERS[at].primary(canary_of(SCENARIOS[at][0], **autoscaler), source, ())


def source(at: tuple[str, str]) -> Manifest:
    return source_of(SCENARIOS[at][0])


def test_every_kind_has_a_recording() -> None:
    assert SCENARIOS.keys() == SCALERS.keys()


@every_recording
def test_the_copy_is_the_one_flagger_makes(at: tuple[str, str], scenario: str) -> None:
    made = SCALERS[at].primary(canary_of(scenario), source_of(scenario), ())
    assert recorded(made) == FLAGGER[scenario]["primary"][0]


@every_recording
def test_the_copy_follows_the_source_as_flaggers_does(at: tuple[str, str], scenario: str) -> None:
    kind, name, patch = FLAGGER[scenario].get("patch", (at[1], "app", {}))
    assert (kind, name) == (at[1], "app")
    made = SCALERS[at].primary(canary_of(scenario), merged(source_of(scenario), patch), ())
    assert recorded(made) == FLAGGER[scenario]["primary"][-1]


@every_kind
def test_the_copy_scales_the_primary_and_dies_with_the_canary(at: tuple[str, str]) -> None:
    canary = canary_of(SCENARIOS[at][0])
    made = primary(at, source(at))
    assert made["spec"]["scaleTargetRef"]["name"] == "app-primary"
    assert made["metadata"]["ownerReferences"] == [names.owner(canary)]
    assert ref_of(made) == names.primary_scaler(canary)


@every_kind
def test_what_is_private_to_the_source_is_never_copied(at: tuple[str, str]) -> None:
    made = primary(at, merged(source(at), {"metadata": PRIVATE}))
    for section, words in PRIVATE.items():
        assert not made["metadata"].get(section, {}).keys() & words.keys()
    assert made == primary(at, source(at))


@every_kind
def test_fields_that_nobody_knows_yet_are_copied(at: tuple[str, str]) -> None:
    made = primary(at, merged(source(at), {"spec": {"future": {"a": [1]}}}))
    assert made["spec"]["future"] == {"a": [1]}
    assert {**made["spec"], "future": None} == {**primary(at, source(at))["spec"], "future": None}


@every_kind
def test_what_was_applied_is_what_is_applied_again(at: tuple[str, str]) -> None:
    made = primary(at, source(at))
    served = merged({"metadata": {"uid": "1", "resourceVersion": "9", "generation": 1}}, made)
    assert primary(at, source(at)) == made
    assert merged(served, made) == served
    assert not any(value in ({}, None) for value in made["metadata"].values())


@every_kind
def test_the_source_is_left_alone_and_shares_nothing_with_its_copy(at: tuple[str, str]) -> None:
    given = merged(source(at), {"metadata": {"annotations": {"x": "y"}}})
    before = copy.deepcopy(given)
    scribble(primary(at, given))
    for paused in (True, False):
        if edit := SCALERS[at].pause(given, paused):
            scribble(dict(edit.parts))
    assert given == before


def scribble(value: Any) -> None:
    if isinstance(value, dict):
        for below in value.values():
            scribble(below)
        value["scribble"] = "1"
    if isinstance(value, list):
        for item in value:
            scribble(item)
        value.append("scribble")


@every_kind
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, (0, 0)),
        ({"minReplicas": 3}, (3, 0)),
        ({"maxReplicas": 9}, (0, 9)),
        ({"minReplicas": 3, "maxReplicas": 9}, (3, 9)),
    ],
)
def test_the_canary_may_give_the_copy_other_bounds(
    at: tuple[str, str], asked: dict[str, int] | None, expected: tuple[int, int]
) -> None:
    made = primary(at, source(at), **({"primaryScalerReplicas": asked} if asked else {}))["spec"]
    least, most = [field for field in made if "min" in field], [field for field in made if "max" in field]
    found = source(at)["spec"]
    assert [made[field] for field in least] == [expected[0] or found[field] for field in least]
    assert [made[field] for field in most] == [expected[1] or found[field] for field in most]


@every_kind
@pytest.mark.parametrize("found", [None, 0, 1, 2, 7])
def test_a_workload_begins_with_the_least_that_its_autoscaler_allows_but_with_one(
    at: tuple[str, str], found: int | None
) -> None:
    given = source(at)
    (field,) = [field for field in given["spec"] if "min" in field]
    given["spec"][field] = found
    assert SCALERS[at].floor(given) == max(found or 0, 1)
    del given["spec"][field]
    assert SCALERS[at].floor(given) == 1


@every_kind
def test_a_source_that_is_held_is_held_and_let_go_it_is_as_before(at: tuple[str, str]) -> None:
    kind: Scaler = SCALERS[at]
    given = source(at)
    if kind.paused(given) is None:
        assert kind.pause(given, True) is kind.pause(given, False) is None
        return
    held = edited(given, kind.pause(given, True))
    assert kind.paused(held)
    assert kind.pause(held, True) is None
    free = edited(held, kind.pause(held, False))
    assert free == given
    assert kind.pause(free, False) is None
    assert held["spec"] == given["spec"]


@every_kind
def test_the_copy_is_the_golden_one(at: tuple[str, str]) -> None:
    given = merged(source(at), {"metadata": {"annotations": {"owner": "blue"}}})
    made = [primary(at, given), primary(at, given, primaryScalerReplicas={"minReplicas": 3, "maxReplicas": 9})]
    text = yaml.safe_dump_all(copy.deepcopy(made), sort_keys=False, width=120)
    path = GOLDEN / f"{at[1]}.yaml"
    if os.environ.get(UPDATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"write {path} by running this test with {UPDATE}=1, and read what it wrote"
    assert text == path.read_text()


def test_no_golden_file_is_left_of_a_kind_that_is_gone() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {kind for _, kind in SCALERS}
