"""Sequences are laid beside each other at the least cost, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.alignment import aligned, exact

WORDS = st.lists(st.sampled_from("abc"), max_size=8)


@given(WORDS, WORDS)
def test_both_sequences_are_still_there(left: list[str], right: list[str]) -> None:
    pairs = aligned(left, right, exact)
    assert [one for one, _ in pairs if one is not None] == left
    assert [other for _, other in pairs if other is not None] == right
    assert all(one == other for one, other in pairs if one is not None and other is not None)


@given(WORDS)
def test_a_sequence_lies_beside_itself(words: list[str]) -> None:
    assert aligned(words, words, exact) == list(zip(words, words, strict=True))


def test_what_is_missing_stands_beside_nothing() -> None:
    assert aligned("abc", "ac", exact) == [("a", "a"), ("b", None), ("c", "c")]


def test_what_is_nearly_alike_is_paired() -> None:
    assert aligned([1, 5], [2, 5], lambda one, other: abs(one - other) / 2) == [(1, 2), (5, 5)]
