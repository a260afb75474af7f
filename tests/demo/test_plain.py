"""Plain lines: each change once, and nothing without a change."""

from collections.abc import Callable
from typing import Any

import msgspec

from davy.api.status import Phase
from davy.demo.plain import lines
from davy.demo.view import View


def test_everything_that_is_new_has_its_line(view: View, golden: Callable[[str, Any], None]) -> None:
    golden("plain.txt", "\n".join(lines(View(elapsed=29.9), view)))


def test_nothing_is_said_twice(view: View) -> None:
    later = msgspec.structs.replace(view, elapsed=view.elapsed + 0.1)
    assert list(lines(view, later)) == []


def test_a_new_phase_is_said_with_the_pods_of_both_sides(view: View) -> None:
    shop = msgspec.structs.replace(view.apps[0], phase=Phase.FAILED, weight=0)
    now = msgspec.structs.replace(view, apps=(shop, view.apps[1]))
    assert list(lines(view, now)) == ["  31.2 s  shop     Failed: primary 2.0 2/2, canary 3.0 2/2"]


def test_a_failed_request_is_said_at_once(view: View) -> None:
    now = msgspec.structs.replace(view, failed=2)
    assert any("2 requests have failed" in line for line in lines(view, now))
