"""Ages as kubectl prints them."""

from datetime import UTC, datetime

import pytest

from davy.cluster.api.durations import age, human


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (601, "10m"),
        (10800, "3h"),
        (11100, "3h5m"),
        (86400, "24h"),
        (172800, "2d"),
        (190800, "2d5h"),
        (86400 * 10, "10d"),
        (86400 * 800, "2y70d"),
        (86400 * 4000, "10y"),
        (-5, "<invalid>"),
    ],
)
def test_a_length_of_time(seconds: int, text: str) -> None:
    assert human(seconds) == text


def test_an_age_needs_a_moment() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert age("2025-12-31T23:59:00Z", now) == "60s"
    assert age(None, now) == "<unknown>"
    assert age("soon", now) == "<unknown>"
