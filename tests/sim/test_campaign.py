"""The long runs: seeded, bounded, and their failures can be replayed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from random import Random

import pytest

from davy.core import hold
from davy.sim import tape
from davy.sim.campaign import KINDS, Failure, campaign, fought, replay
from davy.sim.safety import Unserved
from davy.sim.soak import some_points

POINTS, RANDOM = 240, 60
"""Runs: a slice of the soak that is the same on every machine."""
SECONDS = 60
"""More than it takes; a bound for a machine that has stalled."""
SEED = 20300101


def test_a_slice_of_the_soak_finds_nothing() -> None:
    """Some points of every main scenario, and random bad luck in all of them."""
    found = fought(some_points(Random(SEED), 12), POINTS, time.monotonic, SECONDS)
    more = campaign(Random(SEED), RANDOM, time.monotonic, SECONDS)
    failures = (*found.failures, *more.failures)
    assert [(failure.property, failure.words, failure.replay) for failure in failures] == []
    assert found.runs >= 50
    assert more.runs >= 20


def test_the_same_seed_is_the_same_campaign() -> None:
    one, other = (campaign(Random(7), 12, lambda: 0.0, 1) for _ in range(2))
    assert one == other
    assert one.runs == 12
    assert {kind for kinds in one.by_kind for kind in kinds.split(" + ")} <= set(KINDS)


def test_time_ends_it() -> None:
    ticking = iter(range(100))
    found = campaign(Random(1), 50, lambda: next(ticking), 3)
    assert found.runs == 2


def test_a_failure_is_given_back_as_a_case_that_fails_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tape, "TAPES", {})
        patch.setattr(hold, "safe", lambda s, wanted: wanted)
        failure = next(failure for failure in unsafe() if failure.property == "Unserved")
        with pytest.raises(Unserved) as again:
            replay(failure.replay)
        assert str(again.value)[:500] == failure.words
    replay(failure.replay)


def unsafe() -> Iterator[Failure]:
    """The failures of one small campaign after the other."""
    for seed in itertools.count():
        yield from campaign(Random(seed), 12, lambda: 0.0, 1).failures
