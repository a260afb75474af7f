"""Durations are Go's (recorded from Go 1.26), and an unreadable interval counts as Flagger counts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.api import durations

READ = [
    ("0", 0),
    ("+0", 0),
    ("-0", 0),
    ("1s", 1),
    ("1m30s", 90),
    ("500ms", 0.5),
    ("1h1m1s1ms1us1ns", 3661.001001001),
    ("1.5h", 5400),
    (".5s", 0.5),
    ("5.s", 5),
    ("-1m", -60),
    ("+1m", 60),
    ("1µs", 1e-6),
    ("1μs", 1e-6),
    ("1m1m", 120),
    ("2562047h47m16.854775807s", 9223372036.854775807),
]
UNREAD = [
    "",
    "1",
    "s",
    "1mfoo",
    "m1",
    "1 m",
    " 1m",
    "1m ",
    "1d",
    "1w",
    ".s",
    "-",
    "+",
    "1.2.3s",
    "1e3s",
    "2562048h",
    "١s",
]


@pytest.mark.parametrize(("text", "seconds"), READ)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert durations.parse(text) == pytest.approx(seconds, rel=1e-15)


@pytest.mark.parametrize("text", UNREAD)
def test_what_go_does_not_read_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        durations.parse(text)


INTERVALS = [("", 60), ("nonsense", 60), ("1mfoo", 60), ("5s", 10), ("-1m", 10), ("0", 10), ("10s", 10), ("1m30s", 90)]


@pytest.mark.parametrize(("text", "seconds"), INTERVALS)
def test_an_interval_counts_as_flagger_counts_it(text: str, seconds: float) -> None:
    assert durations.effective_interval(text) == seconds


def test_the_floor_can_be_lowered() -> None:
    assert durations.effective_interval("500ms", floor=0.25) == 0.5
    assert durations.effective_interval("", floor=0.25) == 60


WRITTEN = [
    (0, "0s"),
    (90, "1m30s"),
    (0.5, "500ms"),
    (0.0015, "1.5ms"),
    (1e-9, "1ns"),
    (1.5e-6, "1.5µs"),
    (3600, "1h0m0s"),
    (86461.25, "24h1m1.25s"),
    (-60, "-1m0s"),
    (1e-12, "0s"),
    (60, "1m0s"),
    (1, "1s"),
    (0.9999999999, "1s"),
]


@pytest.mark.parametrize(("seconds", "text"), WRITTEN)
def test_a_duration_is_written_as_go_writes_it(seconds: float, text: str) -> None:
    assert durations.text_of(seconds) == text


@given(st.integers(-(10**15), 10**15))
def test_what_is_written_is_read_back(microseconds: int) -> None:
    seconds = microseconds / 1e6
    assert durations.parse(durations.text_of(seconds)) == pytest.approx(seconds, abs=1e-9, rel=1e-12)
