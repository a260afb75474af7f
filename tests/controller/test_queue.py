"""The work queue: each key waits once, is worked on by one worker, and comes when it is due (on a virtual clock)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.controller.queue import Key, Queue

A, B = ("test", "a"), ("test", "b")
pytestmark = pytest.mark.looptime


async def drained(queue: Queue) -> list[Key]:
    taken = []
    while len(queue):
        key = await queue.take()
        taken.append(key)
        queue.done(key)
    return taken


async def test_a_key_that_is_added_twice_waits_once() -> None:
    queue = Queue()
    for key in (A, B, A):
        queue.add(key)
    assert await drained(queue) == [A, B]


async def test_a_key_added_while_it_is_worked_on_comes_once_more_afterwards() -> None:
    queue = Queue()
    queue.add(A)
    key = await queue.take()
    queue.add(A)
    queue.add(A)
    assert len(queue) == 0
    queue.done(key)
    assert await drained(queue) == [A]


async def test_a_key_comes_when_it_is_due() -> None:
    queue, loop = Queue(), asyncio.get_running_loop()
    queue.after(A, 30)
    queue.after(B, 10)
    begun = loop.time()
    taken = [(await queue.take(), loop.time() - begun) for _ in range(2)]
    assert taken == [(B, 10), (A, 30)]


async def test_the_newest_wish_replaces_an_earlier_one() -> None:
    queue, loop = Queue(), asyncio.get_running_loop()
    begun = loop.time()
    queue.after(A, 5)
    queue.after(A, 50)
    assert await queue.take() == A
    assert loop.time() - begun == 50


async def test_a_forgotten_key_does_not_come() -> None:
    queue = Queue()
    queue.after(A, 5)
    queue.after(B, 10)
    queue.forget(A)
    assert await queue.take() == B
    queue.done(B)
    assert len(queue) == 0


async def test_a_closed_queue_gives_out_nothing_and_waits_for_what_is_worked_on() -> None:
    queue, loop = Queue(), asyncio.get_running_loop()
    queue.add(A)
    key = await queue.take()
    queue.add(B)
    loop.call_later(5, queue.done, key)
    begun = loop.time()
    await queue.close()
    assert loop.time() - begun == 5
    queue.add(A)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await queue.take()


async def test_a_queue_of_which_nobody_takes_is_closed_at_once() -> None:
    queue, loop = Queue(), asyncio.get_running_loop()
    queue.add(A)
    begun = loop.time()
    await queue.close()
    assert loop.time() == begun


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 50)), min_size=1, max_size=20))
def test_no_wish_is_lost_and_none_comes_early(wishes: list[tuple[Key, int]]) -> None:
    """Whatever is wished: each key comes exactly once, at its last wished moment."""
    now = 0.0
    queue = Queue(lambda: now)
    queue._arm = lambda: None  # type: ignore[method-assign]  # the test rings itself
    for key, seconds in wishes:
        queue.after(key, seconds)
    due = dict(wishes)
    for now in range(51):
        queue._ring()
        ready = set(queue._ready)
        assert ready == {key for key, seconds in due.items() if seconds <= now}
