"""What managedFields say, what is already so, and how another's fields become ours."""

from typing import Any

import pytest

from davy.kube.managed_fields import Applied, Fields, is_applied, owned_paths, owners_of, take_over, wanted_paths

PORT = 'k:{"port":80,"protocol":"TCP"}'


def entry(manager: str, operation: str, fields: Any, subresource: str = "") -> dict[str, Any]:
    extra = {"subresource": subresource} if subresource else {}
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "time": "2026-01-01T00:00:00Z",
        **extra,
    }


def live(*entries: dict[str, Any], **parts: Any) -> dict[str, Any]:
    metadata = {"name": "web", "resourceVersion": "7", "uid": "u", "managedFields": list(entries)}
    return {"apiVersion": "v1", "kind": "Service", **parts, "metadata": {**metadata, **parts.pop("metadata", {})}}


def wanted(**parts: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", **parts, "metadata": {"name": "web", **parts.pop("metadata", {})}}


def ours(fields: Any) -> dict[str, Any]:
    return entry("davy", "Apply", fields)


# -- paths


def test_owned_paths_are_the_leaves_and_the_items_themselves() -> None:
    fields = {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {"f:ports": {PORT: {".": {}, "f:port": {}}}, "f:finalizers": {'v:"x"': {}}},
    }
    assert owned_paths(live(ours(fields)), "davy") == {
        ("f:metadata", "f:labels", "f:app"),
        ("f:spec", "f:ports", PORT),
        ("f:spec", "f:ports", PORT, "f:port"),
        ("f:spec", "f:finalizers", 'v:"x"'),
    }


def test_owned_paths_are_told_apart_by_manager_operation_and_subresource() -> None:
    obj = live(
        entry("davy", "Apply", {"f:a": {}}),
        entry("davy", "Update", {"f:b": {}}),
        entry("davy", "Update", {"f:c": {}}, "status"),
        entry("flagger", "Update", {"f:d": {}}),
    )
    assert owned_paths(obj, "davy") == {("f:a",), ("f:b",)}
    assert owned_paths(obj, "davy", "Apply") == {("f:a",)}
    assert owned_paths(obj, "davy", subresource="status") == {("f:c",)}
    assert owned_paths(obj, "nobody") == frozenset()
    assert owned_paths({"metadata": {}}, "davy") == frozenset()


def test_wanted_paths_leave_out_what_nobody_owns() -> None:
    manifest = wanted(metadata={"namespace": "n", "labels": {"app": "x"}}, spec={"ports": [{"port": 80}], "empty": {}})
    assert wanted_paths(manifest) == {
        ("f:metadata", "f:labels", "f:app"),
        ("f:spec", "f:ports"),
        ("f:spec", "f:empty"),
    }
    assert wanted_paths(wanted()) == frozenset()


def test_who_owns_a_field_can_be_told() -> None:
    obj = live(ours({"f:spec": {"f:x": {}}}), entry("kubectl", "Update", {"f:spec": {"f:x": {}, "f:y": {}}}))
    assert owners_of(obj, ("f:spec", "f:x")) == {"davy", "kubectl"}
    assert owners_of(obj, ("f:spec", "f:y")) == {"kubectl"}
    assert owners_of(obj, ("f:spec", "f:z")) == frozenset()


# -- already so

SELECTOR: Fields = {"f:spec": {"f:selector": {}}}
TYPE: Fields = {"f:spec": {"f:type": {}}}
LABEL: Fields = {"f:metadata": {"f:labels": {"f:app": {}}}}
PORTS: Fields = {"f:spec": {"f:ports": {PORT: {".": {}, "f:port": {}, "f:targetPort": {}}}}}
RULES: Fields = {"f:spec": {"f:rules": {}}}
FINALIZER: Fields = {"f:metadata": {"f:finalizers": {".": {}, 'v:"ours"': {}}}}
LIVE_PORT = {"port": 80, "protocol": "TCP", "targetPort": 8080}


@pytest.mark.parametrize(
    ("fields", "is_so", "want", "expected"),
    [
        # plain values
        (TYPE, {"spec": {"type": "A"}}, {"spec": {"type": "A"}}, True),
        (TYPE, {"spec": {"type": "B"}}, {"spec": {"type": "A"}}, False),
        (TYPE, {"spec": {}}, {"spec": {"type": "A"}}, False),
        (TYPE, {}, {"spec": {"type": "A"}}, False),
        (TYPE, {"spec": {"type": "A", "theirs": 1}}, {"spec": {"type": "A"}}, True),
        # a field of ours that is no longer wanted
        (TYPE, {"spec": {"type": "A"}}, {}, False),
        (TYPE, {"spec": {"type": "A"}}, {"spec": {}}, False),
        # a value that is right although nobody says it is ours
        ({}, {"spec": {"type": "A"}}, {"spec": {"type": "A"}}, True),
        ({}, {"spec": {"type": "A"}}, {"spec": {"type": "B"}}, False),
        # maps merged key by key
        (LABEL, {"metadata": {"labels": {"app": "x", "team": "t"}}}, {"metadata": {"labels": {"app": "x"}}}, True),
        (LABEL, {"metadata": {"labels": {"app": "x"}}}, {"metadata": {"labels": {"app": "x", "new": "y"}}}, False),
        (LABEL, {"metadata": {"labels": {"app": "x"}}}, {"metadata": {"labels": {"new": "y"}}}, False),
        # maps that are one value
        (SELECTOR, {"spec": {"selector": {"app": "x"}}}, {"spec": {"selector": {"app": "x"}}}, True),
        (SELECTOR, {"spec": {"selector": {"app": "x", "old": "y"}}}, {"spec": {"selector": {"app": "x"}}}, False),
        # lists merged by key, with a part of the key left to the server's default
        (PORTS, {"spec": {"ports": [LIVE_PORT]}}, {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}, True),
        (PORTS, {"spec": {"ports": [LIVE_PORT]}}, {"spec": {"ports": [{"port": 80, "targetPort": 9090}]}}, False),
        (PORTS, {"spec": {"ports": [LIVE_PORT]}}, {"spec": {"ports": [{"port": 80}]}}, False),
        (PORTS, {"spec": {"ports": [LIVE_PORT]}}, {"spec": {"ports": []}}, False),
        (PORTS, {"spec": {"ports": []}}, {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}, False),
        (
            PORTS,
            {"spec": {"ports": [LIVE_PORT]}},
            {"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 443}]}},
            False,
        ),
        (
            PORTS,
            {"spec": {"ports": [{**LIVE_PORT, "protocol": "UDP"}, LIVE_PORT]}},
            {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}},
            True,
        ),
        # lists that are sets
        (FINALIZER, {"metadata": {"finalizers": ["a", "ours"]}}, {"metadata": {"finalizers": ["ours"]}}, True),
        (FINALIZER, {"metadata": {"finalizers": ["a"]}}, {"metadata": {"finalizers": ["ours"]}}, False),
        (FINALIZER, {"metadata": {"finalizers": ["a", "ours"]}}, {"metadata": {"finalizers": ["a"]}}, False),
        # lists that are one value
        (RULES, {"spec": {"rules": [{"a": 1}]}}, {"spec": {"rules": [{"a": 1}]}}, True),
        (RULES, {"spec": {"rules": [{"a": 1}, {"b": 2}]}}, {"spec": {"rules": [{"a": 1}]}}, False),
        # what the server added there, or what we no longer want? In doubt it is written
        (RULES, {"spec": {"rules": [{"a": 1, "mirror": 2}]}}, {"spec": {"rules": [{"a": 1}]}}, False),
    ],
)
def test_already_so(fields: Any, is_so: Any, want: Any, expected: bool) -> None:
    assert is_applied(live(ours(fields), **is_so), wanted(**want), "davy") is expected


def test_other_managers_and_the_status_subresource_do_not_count() -> None:
    obj = live(
        ours(TYPE),
        entry("kubectl", "Update", {"f:spec": {"f:theirs": {}}}),
        entry("davy", "Update", {"f:status": {"f:x": {}}}, "status"),
        spec={"type": "A", "theirs": 1},
        status={"x": 1},
    )
    assert is_applied(obj, wanted(spec={"type": "A"}), "davy")


def test_an_update_of_ours_counts_as_ours() -> None:
    obj = live(ours(TYPE), entry("davy", "Update", {"f:spec": {"f:old": {}}}), spec={"type": "A", "old": 1})
    assert not is_applied(obj, wanted(spec={"type": "A"}), "davy")


def test_the_reply_to_our_last_apply_tells_defaults_from_leftovers() -> None:
    want = wanted(spec={"rules": [{"ref": "a"}]})
    defaulted = live(ours(RULES), spec={"rules": [{"ref": "a", "weight": 1}]})
    last = Applied(want, defaulted)
    assert is_applied(defaulted, want, "davy", last)
    foreign = live(ours(RULES), spec={"rules": [{"ref": "a", "weight": 1, "mirror": "b"}]})
    assert not is_applied(foreign, want, "davy", last)
    # asked for something else since: the old reply says nothing
    assert not is_applied(defaulted, wanted(spec={"rules": [{"ref": "b"}]}), "davy", last)
    assert not is_applied(defaulted, want, "davy", Applied(wanted(spec={"rules": [{"ref": "b"}]}), defaulted))


def test_the_reply_also_knows_how_the_server_spells_a_value() -> None:
    fields: Fields = {"f:spec": {"f:cpu": {}, "f:ports": {PORT: {".": {}, "f:port": {}, "f:limit": {}}}}}
    want = wanted(spec={"cpu": "1000m", "ports": [{"port": 80, "limit": "1024Ki"}]})
    reply = live(ours(fields), spec={"cpu": "1", "ports": [{"port": 80, "protocol": "TCP", "limit": "1Mi"}]})
    assert not is_applied(reply, want, "davy")
    assert is_applied(reply, want, "davy", Applied(want, reply))


# -- taking over


def test_nothing_to_take_over() -> None:
    assert take_over(live(ours(TYPE)), "flagger", "davy") is None
    assert take_over(live(entry("flagger", "Update", TYPE, "status")), "flagger", "davy") is None
    assert take_over(live(entry("flagger", "Apply", TYPE)), "flagger", "davy") is None
    assert take_over({"metadata": {"resourceVersion": "1"}}, "flagger", "davy") is None


def test_their_updates_become_our_apply() -> None:
    theirs, status = entry("flagger", "Update", TYPE), entry("flagger", "Update", {"f:status": {}}, "status")
    assert take_over(live(theirs, status), "flagger", "davy") == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {
            "op": "replace",
            "path": "/metadata/managedFields",
            "value": [{**theirs, "manager": "davy", "operation": "Apply"}, status],
        },
    ]


def test_their_updates_are_merged_into_our_apply() -> None:
    other = entry("kubectl", "Update", TYPE)
    obj = live(entry("flagger", "Update", LABEL), ours(PORTS), other, entry("flagger", "Update", TYPE))
    patch = take_over(obj, "flagger", "davy")
    assert patch is not None
    merged, *rest = patch[1]["value"]
    assert rest == [other]
    assert (merged["manager"], merged["operation"]) == ("davy", "Apply")
    assert owned_paths({"metadata": {"managedFields": [merged]}}, "davy") == owned_paths(
        live(ours(LABEL), ours(PORTS), ours(TYPE)), "davy"
    )


def test_our_own_updates_can_become_applies_too() -> None:
    patch = take_over(live(entry("davy", "Update", TYPE), ours(LABEL)), "davy", "davy")
    assert patch is not None
    (merged,) = patch[1]["value"]
    assert merged["fieldsV1"] == {**TYPE, **LABEL}


def test_the_live_object_is_left_alone() -> None:
    obj = live(ours(PORTS), entry("flagger", "Update", TYPE))
    before = repr(obj)
    take_over(obj, "flagger", "davy")
    assert repr(obj) == before
