"""Plain lines: each change once, and nothing without a change."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from davy.api.status import Phase
from davy.demo.plain import lines, load
from davy.demo.view import View


def test_everything_that_is_new_has_its_line(view: View, golden: Callable[[str, Any], None]) -> None:
    before = View(elapsed=29.9)
    golden("plain.txt", "\n".join([*lines(before, view), *load(before, view)]))


def test_nothing_is_said_twice(view: View) -> None:
    later = msgspec.structs.replace(view, elapsed=view.elapsed + 0.1)
    assert [*lines(view, later), *load(view, later)] == []


def test_a_new_phase_is_said_with_the_pods_of_both_sides(view: View) -> None:
    shop = msgspec.structs.replace(view.apps[0], phase=Phase.FAILED, weight=0)
    now = msgspec.structs.replace(view, apps=(shop, view.apps[1]))
    assert list(lines(view, now)) == ["  31.2 s  shop     Failed: primary 2.0 2/2, canary 3.0 2/2"]


def test_an_old_check_of_a_metric_that_comes_back_into_the_spec_is_not_new(view: View) -> None:
    without = msgspec.structs.replace(view.apps[0], checks=view.apps[0].checks[1:])
    before = msgspec.structs.replace(view, apps=(without, view.apps[1]))
    assert list(lines(before, view)) == []


def test_a_check_is_said_when_it_is_made(view: View) -> None:
    shop = view.apps[0]
    later = tuple(msgspec.structs.replace(check, time="2026-01-01T00:00:32.000Z") for check in shop.checks[:1])
    now = msgspec.structs.replace(shop, checks=later + shop.checks[1:], judged=later[0].time)
    (said,) = lines(view, msgspec.structs.replace(view, apps=(now, view.apps[1])))
    assert said.endswith("✗ request-success-rate 80.24 % (min 99 %)")


def test_the_first_failed_request_is_said_at_once(view: View) -> None:
    now = msgspec.structs.replace(view, failed=2)
    assert list(load(view, now)) == ["  31.2 s  load     ✗ 2 requests have failed that should not have"]


@pytest.mark.parametrize(("elapsed", "said"), [(31.5, 0), (34.9, 0), (35.0, 2), (41.0, 2)])
def test_further_failures_are_said_with_the_next_line_about_the_requests(view: View, elapsed: float, said: int) -> None:
    told = msgspec.structs.replace(view, failed=2)
    now = msgspec.structs.replace(view, failed=3007, elapsed=elapsed)
    texts = list(load(told, now))
    assert len(texts) == said
    assert all("3,007" in text for text in texts)
