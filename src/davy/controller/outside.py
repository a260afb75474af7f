"""Calls to the world outside the cluster: one session for all, proxies of the environment, nothing read without end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import NoReturn

import aiohttp
from msgspec import Struct
from multidict import CIMultiDictProxy
from yarl import URL

from davy import __version__
from davy.controller.proxies import Proxies
from davy.providers.base import Response, Unreachable

LONGEST_BODY = 1 << 20
"""Bytes read of a metrics server's answer; none has need of more."""
LONGEST_REPLY = 1 << 16
"""Bytes read of what a hook or a receiver of alerts answers; the rest is not read."""
MOST_REDIRECTS = 10
"""Go's number."""
DIRECT = Proxies()
JSON: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})
KEEPS_METHOD = frozenset({307, 308})
REDIRECTS = frozenset({301, 302, 303}) | KEEPS_METHOD


class Post(Struct, frozen=True, kw_only=True):
    """One POST. `timeout`: seconds for all of it."""

    url: str
    body: bytes
    headers: Mapping[str, str] = JSON
    timeout: float
    verify: bool = True
    """Check the server's certificate. Without, the proxies of the environment are not used either, as in Flagger."""
    proxy: str = ""
    """Instead of those of the environment."""


class Reply(Struct, frozen=True):
    """What came back; a long body is cut."""

    status: int
    body: bytes
    retry_after: float | None = None
    """Seconds that the server asks for."""


class Unheard(Exception):  # noqa: N818 - a state of the world, not a mistake in the program
    """No answer came. The text says why and names no path, which may be a secret; `again`: trying again may help."""

    def __init__(self, why: str, *, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


@asynccontextmanager
async def outside(environ: Mapping[str, str]) -> AsyncIterator[Outside]:
    """The way out, as long as the context lasts. Without a limit on connections: who is slow delays nobody else."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"davy/{__version__}"},
    ) as session:
        yield Outside(session, Proxies.of(environ))


class Outside:
    """Sends one request at a time for whoever asks; repeating it is the caller's business."""

    def __init__(self, session: aiohttp.ClientSession, proxies: Proxies = DIRECT) -> None:
        self._session = session
        self._proxies = proxies

    async def post(self, post: Post) -> Reply:
        """The answer, after redirects within the host. Raises Unheard."""
        try:
            return await self._followed(post)
        except TimeoutError as error:
            raise Unheard(f"no answer within {post.timeout:g} s") from error
        except (aiohttp.ClientError, ValueError, OSError) as error:
            refuse(error)

    async def _followed(self, post: Post) -> Reply:
        limit = aiohttp.ClientTimeout(total=post.timeout)
        method, url = "POST", URL(post.url)
        for _ in range(MOST_REDIRECTS + 1):
            async with self._session.request(
                method,
                url,
                data=post.body if method == "POST" else None,
                # A connection that was kept may be dead already, and a call that breaks off counts as failed.
                headers={**post.headers, "Connection": "close"},
                timeout=limit,
                ssl=post.verify,
                proxy=post.proxy or (self._proxies.proxy_for(url) if post.verify else None),
                allow_redirects=False,
            ) as answer:
                target = answer.headers.get("Location", "")
                if answer.status not in REDIRECTS or not target:
                    return Reply(answer.status, await beginning(answer), retry_after(answer.headers))
                url = redirected(url, target)
                method = method if answer.status in KEEPS_METHOD else "GET"
        raise Unheard(f"it redirects more than {MOST_REDIRECTS} times", again=False)

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        params: Mapping[str, str] = {},
        body: bytes = b"",
        timeout: timedelta = timedelta(seconds=5),
        verify: bool = True,
    ) -> Response:
        """The `Http` that is lent to providers."""
        limit = aiohttp.ClientTimeout(total=timeout.total_seconds())
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                params=params,
                data=body or None,
                timeout=limit,
                ssl=verify,
                proxy=self._proxies.proxy_for(URL(url)),
            ) as answer:
                return Response(answer.status, await whole(answer))
        except TimeoutError as error:
            raise Unreachable(f"no answer within {timeout.total_seconds():g} s") from error
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error


def redirected(url: URL, target: str) -> URL:
    """Where a redirect leads. Raises Unheard if that is another host: what is posted is not everybody's."""
    new = url.join(URL(target))
    if new.host != url.host:
        raise Unheard(f"it redirects to another host, {new.host}, which is not followed", again=False)
    return new


def refuse(error: Exception) -> NoReturn:
    """Raises Unheard, with our words where the library's would tell the address."""
    match error:
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            raise Unheard("its address is not one of http or https", again=False) from error
        case aiohttp.ClientConnectorCertificateError():
            words = f"the certificate of {error.host} cannot be trusted: {error.certificate_error}"
            raise Unheard(words, again=False) from error
        case aiohttp.ClientConnectorError():
            cause = os.strerror(error.errno) if error.errno and error.errno > 0 else error.os_error.strerror
            raise Unheard(f"{error.host}:{error.port} cannot be reached: {cause}") from error
        case aiohttp.ServerDisconnectedError():
            raise Unheard("it hung up without an answer") from error
        case ValueError():
            raise Unheard(f"the request cannot be made: {error}", again=False) from error
        case _:
            raise Unheard(f"the connection broke: {type(error).__name__}") from error


def retry_after(headers: CIMultiDictProxy[str]) -> float | None:
    """Seconds: as they stand there, or as a date against the server's own."""
    asked = headers.get("Retry-After", "")
    if asked.isdigit():
        return float(asked)
    until, now = moment(asked), moment(headers.get("Date", ""))
    return max((until - now).total_seconds(), 0.0) if until and now else None


def moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def beginning(answer: aiohttp.ClientResponse) -> bytes:
    read = b""
    async for chunk in answer.content.iter_any():
        read += chunk
        if len(read) >= LONGEST_REPLY:
            return read[:LONGEST_REPLY]
    return read


async def whole(answer: aiohttp.ClientResponse) -> bytes:
    read = b""
    async for chunk in answer.content.iter_chunked(1 << 16):
        read += chunk
        if len(read) > LONGEST_BODY:
            raise Unreachable(f"the answer is longer than {LONGEST_BODY} bytes")
    return read
