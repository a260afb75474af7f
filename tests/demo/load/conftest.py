"""A tiny server whose answers a test scripts, one word per request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

ANSWERS = {
    "good": b"HTTP/1.1 200 OK\r\nx-app-version: 1.0\r\ncontent-length: 2\r\n\r\nok",
    "error": b"HTTP/1.1 500 Oops\r\nx-app-version: 3.0\r\ncontent-length: 0\r\n\r\n",
    "proxy": b"HTTP/1.1 503 Unavailable\r\ncontent-length: 19\r\n\r\nno healthy upstream",
    "half": b"HTTP/1.1 200 OK\r\nx-app-version: 1.0\r\ncontent-length: 9\r\n\r\nok",
    "noise": b"\x15\x03\x01 what is this\r\n\r\n",
    "hang up": b"",
    "silence": b"",
}
ENDS = {"half", "noise", "hang up"}


class Served:
    """Where the server listens and what has reached it."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []
        self.handlers: set[asyncio.Task[Any]] = set()


def _handler(served: Served, word: Callable[[int], str]) -> Callable[..., Coroutine[Any, Any, None]]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        task = asyncio.current_task()
        assert task is not None
        served.handlers.add(task)
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                served.requests.append(request)
                which = word(len(served.requests) - 1)
                writer.write(ANSWERS[which])
                await writer.drain()
                if which in ENDS or b"connection: close" in request:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return answer


@asynccontextmanager
async def serving(word: Callable[[int], str]) -> AsyncIterator[Served]:
    """Serve on a free port; `word(n)` says how the n-th request is answered."""
    served = Served()
    server = await asyncio.start_server(_handler(served, word), "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    async with server:
        yield served
        await asyncio.wait(served.handlers)


@pytest.fixture(name="serving")
def _serving() -> object:
    return serving
