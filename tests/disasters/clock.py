"""An event loop whose time passes only while nothing else can happen: it jumps to the next timer, and lands on it
exactly.

All sockets of a test are on this loop, at both ends: what was sent is there at once, or a moment later if the kernel
was busy. (looptime's clock counts in whole grains, so that a timer can fire just before its time; code that then
waits for the rest, as a watch does, waits for ever.)
"""

from __future__ import annotations

import asyncio
import os
import selectors
from asyncio import Future
from collections.abc import Callable
from typing import Any

LOOKS = 4
"""How often the sockets are looked at before time may pass, if there was anything at this moment."""
REST = 1e-9
"""Seconds: what is added to each jump, so that no sum of floats falls short of a timer."""
PATIENCE = 20.0
"""Real seconds until a loop without any timer counts as one that waits for nobody."""


class Watchful(selectors.DefaultSelector):
    """Lets time pass where an ordinary selector would wait."""

    def __init__(self, passes: Callable[[float], None]) -> None:
        super().__init__()
        self.threads = 0
        """Work of other threads that is waited for, in real time."""
        self._passes = passes
        self._busy = True

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            self._busy = self._busy or bool(ready)
            return ready
        if timeout is None or self.threads:
            return self._waited(0.001 if self.threads else PATIENCE)
        if self._busy and (ready := self._looked()):
            return ready
        self._busy = False
        self._passes(timeout)
        return []

    def _looked(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What a busy kernel has still to deliver."""
        for _ in range(LOOKS):
            os.sched_yield()
            if ready := super().select(0):
                return ready
        return []

    def _waited(self, seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(seconds)
        if not ready and not self.threads:
            raise RuntimeError("nothing will ever happen on this loop: no timer, and nothing on the sockets")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 0."""

    def __init__(self) -> None:
        self._now = 0.0
        self._watchful = Watchful(self._pass)
        super().__init__(self._watchful)

    def time(self) -> float:
        return self._now

    def _pass(self, seconds: float) -> None:
        self._now += seconds + REST

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Future[Any]:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._watchful.threads += 1
        future.add_done_callback(self._done)
        return future

    def _done(self, future: Future[Any]) -> None:
        self._watchful.threads -= 1
