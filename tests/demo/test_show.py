"""What reaches a pipe, and what `--record` writes."""

import asyncio
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.text import Text

from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Measured, Phase
from davy.demo.load.tally import Count, Progress
from davy.demo.manifests import SHOP, canary
from davy.demo.scene import Scene
from davy.demo.show import Lines, Recording, show

SHOP_CANARY = msgspec.convert(canary(SHOP), Canary)


def at(weight: int, verdict: str) -> Canary:
    """The shop's Canary in the middle of a run."""
    found = Measured("request-success-rate", value=80.0, verdict=verdict, time=f"2026-01-01T00:00:{weight:02}.000Z")
    status = CanaryStatus(phase=Phase.PROGRESSING, canary_weight=weight, analysis=(found,))
    return msgspec.structs.replace(SHOP_CANARY, status=status)


@pytest.fixture
def quiet() -> Scene:
    """A scene whose clock stands."""
    return Scene(lambda: 1.5)


async def test_a_pipe_gets_what_was_before_and_what_comes(quiet: Scene) -> None:
    console = Console(file=StringIO(), width=40)
    quiet.begin("before")
    showing = asyncio.ensure_future(show(quiet, console, plain=True))
    await asyncio.sleep(0)
    quiet.take_event("shop", "New revision detected! A long line is not broken.", warning=False)
    showing.cancel()
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "",
        "── before ──",
        "   1.5 s  shop     · New revision detected! A long line is not broken.",
    ]


async def test_a_show_that_goes_on_does_not_begin_anew(quiet: Scene) -> None:
    console = Console(file=StringIO())
    quiet.begin("before")
    showing = asyncio.ensure_future(show(quiet, console, plain=True, resumed=True))
    await asyncio.sleep(0)
    showing.cancel()
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def test_a_flood_of_failures_is_a_line_every_five_seconds() -> None:
    now = 300.0
    scene = Scene(lambda: now)
    said: list[str] = []
    told = Lines(scene, said.append, resumed=True)
    with scene.listening(told.changed):
        for quarter in range(1, 61):
            now = 300.0 + quarter / 4
            scene.take_load(Progress(counts=(Count("shop", "", 503, "", 30 * quarter),)))
    assert [line.split()[0] for line in said if "✗" in line] == ["300.2", "305.0", "310.0", "315.0"]


async def test_a_terminal_keeps_the_last_state(quiet: Scene) -> None:
    console = Console(file=StringIO(), force_terminal=True, width=118, height=30)
    showing = asyncio.ensure_future(show(quiet, console, plain=False))
    await asyncio.sleep(0)
    quiet.begin("the very end")
    showing.cancel()
    await asyncio.wait([showing])
    assert "the very end" in console.file.getvalue()  # type: ignore[attr-defined]


async def test_a_narrow_terminal_has_the_canary_s_share(quiet: Scene) -> None:
    console = Console(file=StringIO(), force_terminal=True, width=80, height=24, color_system=None)
    quiet.take_canary(at(10, "fail"))
    showing = asyncio.ensure_future(show(quiet, console, plain=False))
    await asyncio.sleep(0)
    showing.cancel()
    await asyncio.wait([showing])
    assert "canary 10 %" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_recording_in_lines_has_the_run_and_the_summary(quiet: Scene, tmp_path: Path) -> None:
    recording = Recording(quiet)
    with quiet.listening(recording.changed):
        quiet.take_canary(at(10, "fail"))
    recording.write(tmp_path / "demo.txt", Text("the summary"))
    text = (tmp_path / "demo.txt").read_text("utf-8")
    assert "✗ request-success-rate 80 %" in text
    assert text.endswith("the summary\n")


def test_a_picture_shows_the_moment_at_which_a_bad_release_is_found_out(quiet: Scene, tmp_path: Path) -> None:
    recording = Recording(quiet)
    with quiet.listening(recording.changed):
        for weight, verdict in ((50, "pass"), (10, "fail"), (0, "fail")):
            quiet.take_canary(at(weight, verdict))
    recording.write(tmp_path / "demo.svg", Text("the summary"))
    picture = (tmp_path / "demo.svg").read_text("utf-8").replace("&#160;", " ")
    assert "canary 10 %" in picture
    assert "url(" not in picture.replace("url(#", ""), "a picture needs nothing from elsewhere"
    assert "the summary" in picture
