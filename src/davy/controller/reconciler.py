"""The loop that reads as a sentence: gather, perceive, decide, render, apply, announce."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from msgspec import Struct

from davy.api.canary import Canary
from davy.api.codec import DecodeError
from davy.api.status import CanaryStatus
from davy.controller.announce import Announcer, Subject
from davy.controller.answer import Answers
from davy.controller.apply import Applier, Refused, Stale
from davy.controller.drift import Drift
from davy.controller.event_hooks import EventHooks
from davy.controller.gather import Gatherer
from davy.controller.queue import Key, Queue
from davy.controller.series import Series
from davy.controller.world import NotYet
from davy.core.decide import decide
from davy.core.plan import Announcement, Ask, Plan
from davy.core.snapshot import Snapshot
from davy.kube.errors import KubeError
from davy.perceive import Seen, perceive
from davy.render import render
from davy.settings import Settings

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a canary whose writes fail is tried again."""

log = structlog.get_logger("davy")


class Hands(Struct, frozen=True):
    """All that the reconciler works with."""

    settings: Settings
    clock: Callable[[], datetime]
    queue: Queue
    allowed: Callable[[], Awaitable[object]]
    """Returns when steps may be taken: the cluster stores all that we must remember."""
    gatherer: Gatherer
    answers: Answers
    applier: Applier
    drift: Drift
    announcer: Announcer
    event_hooks: EventHooks
    series: Series


class Reconciler:
    """One canary at a time per key, many keys at once. Nothing is remembered here that a restart would miss."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._pauses: dict[Key, float] = {}

    async def run(self) -> None:
        """One worker: takes keys until it is cancelled."""
        queue = self._hands.queue
        while True:
            key = await queue.take()
            try:
                await self._hands.allowed()
                await self._attempt(key)
            finally:
                queue.done(key)

    async def _attempt(self, key: Key) -> None:
        """A tick; what goes wrong in it costs this canary a pause and nobody else anything."""
        with structlog.contextvars.bound_contextvars(canary=f"{key[1]}.{key[0]}"):
            try:
                await self.reconcile(key)
                self._pauses.pop(key, None)
            except NotYet as wait:
                log.debug("not yet", why=str(wait))
                self._hands.queue.after(key, wait.seconds)
            except Stale as stale:
                log.info("somebody else wrote first; looking again", why=str(stale))
                self._hands.queue.after(key, FIRST_PAUSE)
            except KubeError as error:
                self._pause(key, error)
            except Exception as error:
                log.exception("a fault in davy; please report it")
                self._pause(key, error)

    def _pause(self, key: Key, error: Exception) -> None:
        seconds = self._pauses.get(key, FIRST_PAUSE)
        self._pauses[key] = min(seconds * 2, LONGEST_PAUSE)
        if seconds == 2 * FIRST_PAUSE:
            self._complain(key, error)
        log.warning("the tick failed", error=str(error), again_in=seconds)
        self._hands.series.ticks.labels("error").inc()
        self._hands.queue.after(key, seconds)

    def _complain(self, key: Key, error: Exception) -> None:
        """Told at the second failure in a row, once: a single one is mostly over before anybody could read it."""
        canary = self._hands.gatherer.canary(key)
        if canary is not None:
            words = f"Cannot go on with {canary.name}.{canary.namespace}, will keep trying: {error}"
            self._say(canary, canary.status, Announcement("Warning", words, "TickFailed"))

    def _say(self, canary: Canary, new: CanaryStatus, sentence: Announcement) -> None:
        """`canary`: with the status in which it is said; `new`: with the one that comes of it."""
        self._hands.announcer.say(Subject.of(canary), sentence)
        self._hands.event_hooks.say(canary, new, sentence)

    async def reconcile(self, key: Key) -> None:
        """Raises `NotYet`, `Stale` and `KubeError`."""
        hands = self._hands
        try:
            seen = await hands.gatherer.gather(key, hands.answers.known(key))
        except DecodeError as error:
            await hands.gatherer.refuse(key, error)
            return
        if seen is None:
            self._forget(key)
            return
        snapshot = perceive(seen, hands.clock(), hands.settings)
        decision = decide(snapshot)
        match decision:
            case Ask():
                hands.answers.ask(key, snapshot.canary, decision.questions)
                refused = await self._apply(decision, seen, snapshot)
                self._come_back(key, decision.again_at, seen)
            case Plan():
                refused = await self._apply(decision, seen, snapshot)
                # What is not asked any more was judged, or will be old by the time that it is wanted again.
                hands.answers.ask(key, snapshot.canary, decision.asks)
                self._announce(decision, seen, snapshot)
                self._come_back(key, decision.again_at, seen)
        if refused is not None:
            raise refused

    async def _apply(self, decision: Ask | Plan, seen: Seen, snapshot: Snapshot) -> KubeError | None:
        """What the server refused though all else is written: told to people after what was done."""
        hands = self._hands
        status = decision.status if isinstance(decision, Plan) else seen.canary.status
        writes = render(decision.desired, status, seen, snapshot.canary, hands.settings)
        refused = None
        try:
            changed = await hands.applier.apply(writes)
        except Refused as some:
            changed, refused = some.changed, some.error
        hands.series.writes.inc(changed)
        hands.series.ticks.labels("ask" if isinstance(decision, Ask) else "plan").inc()
        return refused

    def _announce(self, plan: Plan, seen: Seen, snapshot: Snapshot) -> None:
        for sentence in plan.says:
            self._say(snapshot.canary, plan.status, sentence)
        series = self._hands.series
        series.moved(seen.canary, plan.status)
        if plan.status.analysis and plan.status.analysis != seen.canary.status.analysis:
            series.judged(seen.canary, (self._hands.clock() - snapshot.now).total_seconds())

    def _come_back(self, key: Key, at: datetime | None, seen: Seen) -> None:
        """When the mind wants to look again, or when a repair is due that others have made wait."""
        moments = [] if at is None else [(at - self._hands.clock()).total_seconds()]
        repair = self._hands.drift.again(seen.objects)
        moments += [] if repair is None else [repair]
        if moments:
            self._hands.queue.after(key, min(moments))

    def _forget(self, key: Key) -> None:
        gone = self._hands.gatherer.forget(key)
        self._hands.answers.forget(key)
        self._hands.queue.forget(key)
        self._pauses.pop(key, None)
        if gone is not None:
            self._hands.series.forget(gone)
