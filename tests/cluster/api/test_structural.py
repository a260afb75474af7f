"""Custom resources under their schemas: pruned, defaulted, validated in the real server's words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.api.patch import copy
from davy.cluster.api.schema import custom
from davy.cluster.api.structural import default, duplicates, prune, validate

SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4},
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "wait": {"type": "string", "format": "duration"},
        "port": {"x-kubernetes-int-or-string": True},
        "note": {"type": "string", "nullable": True},
        "mode": {"type": "string", "default": "fast"},
        "inner": {"type": "object", "default": {}, "properties": {"level": {"type": "integer", "default": 5}}},
        "tags": {"type": "array", "maxItems": 1, "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
    },
}
SCHEMA = custom({"properties": {"spec": SPEC}})

CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "spec.name: Required value"),
    ({"name": "a1"}, "spec.name: Invalid value: \"a1\": spec.name in body should match '^[a-z]+$'"),
    ({"name": "a"}, 'spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long'),
    ({"name": "abcde"}, "spec.name: Too long: may not be more than 4 bytes"),
    ({"name": "ab", "size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
    ({"name": "ab", "size": 10}, "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9"),
    ({"name": "ab", "ratio": 0}, "spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0"),
    (
        {"name": "ab", "size": "x"},
        'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    ),
    (
        {"name": "ab", "colour": "pink"},
        'spec.colour: Unsupported value: "pink": supported values: "red", "blue"',
    ),
    (
        {"name": "ab", "wait": "soon"},
        'spec.wait: Invalid value: "soon": spec.wait in body must be of type duration: "soon"',
    ),
    (
        {"name": "ab", "port": True},
        'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ),
    ({"name": "ab", "tags": ["x", "y"]}, "spec.tags: Too many: 2: must have at most 1 item"),
    ({"name": "ab", "labels": {"a": "1", "b": "2"}}, "spec.labels: Too many: 2: must have at most 1 item"),
]


@pytest.mark.parametrize(("spec", "text"), CASES, ids=[case[1][:40] for case in CASES])
def test_what_is_wrong_is_told_with_its_path(spec: dict[str, Any], text: str) -> None:
    assert [str(cause) for cause in validate(SCHEMA, {"spec": spec})] == [text]


@pytest.mark.parametrize("spec", [{"name": "ab", "port": 1}, {"name": "ab", "port": "1"}, {"name": "ab", "note": None}])
def test_what_is_right_is_let_through(spec: dict[str, Any]) -> None:
    assert list(validate(SCHEMA, {"spec": spec})) == []


def test_what_was_wrong_before_and_has_not_changed_is_let_be() -> None:
    old = {"spec": {"name": "UPPER", "size": 1}}
    assert list(validate(SCHEMA, {"spec": {"name": "UPPER", "size": 2}}, old)) == []
    assert len(list(validate(SCHEMA, {"spec": {"name": "OTHER", "size": 2}}, old))) == 1


def test_unknown_fields_are_removed_and_named() -> None:
    value = {"metadata": {"x": 1}, "odd": 1, "spec": {"name": "ab", "odd": 1, "free": {"any": 1}, "labels": {"k": "v"}}}
    assert prune(SCHEMA, value) == ["odd", "spec.odd"]
    assert value == {"metadata": {"x": 1}, "spec": {"name": "ab", "free": {"any": 1}, "labels": {"k": "v"}}}


def test_defaults_are_filled_in_down_to_the_leaves() -> None:
    value: dict[str, Any] = {"spec": {"name": "ab", "note": None, "size": None, "mode": None}}
    default(SCHEMA, value)
    assert value == {"spec": {"name": "ab", "note": None, "mode": "fast", "inner": {"level": 5}}}


def test_sets_hold_nothing_twice() -> None:
    found = [str(cause) for cause in duplicates(SCHEMA, {"spec": {"tags": ["a", "b", "a"]}})]
    assert found == ['spec.tags[2]: Duplicate value: "a"']


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from("ab"),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(list(SPEC["properties"])), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.fixed_dictionaries({"spec": JSON}))
def test_pruning_and_defaulting_twice_is_doing_it_once(value: dict[str, Any]) -> None:
    prune(SCHEMA, value)
    default(SCHEMA, value)
    once = copy(value)
    assert prune(SCHEMA, value) == []
    default(SCHEMA, value)
    assert value == once


@given(st.fixed_dictionaries({"spec": JSON}))
def test_an_object_is_never_wrong_about_what_it_did_not_change(value: dict[str, Any]) -> None:
    assert [cause for cause in validate(SCHEMA, value, copy(value)) if cause.field.startswith("spec")] == []
