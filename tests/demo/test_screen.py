"""The live screen, as text; and that its bar tells the truth."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from davy.demo.screen import BAR, bar, screen
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


@pytest.mark.parametrize(("weight", "canary"), [(0, 0), (10, 5), (50, 25), (100, BAR)])
def test_the_bar_is_as_long_as_the_share(weight: int, canary: int) -> None:
    drawn = bar(weight).plain
    assert (drawn.count("█"), drawn.count("▒")) == (BAR - canary, canary)
