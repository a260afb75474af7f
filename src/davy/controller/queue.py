"""A work queue of keys: each waits once, is worked on by one worker at a time, and may be due later."""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable

Key = tuple[str, str]
"""(namespace, name) of a canary. A key says *what* to look at, never what happened: the level decides, not the edge."""


class Queue:
    """Not thread-safe; lives on one event loop, whose time it uses."""

    def __init__(self, time: Callable[[], float] | None = None) -> None:
        self._time = time or asyncio.get_running_loop().time
        self._ready: OrderedDict[Key, None] = OrderedDict()
        self._active: set[Key] = set()
        self._again: set[Key] = set()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._arrived = asyncio.Event()
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, key: Key) -> None:
        """As soon as possible; if it is being worked on, once more afterwards."""
        if key in self._active:
            self._again.add(key)
            return
        self._ready[key] = None
        self._arrived.set()

    def after(self, key: Key, seconds: float) -> None:
        """Once that time has passed. A later wish replaces an earlier one: the newest decision knows best."""
        when = self._time() + max(seconds, 0.0)
        self._due[key] = when
        heapq.heappush(self._heap, (when, key))
        self._arm()

    def forget(self, key: Key) -> None:
        self._due.pop(key, None)
        self._ready.pop(key, None)
        self._again.discard(key)

    async def take(self) -> Key:
        """The next key, which is the caller's until `done`."""
        while self._closed or not self._ready:
            self._arrived.clear()
            await self._arrived.wait()
        key, _ = self._ready.popitem(last=False)
        self._active.add(key)
        self._idle.clear()
        return key

    def done(self, key: Key) -> None:
        self._active.discard(key)
        if not self._active:
            self._idle.set()
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    async def close(self) -> None:
        """No key is given out from now on; returns once those that were are done."""
        self._closed = True
        await self._idle.wait()

    def _arm(self) -> None:
        """One timer for the earliest wish; wishes that were replaced are skipped when they come up."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(self._heap[0][0] - self._time(), 0.0), self._ring)

    def _ring(self) -> None:
        now = self._time()
        while self._heap and self._heap[0][0] <= now:
            when, key = heapq.heappop(self._heap)
            if self._due.get(key) == when:
                del self._due[key]
                self.add(key)
        self._timer = None
        self._arm()
