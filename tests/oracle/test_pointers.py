"""Changes between JSON values lead from one to the other."""

from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.kinds import Json
from tests.oracle.pointers import REMOVED, delta, patched

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="a~/b", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(alphabet="a~/b", max_size=2), VALUES, max_size=3)


@given(OBJECTS, OBJECTS)
def test_the_changes_lead_from_one_object_to_the_other(before: Json, after: Json) -> None:
    assert patched(before, delta(before, after)) == after


def test_a_removed_key_and_a_changed_item_are_told_by_their_pointers() -> None:
    before = {"a": {"b/c": 1, "d": 2}, "list": [1, 2]}
    after = {"a": {"d": 2}, "list": [1, 3]}
    assert delta(before, after) == {"/a/b~1c": REMOVED, "/list/1": 3}


def test_a_list_of_another_length_is_told_as_a_whole() -> None:
    assert delta({"list": [1]}, {"list": [1, 2]}) == {"/list": [1, 2]}
