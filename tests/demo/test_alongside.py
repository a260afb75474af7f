"""One is waited for, the others go on beside it; the first failure ends them all."""

import asyncio

import pytest

from davy.demo.alongside import alongside


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("forever")


async def nothing() -> None:
    return None


async def failing() -> None:
    raise LookupError("gone")


async def test_the_others_end_with_the_one_that_is_waited_for() -> None:
    ended: list[str] = []

    async def main() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await alongside(main(), [forever(ended), nothing()]) == "done"
    assert ended == ["forever"]


async def test_a_failure_beside_ends_the_main_one() -> None:
    ended: list[str] = []
    with pytest.raises(LookupError, match="gone"):
        await alongside(forever(ended), [failing()])
    assert ended == ["forever"]


async def test_a_failure_of_the_main_one_is_raised_as_it_is() -> None:
    ended: list[str] = []
    with pytest.raises(LookupError, match="gone"):
        await alongside(failing(), [forever(ended)])
    assert ended == ["forever"]


async def test_cancelling_ends_all() -> None:
    ended: list[str] = []
    task = asyncio.ensure_future(alongside(forever(ended), [forever(ended)]))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["forever", "forever"]
