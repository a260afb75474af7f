"""Comparing, merging and cutting typed objects."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.api import fields as f
from davy.cluster.api import typed
from davy.cluster.api.schema import ANYTHING, builtin

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("xy"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(MAPS)
def test_nothing_differs_from_itself(value: dict[str, Any]) -> None:
    found = typed.compare(ANYTHING, value, dict(value))
    assert (found.added, found.removed, found.modified) == ({}, {}, {})


@given(MAPS, MAPS)
def test_what_is_added_one_way_is_removed_the_other(a: dict[str, Any], b: dict[str, Any]) -> None:
    there, back = typed.compare(ANYTHING, a, b), typed.compare(ANYTHING, b, a)
    assert there.added == back.removed
    assert there.removed == back.added
    assert there.modified == back.modified


@given(MAPS, MAPS)
def test_a_merged_configuration_is_in_force(live: dict[str, Any], config: dict[str, Any]) -> None:
    merged = typed.merge(ANYTHING, live, config)
    assert typed.merge(ANYTHING, merged, config) == merged
    assert set(merged) == set(live) | set(config)


@given(MAPS)
def test_cutting_all_fields_leaves_nothing(value: dict[str, Any]) -> None:
    assert not typed.cut(ANYTHING, value, typed.fieldset(ANYTHING, value))


def test_a_deployment_is_owned_field_by_field() -> None:
    container = {"name": "c", "image": "i", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [container]}}}
    found = typed.fieldset(builtin("apps", "v1", "Deployment"), {"spec": spec})
    shown = {f.shown(path) for path in f.paths(found)}
    assert shown == {
        ".spec.selector",
        '.spec.template.spec.containers[name="c"]',
        '.spec.template.spec.containers[name="c"].name',
        '.spec.template.spec.containers[name="c"].image',
        '.spec.template.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"]',
        '.spec.template.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"].containerPort',
        '.spec.template.spec.containers[name="c"].env[name="A"]',
        '.spec.template.spec.containers[name="c"].env[name="A"].name',
        '.spec.template.spec.containers[name="c"].env[name="A"].value',
    }


@pytest.mark.parametrize(
    ("live", "config", "merged"),
    [
        (["a", "b"], ["b"], ["a", "b"]),
        (["a", "b", "c"], ["c", "x", "a"], ["b", "c", "x", "a"]),
        ([], ["x"], ["x"]),
        (["a"], [], ["a"]),
    ],
)
def test_lists_merge_in_the_order_of_the_configuration(live: list[str], config: list[str], merged: list[str]) -> None:
    schema = builtin("", "v1", "ConfigMap").field("metadata").field("finalizers")
    assert typed.merge(schema, live, config) == merged
