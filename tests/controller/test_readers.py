"""Who reads what, as sets come and go."""

from __future__ import annotations

from davy.api.ref import Ref
from davy.controller.readers import Readers

A, B, C = (Ref("v1", "Secret", "test", name) for name in "abc")
ONE, TWO = ("test", "one"), ("test", "two")


def test_the_latest_set_counts_and_what_nobody_reads_any_more_is_told() -> None:
    readers = Readers()
    assert readers.reads(ONE, [A, B]) == (frozenset({A, B}), frozenset())
    assert readers.reads(TWO, [B, C]) == (frozenset({B, C}), frozenset())
    assert readers.of(B) == {ONE, TWO}
    assert readers.reads(ONE, [C]) == (frozenset({C}), frozenset({A}))
    assert readers.by(ONE) == {C}
    assert dict(readers.all()) == {B: {TWO}, C: {ONE, TWO}}
    assert readers.reads(ONE, ()) == (frozenset(), frozenset())
    assert readers.reads(TWO, ()) == (frozenset(), frozenset({B, C}))
    assert dict(readers.all()) == {}
    assert not readers.of(A)
    assert not readers.by(ONE)
