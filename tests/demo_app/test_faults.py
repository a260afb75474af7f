"""The fault pattern: its share holds in short windows."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from davy.demo_app.faults import faults


@given(rate=st.floats(0, 1), seed=st.floats(0, 1), skipped=st.integers(0, 500), window=st.integers(20, 400))
def test_the_share_of_faults_holds_in_any_window(rate: float, seed: float, skipped: int, window: int) -> None:
    failed = sum(islice(faults(rate, seed), skipped, skipped + window))
    assert abs(failed - rate * window) <= 3.5


def test_twenty_percent_is_within_two_points_of_a_hundred_requests() -> None:
    pattern = list(islice(faults(0.2, 0.3), 1000))
    shares = [sum(pattern[i : i + 100]) for i in range(900)]
    assert min(shares) >= 18
    assert max(shares) <= 22


def test_the_extremes_never_and_always_fail() -> None:
    assert not any(islice(faults(0.0), 1000))
    assert all(islice(faults(1.0), 1000))


def test_one_in_five_does_not_hit_the_same_of_two_balanced_clients() -> None:
    failed = [n for n, fails in enumerate(islice(faults(0.2), 200)) if fails]
    assert {n % 2 for n in failed} == {0, 1}
