"""The live screen, as text; and that its bar tells the truth."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from davy.api.status import Phase
from davy.demo.screen import BAR, WIDTH, bar, screen
from davy.demo.view import Event, View


def test_the_screen_shows_both_apps(view: View, golden: Callable[[str, Any], None]) -> None:
    golden("screen.txt", screen(view))


def test_an_empty_screen_can_be_shown(golden: Callable[[str, Any], None]) -> None:
    golden("screen-empty.txt", screen(View(chapter="an API server")))


@pytest.mark.parametrize("height", [10, 20, 24, 40])
def test_the_last_events_get_the_room_that_is_left(view: View, height: int) -> None:
    events = tuple(Event(float(second), "shop", False, f"event {second}") for second in range(50))
    lines = screen(msgspec.structs.replace(view, events=events), height).plain.splitlines()
    assert lines[-1].endswith("event 49")
    assert len(lines) < max(height, 18)


@pytest.mark.parametrize("width", [72, 80, 100, WIDTH, 200])
def test_whatever_counts_is_as_wide_as_the_screen_at_most(view: View, width: int) -> None:
    lines = screen(view, 40, width).plain.splitlines()
    assert [line for line in lines if len(line) > width] == []
    for said in ("12,345 requests · 0 failed", "canary 10 %", "request-duration 4.9 ms (max 500 ms)", "canary 3.0 2/2"):
        assert any(said in line for line in lines), said


def test_a_screen_of_80_columns_has_the_figures_and_each_check_on_a_line(
    view: View, golden: Callable[[str, Any], None]
) -> None:
    golden("screen-80.txt", screen(view, 30, 80))


def test_the_phase_and_its_failed_checks_are_set_apart(view: View) -> None:
    cart = msgspec.structs.replace(view.apps[1], phase=Phase.PROGRESSING, step="2 of 4", failed_checks=1)
    drawn = screen(msgspec.structs.replace(view, apps=(view.apps[0], cart))).plain
    assert "Progressing · 1 failed\n" in drawn
    assert "Progressing · check 2 of 4 · 1 failed\n" in drawn


@pytest.mark.parametrize("room", [20, 43, BAR])
def test_a_short_bar_tells_the_same(room: int) -> None:
    drawn = bar(50, room).plain
    assert (drawn.count("█"), drawn.count("▒")) == (room - round(room / 2), round(room / 2))
    assert "primary 50 %" in drawn


@pytest.mark.parametrize("weight", [1, 99])
def test_a_side_with_any_share_is_seen_on_the_bar(weight: int) -> None:
    drawn = bar(weight, 20).plain
    assert min(drawn.count("█"), drawn.count("▒")) == 1


@pytest.mark.parametrize(("weight", "canary"), [(0, 0), (10, 5), (50, 25), (100, BAR)])
def test_the_bar_is_as_long_as_the_share(weight: int, canary: int) -> None:
    drawn = bar(weight).plain
    assert (drawn.count("█"), drawn.count("▒")) == (BAR - canary, canary)
