"""A namespace is recorded: what the operator wrote, and in which order."""

from typing import Any

import pytest
from tests.oracle.kinds import Json
from tests.oracle.recorder import Recorder

SCENARIO = {"name": "shop"}
FIELDS = frozenset({"phase", "canaryWeight"})


def recorded(*changes: tuple[str, str, Json], harness: frozenset[int] = frozenset(), calls: Any = ()) -> Json:
    recorder = Recorder("shop", FIELDS, "davy.", harness)
    for kind, change, manifest in changes:
        recorder.seen(kind, change, manifest)
    return recorder.trace(SCENARIO, "ok", list(calls), [], {})


def thing(
    version: int, *, name: str = "app", manager: str = "davy", spec: Json = None, status: Json = None, **metadata: Json
) -> Json:
    managed = [{"manager": manager, "apiVersion": "apps/v1"}]
    whole = {"name": name, "resourceVersion": str(version), "managedFields": managed} | metadata
    return {"apiVersion": "apps/v1", "metadata": whole, "spec": spec or {}} | ({"status": status} if status else {})


def event(version: int, message: str, kind: str = "Canary") -> Json:
    metadata = {"resourceVersion": str(version), "name": f"e{version}"}
    what = {"type": "Normal", "reason": "Synced", "message": message}
    return {"metadata": metadata, "involvedObject": {"kind": kind}} | what


def test_states_are_told_as_the_first_and_its_changes() -> None:
    trace = recorded(
        ("Deployment", "ADDED", thing(1, spec={"replicas": 2})),
        ("Deployment", "MODIFIED", thing(2, spec={"replicas": 2}, status={"replicas": 2})),
        ("Deployment", "MODIFIED", thing(3, spec={"replicas": 0})),
    )
    assert trace["objects"] == {
        "Deployment/app": {
            "apiVersions": ["apps/v1"],
            "deleted": False,
            "states": [{"spec": {"replicas": 2}}, {"/spec/replicas": 0}],
        }
    }
    assert trace["order"] == ["Deployment/app #0", "Deployment/app #1"]


def test_what_the_harness_alone_wrote_is_left_out() -> None:
    made = thing(1, manager="oracle")
    assert recorded(("Deployment", "ADDED", made), harness=frozenset({1}))["objects"] == {}


def test_a_change_that_nobody_signed_is_the_operators() -> None:
    made, emptied = thing(1, manager="oracle", spec={"replicas": 2}), thing(2, manager="oracle", spec={"replicas": 0})
    changes = (("Deployment", "ADDED", made), ("Deployment", "MODIFIED", emptied))
    trace = recorded(*changes, harness=frozenset({1}))
    assert trace["objects"]["Deployment/app"]["states"][1] == {"/spec/replicas": 0}
    assert recorded(*changes, harness=frozenset({1, 2}))["objects"] == {}


def test_the_order_is_that_of_the_server_not_of_the_watches() -> None:
    trace = recorded(
        ("Service", "ADDED", thing(5, name="late")),
        ("Service", "ADDED", thing(4, name="early")),
        ("Canary", "ADDED", thing(3, manager="oracle", status={"phase": "Initializing"})),
        harness=frozenset({3}),
    )
    assert trace["order"] == ["Canary/app.status #0", "Service/early #0", "Service/late #0"]


def test_a_deletion_is_told() -> None:
    trace = recorded(("Service", "ADDED", thing(1)), ("Service", "DELETED", thing(2)))
    assert trace["objects"]["Service/app"]["deleted"] is True
    assert trace["order"] == ["Service/app #0", "Service/app deleted"]


def test_only_flaggers_fields_of_a_status_are_told() -> None:
    conditions = [
        {"type": "Promoted", "status": "True", "reason": "R", "message": "M", "lastUpdateTime": "now"},
        {"type": "Ready", "status": "True"},
    ]
    status = {"phase": "Initialized", "canaryWeight": 0, "lastStepAt": "now", "conditions": conditions}
    trace = recorded(("Canary", "MODIFIED", thing(1, status=status)), ("Canary", "MODIFIED", thing(2, status=status)))
    promoted = {"type": "Promoted", "status": "True", "reason": "R", "message": "M"}
    assert trace["status"] == [{"phase": "Initialized", "canaryWeight": 0, "conditions": [promoted]}]


def test_an_event_is_told_once_and_only_the_canarys() -> None:
    trace = recorded(
        ("Event", "ADDED", event(2, "second")),
        ("Event", "ADDED", event(1, "first")),
        ("Event", "MODIFIED", event(3, "(combined from similar events): first")),
        ("Event", "ADDED", event(4, "of a pod", kind="Pod")),
    )
    assert [each["message"] for each in trace["events"]] == ["first", "second"]


@pytest.mark.parametrize(("words", "left"), [({"davy.dev/revision": "x"}, None), ({"a": "b"}, {"a": "b"})])
def test_what_the_operator_adds_for_itself_is_left_out(words: Json, left: Json) -> None:
    [state] = recorded(("Service", "ADDED", thing(1, annotations=words)))["objects"]["Service/app"]["states"]
    assert state.get("metadata", {}).get("annotations") == left


def test_equal_calls_in_a_row_are_one() -> None:
    one, other = ({"path": path, "method": "POST", "body": None} for path in ("gate", "load"))
    assert recorded(calls=[one, one, other, one])["webhooks"] == [one, other, one]
