"""Differences between two records are found, one by one, and nothing else is."""

import copy
from typing import Any

import pytest
from tests.oracle.differences import ABSENT, ANOTHER_ORDER, BETWEEN, END, Difference, Pair, differences, hook_kinds
from tests.oracle.kinds import Json

SCRIPT = [{"image": "1.1"}]
DEPLOYMENT = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "app"}, "spec": {"replicas": 2}}


def status(phase: str, weight: int = 0, iterations: int = 0, **more: Json) -> Json:
    promoted = {"type": "Promoted", "status": "True", "reason": phase, "message": phase}
    return {"phase": phase, "canaryWeight": weight, "iterations": iterations, "conditions": [promoted]} | more


def record(**parts: Json) -> Json:
    """A record of a canary that was initialized and took one step, with its route."""
    route = {"apiVersions": ["v1"], "deleted": False, "states": [{"weight": 0}, {"/weight": 10}]}
    order = ["Canary/app.status #0", "Route/app #0", "Canary/app.status #1", "Route/app #1", "Canary/app.status #2"]
    whole = {
        "scenario": {"name": "shop", "objects": [DEPLOYMENT], "script": SCRIPT},
        "ended": "ok",
        "status": [status("Initializing"), status("Initialized"), status("Progressing", 10)],
        "events": [{"message": "one"}, {"message": "two"}],
        "webhooks": [{"path": "gate", "method": "POST", "body": {"phase": "Progressing"}}],
        "queries": ["sum(a)", "sum(b)"],
        "objects": {"Route/app": route},
        "order": order,
    }
    return copy.deepcopy(whole | parts)


def found(davy: Json, flagger: Json | None = None) -> list[Difference]:
    return differences(Pair(flagger or record(), davy))


def told(each: Difference) -> tuple[Any, ...]:
    return each.part, each.at, each.pointer, each.moment, each.flagger, each.davy


def test_equal_records_have_no_difference() -> None:
    assert found(record()) == []


def test_writing_the_status_first_and_then_acting_is_no_difference() -> None:
    order = ["Canary/app.status #0", "Canary/app.status #1", "Route/app #0", "Canary/app.status #2", "Route/app #1"]
    assert found(record(order=order)) == []


def test_acting_after_the_next_change_is_one() -> None:
    order = ["Canary/app.status #0", "Canary/app.status #1", "Canary/app.status #2", "Route/app #0", "Route/app #1"]
    [difference] = found(record(order=order))
    assert told(difference)[:4] == ("object", "Route/app", "", "1: Initialized 0 %, 0")
    assert (difference.flagger, difference.davy) == ({"weight": 0}, ABSENT)


@pytest.mark.parametrize(
    ("part", "value", "expected"),
    [
        ("ended", "step 1 not reached", ("ended", "", "", END, "ok", "step 1 not reached")),
        ("events", [{"message": "one"}], ("event", "", "", END, {"message": "two"}, ABSENT)),
        ("queries", ["sum(a)", "sum(b)", "sum(c)"], ("query", "", "", END, ABSENT, "sum(c)")),
        ("webhooks", [], ("hook", "gate", "", "gate 0", {"method": "POST", "phase": "Progressing"}, ABSENT)),
    ],
)
def test_each_part_has_its_difference(part: str, value: Json, expected: tuple[Any, ...]) -> None:
    [difference] = found(record(**{part: value}))
    assert told(difference) == expected


def test_two_queries_in_another_order_are_told_as_that() -> None:
    assert {each.moment for each in found(record(queries=["sum(b)", "sum(a)"]))} == {ANOTHER_ORDER}


def test_the_same_call_with_another_body_differs_in_a_pointer() -> None:
    [difference] = found(record(webhooks=[{"path": "gate", "method": "POST", "body": {"phase": "Waiting"}}]))
    assert told(difference) == ("hook", "gate", "/phase", "gate 0", "Progressing", "Waiting")


def test_how_often_a_hook_is_called_is_not_compared_but_what_it_is_told_is() -> None:
    gate, load = ({"path": path, "method": "POST", "body": {"phase": "Progressing"}} for path in ("gate", "load"))
    assert found(record(webhooks=[gate, load, gate, load]), record(webhooks=[gate, load])) == []
    other = [load, gate, gate | {"body": {"phase": "Failed", "name": "app"}}]
    [difference] = found(record(webhooks=other), record(webhooks=[gate, load]))
    assert difference.davy == {"method": "POST", "phase": "Failed", "name": "app"}


def test_a_hook_is_called_by_its_type_and_an_alert_by_that_name() -> None:
    hooks = [{"url": "${HOOKS}/a/b", "type": "confirm-rollout"}, {"url": "${HOOKS}/load"}]
    canary = {"kind": "Canary", "spec": {"analysis": {"webhooks": hooks}}}
    provider = {"kind": "AlertProvider", "spec": {"address": "${HOOKS}/slack"}}
    assert hook_kinds({"objects": [canary, provider]}) == {
        "a/b": "confirm-rollout",
        "load": "rollout",
        "slack": "alert",
        "global-event": "event",
        "global-slack": "alert",
    }


def test_a_field_of_the_status_is_compared_by_its_values_within_a_step() -> None:
    steps = [status("Initializing"), status("Initialized", failedChecks=0), status("Initialized", failedChecks=1)]
    order = [*(f"Canary/app.status #{number}" for number in range(3)), "Route/app #0", "Route/app #1"]
    one = record(status=[*steps, status("Progressing", 10)], order=[*order, "Canary/app.status #3"])
    other = record(
        status=[*steps[:2], status("Progressing", 10)], order=[*order[:2], *order[3:], "Canary/app.status #2"]
    )
    [difference] = found(other, one)
    assert told(difference) == ("status", "failedChecks", "", "1: Initialized 0 %, 0", [0, 1], [0])


def test_a_weight_of_its_own_is_one_difference() -> None:
    steps = [status("Initializing"), status("Initialized"), status("Progressing", 20)]
    [difference] = found(record(status=steps))
    assert told(difference) == ("status", "canaryWeight", "", "2: Progressing 10 %, 0", 10, 20)


def test_a_step_that_one_has_alone_is_told() -> None:
    [difference, *_] = found(record(status=record()["status"][:2], order=record()["order"][:4]))
    assert (difference.at, difference.davy) == ("step", ABSENT)
    assert difference.flagger == {"phase": "Progressing", "weight": 10, "iterations": 0}


def test_a_value_that_flagger_never_wrote_is_told_though_it_was_there_for_a_moment() -> None:
    states = [{"weight": 0}, {"/weight": 100}, {"/weight": 10}]
    order = record()["order"]
    order[3:4] = ["Route/app #1", "Route/app #2"]
    objects = {"Route/app": record()["objects"]["Route/app"] | {"states": states}}
    [difference] = found(record(objects=objects, order=order))
    assert told(difference) == ("object", "Route/app", "/weight", BETWEEN, 10, 100)


def test_what_the_script_writes_is_nobodys_difference() -> None:
    first, second = {"image": "registry.example/app:1.0"}, {"image": "registry.example/app:1.1"}
    whole = [{"spec": {"template": {"spec": {"containers": [each]}}}} for each in (first, second)]
    change = {"/spec/template/spec/containers/0/image": second["image"]}
    touched = {"apiVersions": ["v1"], "deleted": False, "states": [whole[0], change]}
    scenario = {"name": "shop", "objects": [DEPLOYMENT | whole[0]], "script": SCRIPT}
    early = ["Deployment/app #0", "Deployment/app #1", "Canary/app.status #0"]
    late = ["Deployment/app #0", "Canary/app.status #0", "Deployment/app #1"]
    one, other = (
        record(scenario=scenario, objects={"Deployment/app": touched}, status=[status("Initialized")], order=order)
        for order in (early, late)
    )
    assert found(other, one) == []
    assert found(one, other) == []


def test_an_object_of_davys_alone_is_told_as_a_whole_but_one_of_the_scenario_by_what_changed() -> None:
    changed = {"apiVersions": ["v1"], "deleted": False, "states": [{"spec": {"replicas": 2}}, {"/spec/replicas": 0}]}
    made = {"apiVersions": ["v1"], "deleted": False, "states": [{"spec": {}}]}
    objects = record()["objects"] | {"Deployment/app": changed, "Service/app": made}
    order = [*record()["order"], "Deployment/app #0", "Service/app #0", "Deployment/app #1"]
    assert [told(each) for each in found(record(objects=objects, order=order))] == [
        ("object", "Deployment/app", "/spec/replicas", END, 2, 0),
        ("object", "Service/app", "", END, ABSENT, {"spec": {}}),
    ]


def test_after_a_parting_nothing_is_compared() -> None:
    steps = [*record()["status"][:2], status("Failed")]
    other = record(status=steps, ended="step 1 not reached", queries=["sum(a)"], events=[{"message": "one"}])
    [parting] = differences(Pair(record(), other), parts=lambda each: each.at == "step")
    assert told(parting)[:3] == ("status", "step", "")


def test_before_a_parting_everything_is() -> None:
    steps = [status("Initializing", failedChecks=1), status("Initialized"), status("Failed")]
    found = differences(Pair(record(), record(status=steps)), parts=lambda each: each.at == "step")
    assert [each.at for each in found] == ["failedChecks", "step"]
