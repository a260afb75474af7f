"""What every metrics provider is: one query in, one number out, or the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from davy.core.snapshot import Reading


class Window(Struct, frozen=True):
    """The time that a query is about."""

    now: datetime
    interval: timedelta


class Response(Struct, frozen=True):
    """An HTTP answer, read to its end (capped)."""

    status: int
    body: bytes


class Unreachable(Exception):  # noqa: N818 - a state of the world, not a mistake in the program
    """No answer came: refused, reset, timed out, name unknown. Its text says which."""


class Http(Protocol):
    """What the shell lends a provider: one HTTP call. Raises `Unreachable`."""

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        params: Mapping[str, str] = {},
        body: bytes = b"",
        timeout: timedelta = timedelta(seconds=5),
        verify: bool = True,
    ) -> Response: ...


class Provider(Protocol):
    """One source of numbers. Frozen; its address and credentials are its fields; it opens nothing itself."""

    async def query(self, http: Http, query: str, window: Window) -> Reading: ...

    async def ping(self, http: Http) -> Reading:
        """`Value` if it is there, `Error` if not."""
