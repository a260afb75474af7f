"""One coroutine that is waited for and others beside it; the first failure ends them all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def alongside(main: Coroutine[Any, Any, T], others: Iterable[Coroutine[Any, Any, None]]) -> T:
    """The result of `main`. Raises what `main` raises, or what the first of the others raises, and never a group."""
    first = asyncio.ensure_future(main)
    tasks = [first, *map(asyncio.ensure_future, others)]
    try:
        while not first.done():
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {first}:
                task.result()  # raises
                tasks.remove(task)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return first.result()
