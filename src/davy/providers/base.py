"""What every metrics provider is: one query in, one number out, or the reason why not."""

import base64
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


class Misconfigured(ValueError):  # noqa: N818 - a state of the manifest, not a mistake in the program
    """A provider cannot be made from what its spec and its Secret say; the text names what is missing."""


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


LONGEST_EXCERPT = 200


def excerpt(body: bytes | str) -> str:
    """The beginning of an answer on one line, for people: no page of HTML in an Event."""
    text = body if isinstance(body, str) else body[: 4 * LONGEST_EXCERPT].decode(errors="replace")
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_EXCERPT else f"{line[:LONGEST_EXCERPT]}…"


def basic(user: str, password: str) -> str:
    """The value of `Authorization` for a user name and a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
