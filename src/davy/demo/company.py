"""The processes beside the cluster, started as the play needs them; the first that ends by itself is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from davy.demo.children import child, ended, last_lines

Process = asyncio.subprocess.Process


class Company:
    """An async context manager that ends what it has started. `logs`: the folder of each process's words."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._stack = AsyncExitStack()
        self._broken = asyncio.get_running_loop().create_future()
        self._needed: dict[str, asyncio.Task[None]] = {}  # by name: waits for the process's early end

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def start(self, name: str, command: Sequence[str], *, piped: bool = False) -> Process:
        """Start a process; unless it is `piped`, it is not to end before we do."""
        process = await self._stack.enter_async_context(child(command, self._log(name), piped=piped))
        if not piped:
            self._needed[name] = self.beside(self.early(process, name))
        return process

    def excuse(self, name: str) -> None:
        """From now on, this process may end by itself."""
        self._needed.pop(name).cancel()

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have work done as long as this lasts; what it raises is raised by `broken`."""
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._done)
        self._stack.callback(task.cancel)
        return task

    async def early(self, process: Process, name: str) -> None:
        """Raises DemoFailed when the process ends."""
        await ended(process, name, self._log(name))

    async def broken(self) -> None:
        """Wait for something to go wrong, and raise it."""
        await self._broken

    def last_words(self, name: str) -> tuple[str, ...]:
        """The end of a process's log."""
        return tuple(f"{name}: {line}" for line in last_lines(self._log(name)))

    def _log(self, name: str) -> Path:
        return self._logs / f"{name.replace(' ', '-')}.log"

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self._broken.done():
            self._broken.set_exception(error)
