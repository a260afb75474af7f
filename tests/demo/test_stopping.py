"""The first signal ends the task; for whoever waits for it, it is no failure."""

import asyncio
import os
import signal

import pytest

from davy.demo.stopping import Stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_task_and_its_clean_up_is_done(number: signal.Signals) -> None:
    cleaned = asyncio.Event()

    async def performance() -> int:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()
        return 0

    assert await Stopping().run(asyncio.ensure_future(performance())) == 128 + number
    assert cleaned.is_set()


async def test_a_signal_that_is_waited_for_leaves_the_exit_code_alone() -> None:
    stopping = Stopping()

    async def performance() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        await stopping.wait()
        return 0

    assert await stopping.run(asyncio.ensure_future(performance())) == 0


async def test_without_a_signal_the_task_s_own_end_counts() -> None:
    async def performance() -> int:
        return 1

    assert await Stopping().run(asyncio.ensure_future(performance())) == 1
