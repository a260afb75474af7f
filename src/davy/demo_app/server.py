"""The demo app's sockets: serves the app, finishes what is in flight on SIGTERM, and dies with its node."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque

from .app import App, Request, Response
from .wire import MalformedError, Reader

LINGER = 1.0  # seconds that idle connections are kept after SIGTERM: closing one may cross a request on its way
LIFELINE = "DAVY_LIFELINE"  # the number of a file descriptor that reports end-of-file when the node is gone


class Connection(asyncio.Protocol):
    """One client's connection; requests are answered one after the other."""

    transport: asyncio.Transport

    def __init__(self, app: App, open_ones: set[Connection]) -> None:
        self.app = app
        self.busy = False
        self._open_ones = open_ones
        self._reader = Reader()
        self._waiting: deque[Request] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open_ones.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ones.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._waiting.extend(self._reader.feed(data))
        except MalformedError as error:
            self._send(Request("GET", "", keep_alive=False), Response(400, f"{error}\n"))
            return
        self._serve_next()

    def _serve_next(self) -> None:
        while self._waiting and not self.busy:
            request = self._waiting.popleft()
            response = self.app.answer(request)
            began = asyncio.get_running_loop().time()
            if response.delay:
                self.busy = True
                asyncio.get_running_loop().call_later(response.delay, self._finish, request, response, began)
            else:
                self._finish(request, response, began)

    def _finish(self, request: Request, response: Response, began: float) -> None:
        delayed, self.busy = self.busy, False
        self.app.count(request, response, asyncio.get_running_loop().time() - began)
        self._send(request, response)
        if delayed:
            self._serve_next()

    def _send(self, request: Request, response: Response) -> None:
        if self.transport.is_closing():
            return
        keep = request.keep_alive and not self.app.leaving
        self.transport.write(self.app.encode(request, response, keep))
        if not keep:
            self._waiting.clear()
            self.transport.close()


async def serve(app: App) -> None:
    """Serve until SIGTERM or SIGINT, then leave as the settings say. Raises OSError if the address is taken."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _leave_at_once if app.settings.abrupt_exit else stop.set)
    _watch_lifeline(loop)
    await _unless(stop, app.settings.start_delay)
    open_ones: set[Connection] = set()
    server = await loop.create_server(lambda: Connection(app, open_ones), app.settings.address, app.settings.port)
    _say(f"version {app.settings.version} serves on http://{app.settings.address}:{app.settings.port}")
    await stop.wait()
    await _leave(app, server, open_ones)


async def _leave(app: App, server: asyncio.Server, open_ones: set[Connection]) -> None:
    app.leaving = True
    _say(f"stopping, {len(open_ones)} connections open")
    deadline = asyncio.get_running_loop().time() + LINGER
    while any(c.busy for c in open_ones) or (open_ones and asyncio.get_running_loop().time() < deadline):
        await asyncio.sleep(0.02)
    server.close()
    _say("stopped")


async def _unless(stop: asyncio.Event, delay: float) -> None:
    if delay:
        await asyncio.wait({asyncio.ensure_future(stop.wait())}, timeout=delay)


def _watch_lifeline(loop: asyncio.AbstractEventLoop) -> None:
    if (number := os.environ.get(LIFELINE, "")).isdigit():
        loop.add_reader(int(number), os._exit, 1)


def _leave_at_once() -> None:
    os._exit(128 + signal.SIGTERM)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
