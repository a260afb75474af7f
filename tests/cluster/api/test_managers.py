"""Server-side apply and the ownership of fields."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.api import managers
from davy.cluster.api import schema as schemas
from davy.cluster.api.errors import ApiError
from davy.cluster.api.managers import Writer
from davy.cluster.api.patch import copy

Manifest = dict[str, Any]
SCHEMA = schemas.custom(
    {
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "a": {"type": "integer"},
                    "b": {"type": "string"},
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "steps": {"type": "array", "items": {"type": "integer"}},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "ports": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port"],
                        "items": {
                            "type": "object",
                            "properties": {"port": {"type": "integer"}, "name": {"type": "string"}},
                        },
                    },
                },
            }
        }
    }
)
PORTS = st.lists(
    st.fixed_dictionaries({"port": st.integers(1, 4)}, optional={"name": st.sampled_from("xy")}),
    min_size=1,  # an empty one claims nothing, in a real server too
    max_size=3,
    unique_by=lambda port: port["port"],
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "a": st.integers(0, 3),
        "b": st.sampled_from("xyz"),
        "tags": st.lists(st.sampled_from("pqr"), min_size=1, max_size=3, unique=True),
        "steps": st.lists(st.integers(0, 3), max_size=2),
        "labels": st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw"), max_size=2),
        "ports": PORTS,
    },
)
EMPTY: Manifest = {"apiVersion": "davy.test/v1", "kind": "Thing", "metadata": {}}


def writer(name: str, now: str = "2026-01-01T00:00:00Z") -> Writer:
    return Writer(name, "davy.test/v1", now)


def config(spec: Manifest) -> Manifest:
    return {"apiVersion": "davy.test/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec}


def applied(live: Manifest, spec: Manifest, name: str, *, force: bool = False) -> Manifest:
    new = managers.apply(SCHEMA, copy(live), config(copy(spec)), writer(name), force=force)
    new["metadata"]["uid"] = "u"
    return new


def updated(live: Manifest, spec: Manifest, name: str) -> Manifest:
    new = managers.update(SCHEMA, live, {**live, "spec": spec}, writer(name))
    new["metadata"]["uid"] = "u"
    return new


def owners(live: Manifest) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in live["metadata"].get("managedFields", ())}


@given(SPECS)
def test_applying_the_same_again_changes_nothing(spec: Manifest) -> None:
    once = applied(EMPTY, spec, "one")
    again = managers.apply(SCHEMA, copy(once), config(spec), writer("one", "2030-01-01T00:00:00Z"), force=False)
    assert again == once


@given(SPECS, SPECS)
def test_what_only_its_applier_had_goes_with_the_claim(first: Manifest, second: Manifest) -> None:
    live = applied(applied(EMPTY, first, "one"), second, "one")
    fresh = applied(EMPTY, second, "one")
    # What is emptied by the loss of its last field becomes null, as in a real server, whose validation refuses it then.
    assert set(live["spec"] or {}) == set(fresh["spec"])
    assert owners(live) == owners(fresh)


@given(SPECS, SPECS)
def test_two_who_say_the_same_share_and_one_who_leaves_takes_nothing(spec: Manifest, other: Manifest) -> None:
    both = applied(applied(EMPTY, spec, "one"), spec, "two")
    left = applied(both, {}, "one")
    assert left.get("spec") == both.get("spec")
    forced = applied(left, other, "three", force=True)
    assert set(other) <= set(forced["spec"] or {})


@given(SPECS, SPECS)
def test_force_takes_and_without_it_a_difference_is_a_conflict(first: Manifest, second: Manifest) -> None:
    live = applied(EMPTY, first, "one")
    scalars = {key for key in ("a", "b", "steps") if key in first and key in second and first[key] != second[key]}
    if scalars:
        with pytest.raises(ApiError, match="Apply failed with") as raised:
            applied(live, second, "two")
        assert raised.value.code == 409
        fields = {cause["field"] for cause in (raised.value.details or {})["causes"]}
        assert {f".spec.{key}" for key in scalars} <= fields
    new = applied(live, second, "two", force=True)
    for key in scalars:
        assert new["spec"][key] == second[key]
        assert f"f:{key}" not in owners(new).get("one", {}).get("f:spec", {})


@given(SPECS, SPECS)
def test_an_update_owns_what_it_changed_and_others_lose_it(first: Manifest, second: Manifest) -> None:
    live = updated(applied(EMPTY, first, "one"), second, "two")
    mine, theirs = (owners(live).get(name, {}).get("f:spec", {}) for name in ("two", "one"))
    for key in ("a", "b"):
        changed = key in second and second.get(key) != first.get(key)
        assert (f"f:{key}" in mine) is changed
        assert (f"f:{key}" in theirs) is (key in first and first[key] == second.get(key))


def test_a_conflict_is_told_in_the_servers_words() -> None:
    live = updated(applied(EMPTY, {"a": 1}, "one"), {"a": 2, "ports": [{"port": 1, "name": "x"}]}, "edit")
    with pytest.raises(ApiError) as raised:
        applied(live, {"a": 3}, "two")
    assert raised.value.message == 'Apply failed with 1 conflict: conflict with "edit" using davy.test/v1: .spec.a'
    with pytest.raises(ApiError) as raised:
        applied(live, {"a": 3, "ports": [{"port": 1, "name": "y"}]}, "two")
    assert raised.value.message == (
        'Apply failed with 2 conflicts: conflicts with "edit" using davy.test/v1:\n'
        "- .spec.a\n- .spec.ports[port=1].name"
    )


def test_double_keys_are_refused_by_apply_and_kept_by_update() -> None:
    doubled = {"ports": [{"port": 1}, {"port": 1}]}
    with pytest.raises(ApiError, match=r"\.spec\.ports: duplicate entries for key \[port=1\]") as raised:
        applied(EMPTY, doubled, "one")
    assert raised.value.code == 500
    live = updated(EMPTY, doubled, "two")
    assert owners(live)["two"]["f:spec"]["f:ports"] == {".": {}, 'k:{"port":1}': {}}


def test_an_undeclared_field_cannot_be_applied() -> None:
    with pytest.raises(ApiError, match=r"\.spec\.nonsense: field not declared in schema"):
        applied(EMPTY, {"nonsense": 1}, "one")


def test_what_was_there_before_the_first_apply_has_an_owner() -> None:
    live: Manifest = {**EMPTY, "metadata": {"uid": "u"}, "spec": {"a": 1, "b": "x"}}
    new = applied(live, {"b": "x"}, "one")
    assert set(owners(new)) == {"before-first-apply", "one"}


def test_one_empty_entry_resets_the_owners() -> None:
    live = applied(EMPTY, {"a": 1}, "one")
    sent = {**live, "metadata": {**live["metadata"], "managedFields": [{}]}}
    assert "managedFields" not in managers.update(SCHEMA, live, sent, writer("two"))["metadata"]


def test_owners_are_rewritten_by_a_patch_of_them() -> None:
    live = updated(EMPTY, {"a": 1}, "kubectl-client-side-apply")
    entry = {**live["metadata"]["managedFields"][0], "manager": "kubectl", "operation": "Apply"}
    sent = {**live, "metadata": {**live["metadata"], "managedFields": [entry]}}
    new = managers.update(SCHEMA, live, sent, writer("other"))
    assert [(e["manager"], e["operation"]) for e in new["metadata"]["managedFields"]] == [("kubectl", "Apply")]


def test_at_most_ten_updaters_are_told_apart() -> None:
    live = EMPTY
    for number in range(14):
        now = f"2026-01-01T00:00:{number:02}Z"
        spec = {"labels": {**(live.get("spec") or {}).get("labels", {}), f"k{number}": "v"}}
        live = managers.update(SCHEMA, live, {**live, "spec": spec}, writer(f"m{number:02}", now))
        live["metadata"]["uid"] = "u"
    names = [entry["manager"] for entry in live["metadata"]["managedFields"]]
    assert len(names) == 10
    assert names[0] == "ancient-changes"


def test_the_status_endpoint_owns_no_spec() -> None:
    through = Writer("s", "davy.test/v1", "2026-01-01T00:00:00Z", "status", (("f:spec",),))
    new = managers.update(SCHEMA, EMPTY, {**EMPTY, "spec": {"a": 1}}, through)
    assert owners(new) == {}
