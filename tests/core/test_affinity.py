"""Session cookies: derived, not drawn; issued with the first weight, taken back with the last."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.core.snapshots import NEW, OLD, WEIGHTED, snapshot

from davy.api.analysis import SessionAffinity
from davy.api.status import CanaryStatus
from davy.core.affinity import with_cookies
from davy.core.snapshot import Snapshot

STICKY = replace(WEIGHTED, session_affinity=SessionAffinity("fcookie", "pcookie"))


def sticky(keeps: bool = True) -> Snapshot:
    return snapshot(analysis=STICKY, keeps_sessions=keeps)


def moved(s: Snapshot, weight: int, before: CanaryStatus | None = None) -> CanaryStatus:
    return with_cookies(s, replace(before or s.canary.status, canary_weight=weight))


def test_the_first_weight_brings_cookies_of_ten_letters() -> None:
    status = moved(sticky(), 20)
    for cookie, name in (
        (status.session_affinity_cookie, "fcookie"),
        (status.primary_session_affinity_cookie, "pcookie"),
    ):
        key, _, value = cookie.partition("=")
        assert key == name
        assert len(value) == 10
        assert value.isalpha()
        assert value.isascii()


def test_they_stay_for_the_run_and_one_is_taken_back_at_its_end() -> None:
    first = moved(sticky(), 20)
    second = moved(sticky(), 40, first)
    assert second.session_affinity_cookie == first.session_affinity_cookie
    last = moved(sticky(), 0, second)
    assert last.session_affinity_cookie == ""
    assert last.previous_session_affinity_cookie == first.session_affinity_cookie
    assert last.primary_session_affinity_cookie == first.primary_session_affinity_cookie
    assert moved(sticky(), 0, last) == last


@pytest.mark.parametrize(
    "other",
    [{"last_applied_spec": OLD}, {"run_started_at": "2030-01-01T00:00:00.000Z"}, {"tracked_configs": {"a": "1"}}],
    ids=["another revision", "another start", "other configs"],
)
def test_another_run_has_another_cookie(other: dict[str, object]) -> None:
    s = sticky()
    again = moved(s, 20, replace(s.canary.status, **other))
    assert again.session_affinity_cookie != moved(s, 20).session_affinity_cookie
    assert s.canary.status.last_applied_spec == NEW


def test_a_crash_repeats_the_same_cookie() -> None:
    assert moved(sticky(), 20) == moved(sticky(), 20)


def test_a_provider_that_cannot_keep_sessions_gets_none() -> None:
    assert moved(sticky(keeps=False), 20).session_affinity_cookie == ""
