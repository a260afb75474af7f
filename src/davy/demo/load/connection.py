"""One connection to a target: sends one request at a time and gives back its answer. Nothing is ever sent twice."""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import cast

from davy.demo.load.tally import CONNECT, MALFORMED, RESET
from davy.demo.load.wire import Answer, Malformed, Reader


class Failed(Exception):  # noqa: N818 - an outcome, not a mistake in the program
    """A request without an answer; `failure` is one of the words of tally.py."""

    def __init__(self, failure: str, words: str) -> None:
        super().__init__(words)
        self.failure = failure


class Connection(asyncio.Protocol):
    """A connection; `usable` says whether another request can be sent."""

    def __init__(self) -> None:
        self.usable = True
        self._transport: asyncio.Transport | None = None
        self._reader = Reader()
        self._answer: Future[Answer] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send a request, wait for its answer. Raises Failed."""
        if self._transport is None or not self.usable:
            raise Failed(RESET, "the connection was closed before the request was sent")
        self._reader = Reader()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close it, whatever it does."""
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods, not by its class

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked: what comes next could not be told apart
            return
        try:
            answer = self._reader.feed(data)
        except Malformed as error:
            self.close()
            self._answer.set_exception(Failed(MALFORMED, str(error)))
            return
        if answer is not None:
            self.usable = answer.kept
            self._answer.set_result(answer)

    def eof_received(self) -> None:
        self.usable = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._answer is None or self._answer.done():
            return
        answer = self._reader.end()
        if answer is not None:
            self._answer.set_result(answer)
        else:
            self._answer.set_exception(Failed(RESET, str(exc) if exc else "closed before the answer was complete"))


async def connect(address: str, port: int) -> Connection:
    """Open a connection. Raises Failed."""
    try:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, address, port)
    except OSError as error:
        raise Failed(CONNECT, error.strerror or str(error)) from None
    return connection
