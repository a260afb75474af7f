"""Tells event webhooks what Events tell: every sentence, in order, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec import Struct

from davy.api.analysis import Webhook
from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Phase
from davy.controller.hooks import Sleep, called, payload, stable_id
from davy.controller.outside import Outside
from davy.controller.queue import Key
from davy.core.checksum import checksum
from davy.core.plan import Announcement
from davy.core.snapshot import Passed

WAITING = 100
"""Calls of one canary that may wait for a slow receiver; more are dropped, and the log says so."""
AFTERWARDS = frozenset({"Initialized", "NewRevision", "Promoted", "PromotedUnanalysed", "Failed"})
"""Actions that tell of a phase that has been reached; all others tell of the one in which they were said."""

log = structlog.get_logger("davy")


class Told(Struct, frozen=True):
    """One call that is still to be made."""

    hook: Webhook
    body: bytes
    key: str
    canary: str


class EventHooks:
    """A queue for each canary: one that is slow delays neither its own release nor anybody else's calls."""

    def __init__(self, outside: Outside, url: str, clock: Callable[[], datetime], sleep: Sleep = asyncio.sleep) -> None:
        self._outside = outside
        self._url = url
        self._clock = clock
        self._sleep = sleep
        self._waiting: dict[Key, deque[Told]] = {}
        self._sending: dict[Key, asyncio.Task[None]] = {}

    def say(self, canary: Canary, new: CanaryStatus, sentence: Announcement) -> None:
        """`canary`: with the status in which the sentence was said; `new`: the one that came of it."""
        hooks = listeners(canary, self._url)
        if not hooks:
            return
        moment = str(int(self._clock().timestamp() * 1000))
        key, status = (canary.namespace, canary.name), canary.status
        told = {"eventMessage": sentence.message, "eventType": sentence.type, "timestamp": moment}
        for index, hook in enumerate(hooks):
            body = payload(canary, phase_told(status, new, sentence), mark(status, new), {**hook.metadata, **told})
            id_ = stable_id(canary, f"event/{index}/{moment}/{sentence.message}")
            self._queue(key, Told(hook, body, id_, f"{canary.name}.{canary.namespace}"))

    async def flush(self) -> None:
        """Waits until all that was said has been sent, or has failed."""
        await asyncio.gather(*self._sending.values())

    def close(self) -> None:
        for task in self._sending.values():
            task.cancel()

    def _queue(self, key: Key, told: Told) -> None:
        waiting = self._waiting.setdefault(key, deque())
        if len(waiting) >= WAITING:
            log.warning("event hook left out: it does not take calls fast enough", canary=told.canary)
            return
        waiting.append(told)
        if key not in self._sending:
            self._sending[key] = asyncio.create_task(self._send(key, waiting))

    async def _send(self, key: Key, waiting: deque[Told]) -> None:
        try:
            while waiting:
                await self._call(waiting.popleft())
        finally:
            del self._waiting[key], self._sending[key]

    async def _call(self, told: Told) -> None:
        try:
            outcome = await called(self._outside, told.hook, told.body, told.key, self._sleep)
        except Exception:
            log.exception("a fault in davy; please report it", canary=told.canary)
            return
        if not isinstance(outcome, Passed):
            log.error("event hook failed", canary=told.canary, hook=told.hook.name, error=outcome.words)


def listeners(canary: Canary, url: str) -> tuple[Webhook, ...]:
    """The canary's own event hooks; only if it has none, the operator's."""
    own = canary.analysis.hooks("event")
    return own or ((Webhook(name="events", url=url, type="event"),) if url else ())


def phase_told(old: CanaryStatus, new: CanaryStatus, sentence: Announcement) -> Phase:
    """Flagger's rule, as recorded: a sentence names the phase in which it was said, unless it tells of its end.

    "Rolling back …" says Progressing and "Canary failed!" Failed, though one tick says both. A canary that has no
    phase yet is told as what it becomes: Flagger writes the first one before anything is said.
    """
    return new.phase if sentence.action in AFTERWARDS or old.phase is Phase.NONE else old.phase


def mark(old: CanaryStatus, new: CanaryStatus) -> str:
    """The checksum as of when the sentence was said; of a first revision, which nothing was before, that one's."""
    status = old if old.last_applied_spec else new
    return checksum(status.tracked_configs, status.last_applied_spec)
