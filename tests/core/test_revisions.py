"""Revisions: equal templates have equal hashes, others have not, and a hash tells its scheme."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.core.revisions import is_ours, is_revision_of, revision

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any) -> Any:
    match value:
        case dict():
            return {key: shuffled(value[key]) for key in reversed(value)}
        case list():
            return [shuffled(item) for item in value]
        case _:
            return value


@given(JSON)
def test_the_order_of_keys_makes_no_revision(template: Any) -> None:
    assert revision(shuffled(template)) == revision(template)
    assert revision(msgspec.json.decode(msgspec.json.encode(template))) == revision(template)


@given(JSON, JSON)
def test_another_template_is_another_revision(one: Any, other: Any) -> None:
    same_text = msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")
    assert (revision(one) == revision(other)) == same_text


def test_a_revision_never_changes_its_text() -> None:
    template = {"metadata": {"labels": {"app": "podinfo"}}, "spec": {"containers": [{"name": "a", "image": "x:1"}]}}
    assert revision(template) == "v1:3c6f16935e256479ac4e8df455ded282"


@pytest.mark.parametrize("text", ["", "5978589476", "v1:", "v1:xyz", "v0:" + "0" * 32, "v1:" + "0" * 31])
def test_a_foreign_hash_is_known_as_such(text: str) -> None:
    assert not is_ours(text)
    assert not is_revision_of({}, text)


def test_a_template_is_recognised_by_its_own_hash_only() -> None:
    assert is_ours(revision({"a": 1}))
    assert is_revision_of({"a": 1}, revision({"a": 1}))
    assert not is_revision_of({"a": 2}, revision({"a": 1}))
