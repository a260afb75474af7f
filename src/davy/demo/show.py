"""Shows the scene as it changes: redrawn in place on a terminal, line by line elsewhere; and keeps what is recorded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live

from davy.demo.plain import lines, load
from davy.demo.scene import Scene
from davy.demo.screen import WIDTH, screen
from davy.demo.view import View

REDRAW = 0.2  # seconds
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # rich's are fetched from elsewhere; any monospace will do


class Lines:
    """Turns each change of the scene into plain lines."""

    def __init__(self, scene: Scene, say: Callable[[str], None], *, resumed: bool = False) -> None:
        self._scene = scene
        self._say = say
        self._before = self._told = scene.view() if resumed else View()

    def changed(self) -> None:
        """Say what is new."""
        now = self._scene.view()
        for line in lines(self._before, now):
            self._say(line)
        for line in load(self._told, now):
            self._say(line)
            self._told = now
        self._before = now


async def show(scene: Scene, console: Console, *, plain: bool, resumed: bool = False) -> None:
    """Show the scene until cancelled. `resumed`: what has happened before has been shown already."""
    if plain:
        await _in_lines(scene, console, resumed=resumed)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        try:
            while True:
                live.update(screen(scene.view(), console.height, console.width), refresh=True)
                await asyncio.sleep(REDRAW)
        finally:
            live.update(screen(scene.view(), console.height, console.width))  # the last state stays above the summary


async def _in_lines(scene: Scene, console: Console, *, resumed: bool) -> None:
    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
        console.file.flush()

    told = Lines(scene, say, resumed=resumed)
    told.changed()
    with scene.listening(told.changed):
        await asyncio.Event().wait()


def say(console: Console, text: RenderableType) -> None:
    """Print something that is not part of the show; into a pipe without the blanks at the ends of its lines."""
    if console.is_terminal:
        console.print(text)
        return
    with console.capture() as captured:
        console.print(text)
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
    console.file.flush()


class Recording:
    """What `--record` writes: plain lines (.txt), or the screen at its most telling moment (.svg), and the summary."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._lines: list[str] = []
        self._says = Lines(scene, self._lines.append)
        self._moment = View()

    def changed(self) -> None:
        """Take in a change."""
        self._says.changed()
        view = self._scene.view()
        if not self._moment.apps or _telling(view) >= _telling(self._moment):
            self._moment = view

    def write(self, path: Path, summary: RenderableType) -> None:
        """Write the file; its suffix says how."""
        console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
        if path.suffix == ".svg":
            console.print(Group(screen(self._moment), summary))
            picture = console.export_svg(title="davy demo", unique_id="davy")
            path.write_text(FONTS.sub("", picture), "utf-8")
            return
        for line in self._lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        console.print(summary)
        path.write_text("".join(f"{line.rstrip()}\n" for line in console.export_text().splitlines()), "utf-8")


def _telling(view: View) -> tuple[bool, int]:
    """A release that fails its checks while users meet it tells most; of good ones, the furthest."""
    users = max((app.weight for app in view.apps), default=0)
    found = any(app.weight and any(check.verdict == "fail" for check in app.checks) for app in view.apps)
    return found, users
