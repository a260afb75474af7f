"""ScaledObject: the primary's queries are about the primary, and no pause of the source ever reaches it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scalers.world import FLAGGER, canary_of, edited, merged, recorded, source_of

from davy.api.ref import Manifest, Ref
from davy.core.edit import Edit
from davy.scalers.base import Scaler
from davy.scalers.keda import ScaledObject, renamed

KEDA: Scaler = ScaledObject()
REPLICAS = "autoscaling.keda.sh/paused-replicas"


def source(**annotations: str) -> Manifest:
    found = source_of("k8s-keda")
    return merged(found, {"metadata": {"annotations": annotations}}) if annotations else found


def primary(given: Manifest, **autoscaler: Any) -> Manifest:
    return KEDA.primary(canary_of("k8s-keda", **autoscaler), given, ())


def with_triggers(*triggers: Manifest) -> Manifest:
    found = source()
    found["spec"]["triggers"] = list(triggers)
    return found


def queries(made: Manifest) -> list[str | None]:
    return [trigger.get("metadata", {}).get("query") for trigger in made["spec"]["triggers"]]


def test_it_is_held_and_let_go_as_flagger_does() -> None:
    free, held, *_ = FLAGGER["k8s-keda"]["source_states"]
    live = source()
    assert recorded(live) == free
    assert recorded(edited(live, KEDA.pause(live, True))) == held


@pytest.mark.parametrize("value", ["1", "5"])
def test_who_holds_it_at_another_number_must_let_it_go_himself(value: str) -> None:
    given = source(**{REPLICAS: value})
    assert KEDA.paused(given) is False
    assert KEDA.pause(given, False) is None
    assert KEDA.pause(given, True) == Edit(
        ref=Ref("keda.sh/v1alpha1", "ScaledObject", "shop", "app"), parts={"/metadata/annotations": {REPLICAS: "0"}}
    )


def test_other_annotations_outlive_a_pause() -> None:
    given = source(owner="blue")
    held = edited(given, KEDA.pause(given, True))
    assert held["metadata"]["annotations"] == {"owner": "blue", REPLICAS: "0"}
    assert edited(held, KEDA.pause(held, False)) == given


def test_a_copy_made_while_the_source_is_held_is_not_held() -> None:
    given = source(owner="blue")
    held = edited(given, KEDA.pause(given, True))
    assert primary(held) == primary(given)
    assert primary(held)["metadata"]["annotations"] == {"owner": "blue"}


def test_the_label_by_which_keda_knows_an_object_is_not_copied() -> None:
    given = merged(source(), {"metadata": {"labels": {"scaledobject.keda.sh/name": "app"}}})
    assert primary(given)["metadata"]["labels"] == {"app": "app"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("app", "app-primary"),
        ("app-canary", "app-primary"),
        ("app-primary", "app-primary"),
        ('x{a="app-canary",b="app"} + app', 'x{a="app-primary",b="app-primary"} + app-primary'),
        ("app-canary-app", "app-primary-app-primary"),
        ("myapps", "myapp-primarys"),
        ("up", "up"),
        ("", ""),
    ],
)
def test_in_a_query_the_targets_names_become_the_primarys(found: str, expected: str) -> None:
    assert renamed(canary_of("k8s-keda"), found) == expected


@given(st.text(st.sampled_from("ap-cnrymi {}")))
def test_a_query_that_was_renamed_is_not_renamed_again(found: str) -> None:
    once = renamed(canary_of("k8s-keda"), found)
    assert renamed(canary_of("k8s-keda"), once) == once


def test_a_trigger_without_a_query_stays_as_it_is() -> None:
    cpu = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
    bare = {"type": "kubernetes-workload"}
    assert primary(with_triggers(cpu, bare))["spec"]["triggers"] == [cpu, bare]


def test_a_query_of_the_canarys_replaces_the_one_of_the_trigger_of_that_name_and_no_other_is_touched() -> None:
    triggers: list[Manifest] = [
        {"type": "prometheus", "name": "one", "metadata": {"query": "app", "threshold": "5"}, "useCachedMetrics": True},
        {"type": "prometheus", "name": "two", "metadata": {"query": "app-canary"}},
        {"type": "prometheus", "metadata": {"query": "app"}},
        {"type": "cpu", "name": "three", "metadata": {"value": "50"}},
    ]
    made = primary(with_triggers(*triggers), primaryScalerQueries={"one": "mine", "three": "new"})
    assert queries(made) == ["mine", "app-canary", "app", "new"]
    assert made["spec"]["triggers"][0] == {**triggers[0], "metadata": {"query": "mine", "threshold": "5"}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, {"horizontalPodAutoscalerConfig": {}}),
        ({"horizontalPodAutoscalerConfig": {}}, {"horizontalPodAutoscalerConfig": {}}),
        (
            {
                "horizontalPodAutoscalerConfig": {"name": "mine", "behavior": {"scaleUp": {}}},
                "scalingModifiers": {"target": "2"},
            },
            {
                "horizontalPodAutoscalerConfig": {"name": "mine-primary", "behavior": {"scaleUp": {}}},
                "scalingModifiers": {"target": "2"},
            },
        ),
    ],
)
def test_an_autoscaler_of_a_given_name_has_a_twin_of_another(found: Manifest | None, expected: Manifest) -> None:
    given = source()
    if found is not None:
        given["spec"]["advanced"] = found
    assert primary(given)["spec"]["advanced"] == expected


def test_how_the_target_is_named_is_kept_but_for_the_name() -> None:
    ref = {"name": "app", "kind": "Deployment", "apiVersion": "apps/v1", "envSourceContainerName": "app"}
    given = merged(source(), {"spec": {"scaleTargetRef": ref, "idleReplicaCount": 0, "initialCooldownPeriod": 30}})
    made = primary(given)["spec"]
    assert made["scaleTargetRef"] == {**ref, "name": "app-primary"}
    assert (made["idleReplicaCount"], made["initialCooldownPeriod"]) == (0, 30)
