"""Keeps the pace: starts requests at each target's rate, whatever became of earlier ones, and counts their ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from davy.demo.load.connection import Connection, Failed, connect
from davy.demo.load.tally import TIMEOUT, VERSIONLESS, Outcome, Progress, Slowest, Tally, Trouble
from davy.demo.load.target import Target
from davy.demo.load.wire import Answer

BEAT = 0.005  # seconds between two looks at what is due
PATIENCE = 5.0  # seconds that an answer may take
MOST_OPEN = 400  # requests under way: beyond it they are held back and counted as such
CATCH_UP = 0.25  # seconds: what is overdue for longer, because we did not get to run, is left out: no bursts


class Lane:
    """One target's traffic: what is due, and the connections that are kept for it."""

    def __init__(self, target: Target, now: float) -> None:
        self.target = target
        self._idle: deque[Connection] = deque()
        self._since = now
        self._started = 0
        self._kept = 0

    def due(self, now: float) -> int:
        """How many requests should be started now. What is overdue for too long is forgotten."""
        due = int((now - self._since) * self.target.rate) - self._started
        most = max(1, int(CATCH_UP * self.target.rate))
        self.skip(max(0, due - most))
        return min(due, most)

    def next_kept(self) -> bool:
        """Count a request as started; says whether it goes over a connection that is kept. Spread evenly."""
        self._started += 1
        keep = self._kept < self._started * self.target.kept_alive
        self._kept += keep
        return keep

    def skip(self, requests: int) -> None:
        """Count requests as started that are not going to be."""
        self._started += requests

    async def connection(self, *, keep: bool) -> Connection:
        """A connection for one request. Raises Failed."""
        while keep and self._idle:
            connection = self._idle.popleft()
            if connection.usable:
                return connection
        return await connect(self.target.address, self.target.port)

    def give_back(self, connection: Connection, *, keep: bool) -> None:
        """The request is over: keep the connection or close it."""
        if keep and connection.usable:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the connections that wait for the next request."""
        while self._idle:
            self._idle.popleft().close()


class Generator:
    """Sends requests until told to stop or until its bound is reached. `clock` gives seconds since some beginning."""

    def __init__(self, *, most_requests: int, clock: Callable[[], float]) -> None:
        self._tally = Tally()
        self._lanes: dict[str, Lane] = {}
        self._open: set[asyncio.Task[None]] = set()
        self._sent = 0
        self._most = most_requests
        self._clock = clock

    @property
    def spent(self) -> bool:
        """Whether as many requests were sent as may be."""
        return self._sent >= self._most

    def aim(self, target: Target) -> None:
        """From now on, load this target at its rate. Requests under way go on."""
        if (lane := self._lanes.pop(target.name, None)) is not None:
            lane.close()
        if target.rate > 0:
            self._lanes[target.name] = Lane(target, self._clock())

    def progress(self, *, ended: bool = False) -> Progress:
        """What was counted so far."""
        return self._tally.progress(self._clock(), open_now=len(self._open), ended=ended)

    async def run(self) -> None:
        """Send requests until the bound is reached; cancel to stop earlier."""
        while not self.spent:
            now = self._clock()
            for lane in tuple(self._lanes.values()):
                self._start_due(lane, now)
            await asyncio.sleep(BEAT)

    async def settle(self) -> None:
        """Start nothing more; wait until everything under way has ended (at most as long as an answer may take)."""
        for lane in self._lanes.values():
            lane.close()
        if self._open:
            await asyncio.wait(self._open)
        for lane in self._lanes.values():
            lane.close()

    def _start_due(self, lane: Lane, now: float) -> None:
        due = lane.due(now)
        room = max(0, min(due, MOST_OPEN - len(self._open), self._most - self._sent))
        for _ in range(room):
            self._sent += 1
            task = asyncio.ensure_future(self._request(lane, keep=lane.next_kept()))
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        if room < due:
            lane.skip(due - room)
            self._tally.held_back += due - room

    async def _request(self, lane: Lane, *, keep: bool) -> None:
        target, began = lane.target, self._clock()
        try:
            answer = await self._answer(lane, keep=keep)
        except Failed as failed:
            self._fail(Outcome(target.name, "", 0, failed.failure), str(failed), keep=keep)
            return
        if answer.version:
            self._tally.add(Outcome(target.name, answer.version, answer.status))
            self._time(target.name, answer.version, began)
        else:
            words = answer.body[:120].decode("utf-8", "replace")
            self._fail(Outcome(target.name, "", answer.status, VERSIONLESS), words, keep=keep)

    def _time(self, target: str, version: str, began: float) -> None:
        now = self._clock()
        if now - began > self._tally.slowest.seconds:
            self._tally.slowest = Slowest(round(now - began, 3), round(now, 3), target, version)

    async def _answer(self, lane: Lane, *, keep: bool) -> Answer:
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await lane.connection(keep=keep)
                answer = await self._ask(connection, lane.target.request(keep=keep))
        except TimeoutError:
            raise Failed(TIMEOUT, f"no answer within {PATIENCE:g} s") from None
        lane.give_back(connection, keep=keep and self._lanes.get(lane.target.name) is lane)
        return answer

    async def _ask(self, connection: Connection, request: bytes) -> Answer:
        try:
            return await connection.ask(request)
        except BaseException:
            connection.close()
            raise

    def _fail(self, outcome: Outcome, words: str, *, keep: bool) -> None:
        self._tally.add(outcome)
        elapsed = round(self._clock(), 3)
        self._tally.remember(Trouble(elapsed, outcome.target, outcome.status, outcome.failure, keep, words))
