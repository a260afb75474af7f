"""A queue of keys: each waits once, none is worked on twice at the same time, some come back later."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

from davy.kube.errors import KubeError

K = TypeVar("K", bound=Hashable)
SLOWEST_RETRY = 5.0  # seconds
log = structlog.get_logger("davy.cluster")


class Queue(Generic[K]):
    """Keys to be worked on. Only for use from within one event loop."""

    def __init__(self) -> None:
        self._order: deque[K] = deque()
        self._waiting: set[K] = set()
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._arrived = asyncio.Event()

    def add(self, key: K) -> None:
        """Work on the key soon; once more, if it is being worked on just now."""
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._order.append(key)
            self._arrived.set()

    def add_later(self, key: K, delay: float) -> None:
        """Work on the key in `delay` seconds; of several such wishes the earliest counts."""
        loop = asyncio.get_running_loop()
        if timer := self._timers.get(key):
            if timer.when() <= loop.time() + delay:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(delay, self._due, key)

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def take(self) -> K:
        """The next key. Whoever takes it must say `done`."""
        while not self._order:
            self._arrived.clear()
            await self._arrived.wait()
        key = self._order.popleft()
        self._waiting.discard(key)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        """The key is no longer worked on; it goes back in line if it was added meanwhile."""
        self._working.discard(key)
        if key in self._waiting:
            self._order.append(key)
            self._arrived.set()


async def work(name: str, queue: Queue[K], reconcile: Callable[[K], Awaitable[float | None]]) -> None:
    """Reconcile keys for ever. `reconcile` returns the seconds after which it wants the key back, or None."""
    failures: Counter[K] = Counter()
    while True:
        key = await queue.take()
        try:
            again = await reconcile(key)
            del failures[key]
        except KubeError as error:
            again = _retry(failures, key)
            log.debug("reconcile refused", controller=name, key=str(key), error=str(error), again_in=again)
        except Exception as error:  # noqa: BLE001 - one object that we read wrongly must not stop all the others
            again = _retry(failures, key)
            trace = "".join(traceback.format_exception(error, limit=-3))
            log.error("reconcile failed", controller=name, key=str(key), again_in=again, trace=trace)  # noqa: TRY400
        finally:
            queue.done(key)
        if again is not None:
            queue.add_later(key, again)


def _retry(failures: Counter[K], key: K) -> float:
    failures[key] += 1
    return min(SLOWEST_RETRY, 0.02 * 2.0 ** failures[key])
