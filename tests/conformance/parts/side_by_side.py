"""Rows of a table that are played at the same time, each test waiting for its own: a release mostly waits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import pytest

Row = TypeVar("Row")
Outcome = TypeVar("Outcome")


class SideBySide(Generic[Row, Outcome]):
    """Plays rows, `at_once` of them at a time, in their order. What a row raises is raised to whoever asks for it."""

    def __init__(self, play: Callable[[Row], Awaitable[Outcome]], rows: Iterable[Row], *, at_once: int) -> None:
        self._play = play
        self._free = asyncio.Semaphore(at_once)
        self._tasks = [(row, asyncio.create_task(self._played(row))) for row in rows]

    async def of(self, row: Row) -> Outcome:
        """What became of that row."""
        return await next(task for each, task in self._tasks if each == row)

    async def close(self) -> None:
        """Ends what still plays."""
        for _, task in self._tasks:
            task.cancel()
        await asyncio.gather(*(task for _, task in self._tasks), return_exceptions=True)

    async def _played(self, row: Row) -> Outcome:
        async with self._free:
            return await self._play(row)


def rows_of(request: pytest.FixtureRequest, name: str, kind: type[Row]) -> list[Row]:
    """The rows of a module's tests that were collected and are not skipped, each once: values of parameter `name`."""
    found: dict[Row, None] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.module is request.module and not any(item.iter_markers("skip")):
            row = item.callspec.params[name]
            assert isinstance(row, kind)
            found[row] = None
    return list(found)
