"""Merge and JSON patches."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.api.errors import ApiError
from davy.cluster.api.patch import copy, json_patch, merge

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "patch", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_merge_patch(value: Any, patch: Any, merged: Any) -> None:
    assert merge(value, patch) == merged


@given(JSON, JSON)
def test_a_merge_patch_leaves_its_arguments_alone_and_is_idempotent(value: Any, patch: Any) -> None:
    before = copy(value)
    once = merge(value, patch)
    assert value == before
    assert merge(once, patch) == once


def test_replace_of_a_missing_field_adds_it_as_kubernetes_does() -> None:
    assert json_patch({"a": {}}, [{"op": "replace", "path": "/a/b", "value": 1}]) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/a", "value": 2}],
        [{"op": "remove", "path": "/b"}],
        [{"op": "add", "path": "/b/c", "value": 1}],
        [{"op": "nonsense", "path": "/a"}],
    ],
)
def test_a_json_patch_that_does_not_fit_is_invalid(operations: Any) -> None:
    with pytest.raises(ApiError) as raised:
        json_patch({"a": 1}, operations)
    assert raised.value.code == 422


def test_what_is_no_list_is_no_json_patch() -> None:
    with pytest.raises(ApiError) as raised:
        json_patch({}, {"a": 1})
    assert raised.value.code == 400
