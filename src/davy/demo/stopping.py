"""SIGINT, SIGTERM and SIGHUP: the first ends the demo in order, the second at once."""

from __future__ import annotations

import asyncio
import os
import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopping:
    """Cancels a task at the first signal, unless the task waits for it."""

    def __init__(self) -> None:
        self.number = 0
        self._wanted = asyncio.Event()
        self._task: asyncio.Future[int] | None = None

    async def run(self, task: asyncio.Future[int]) -> int:
        """The task's exit code, or 128 + the signal that has ended it."""
        self._task = task
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            return await task
        except asyncio.CancelledError:
            if not self.number:
                raise
            return 128 + self.number
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    async def wait(self) -> None:
        """Wait for a signal: for whoever expects one, it is no failure."""
        self._task = None
        await self._wanted.wait()

    def _signalled(self, number: signal.Signals) -> None:
        if self.number:
            os._exit(128 + number)  # the kernel ends the children with us
        self.number = number
        self._wanted.set()
        if self._task is not None:
            self._task.cancel()
