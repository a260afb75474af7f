"""The queue of keys, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from davy.cluster.workloads.queue import SLOWEST_RETRY, Queue, work
from davy.kube.errors import Conflict

pytestmark = pytest.mark.looptime


async def test_a_key_waits_once_and_comes_back_if_it_is_added_while_worked_on() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    queue.add("a")
    queue.add("b")
    assert await queue.take() == "a"
    queue.add("a")
    assert await queue.take() == "b"
    queue.done("b")
    waiting = asyncio.ensure_future(queue.take())
    await asyncio.sleep(1)
    assert not waiting.done()
    queue.done("a")
    assert await waiting == "a"


async def test_the_earliest_of_several_dates_counts() -> None:
    queue: Queue[str] = Queue()
    loop = asyncio.get_running_loop()
    queue.add_later("a", 5)
    queue.add_later("a", 2)
    queue.add_later("a", 9)
    began = loop.time()
    assert await queue.take() == "a"
    assert loop.time() - began == pytest.approx(2)


async def _run(reconcile: Callable[[int], float | None], seconds: float) -> list[float]:
    """The moments at which one key was worked on."""
    queue: Queue[str] = Queue()
    loop, moments = asyncio.get_running_loop(), []

    async def step(_: str) -> float | None:
        moments.append(loop.time() - began)
        return reconcile(len(moments))

    began = loop.time()
    queue.add("a")
    worker = asyncio.create_task(work("test", queue, step))
    await asyncio.sleep(seconds)
    worker.cancel()
    return moments


async def test_a_key_comes_back_when_it_wants_to() -> None:
    assert await _run(lambda n: 3.0 if n < 3 else None, 60) == pytest.approx([0, 3, 6])


@pytest.mark.parametrize("error", [Conflict("moved"), KeyError("spec")])
async def test_a_failure_is_tried_again_ever_more_slowly(error: Exception) -> None:
    def fail(_: int) -> float | None:
        raise error

    moments = await _run(fail, 60)
    gaps = [round(b - a, 6) for a, b in pairwise(moments)]
    assert gaps[0] == pytest.approx(0.04)
    assert gaps[-1] == pytest.approx(SLOWEST_RETRY)
    assert gaps == sorted(gaps)


async def test_a_success_forgets_the_failures() -> None:
    def sometimes(n: int) -> float | None:
        if n in (1, 3):
            raise Conflict("moved")
        return 1.0 if n == 2 else None

    assert await _run(sometimes, 60) == pytest.approx([0, 0.04, 1.04, 1.08])
