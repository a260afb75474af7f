"""One HTTP session to the API server: credentials, time-outs, and which requests may be repeated."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import aiohttp
from aiohttp.connector import AddrInfoType
from yarl import URL

from davy.kube.auth import AuthError
from davy.kube.errors import KubeError, ServerError, TooManyRequests, Unauthorized, Unreachable, Untrusted, error_of
from davy.kube.identity import Config

SAFE = frozenset({"GET", "HEAD"})
REPEATABLE = frozenset({500, 502, 503, 504})  # for safe requests
TIMEOUT = 30.0  # seconds for a whole request
CONNECT_TIMEOUT = 5.0  # seconds
LONGEST_PATIENCE = 30.0  # seconds a Retry-After is heeded
CONNECTIONS = 100
# A peer that vanished without a word is noticed within a minute, even on a silent watch.
KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is tried, and how long the pauses are: seconds, doubling, each with jitter."""

    attempts: int = 5
    first: float = 0.1
    longest: float = 5.0

    def pause(self, attempt: int, asked: float | None, random: Random) -> float:
        """Seconds before the attempt after `attempt` (0, 1, …); the server's own wish is the least."""
        own: float = min(self.first * 2**attempt, self.longest) * random.uniform(0.5, 1.0)
        return own if asked is None else min(asked, LONGEST_PATIENCE) + own


PATIENT = Patience()


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` is the API's own, without the server's prefix."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    timeout: float = TIMEOUT

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def safe(self) -> bool:
        return self.method in SAFE


class Transport:
    """Sends requests to one cluster. An async context manager."""

    def __init__(
        self,
        config: Config,
        *,
        user_agent: str,
        random: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience: Patience = PATIENT,
    ) -> None:
        self._config = config
        self._user_agent = user_agent
        self._random = random
        self._sleep = sleep
        self._patience = patience
        self._base = URL(config.server)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = _session(self._user_agent)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request) -> bytes:
        """The body of the answer. Raises KubeError; Unreachable says whether a write may be in force."""
        return await self._patiently(request, self._once)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The body as it comes; reading it raises Unreachable if it breaks off. Only the start is repeated."""
        response = await self._patiently(request, self._open)
        try:
            async with aclosing(self._chunks(request, response)) as chunks:
                yield chunks
        finally:
            response.close()

    async def _chunks(self, request: Request, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        # As they arrive: read by lines, a line beyond the buffer would be an error.
        with self._named(request):
            async for chunk in response.content.iter_any():
                yield chunk

    async def _patiently(self, request: Request, attempt: Callable[[Request], Awaitable[R]]) -> R:
        renewed = False
        for tried in range(self._patience.attempts):
            try:
                return await attempt(request)
            except Unauthorized:
                # Refused before anything was done, so even a write may be repeated; but only if our token can be newer.
                if renewed or not self._config.auth.renew():
                    raise
                renewed = True
            except KubeError as error:
                if tried + 1 == self._patience.attempts or not repeatable(request, error):
                    raise
                await self._sleep(self._patience.pause(tried, error.retry_after, self._random))
        return await attempt(request)  # the last attempt went to renewing the credentials

    async def _once(self, request: Request) -> bytes:
        response = await self._start(request)
        with self._named(request):
            async with response:
                body = await response.read()
        _raise_for(request, response, body)
        return body

    async def _open(self, request: Request) -> aiohttp.ClientResponse:
        response = await self._start(request)
        if response.status >= 400:
            with self._named(request):
                async with response:
                    body = await response.read()
            _raise_for(request, response, body)
        return response

    async def _start(self, request: Request) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the client is closed, or was not entered with `async with`")
        try:
            access = await self._config.auth.access()
        except AuthError as error:
            raise Unauthorized(str(error), reason="NoCredentials") from error
        with self._named(request):
            return await self._session.request(
                request.method,
                self._url(request),
                data=request.body,
                headers={**(request.headers or {}), **access.headers},
                timeout=aiohttp.ClientTimeout(total=request.timeout, sock_connect=CONNECT_TIMEOUT),
                ssl=access.ssl or self._config.ssl or True,
                server_hostname=self._config.server_name,
                proxy=self._config.proxy,
                allow_redirects=False,
            )

    def _url(self, request: Request) -> URL:
        # Some names hold what a URL must not (`system:node%1`); the query is encoded by yarl.
        path = self._base.raw_path.rstrip("/") + quote(request.path, safe="/:@")
        return self._base.with_path(path, encoded=True).with_query(request.query)

    @contextmanager
    def _named(self, request: Request) -> Iterator[None]:
        """Says in our words what the HTTP library found."""
        # Only the host is named: a path prefix may be a secret.
        where = f"{request}: {self._base.host}:{self._base.port}"
        try:
            yield
        except aiohttp.ClientSSLError as error:
            raise Untrusted(f"{where} cannot be trusted: {error}") from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(f"{where} cannot be reached: {error or 'connecting took too long'}") from error
        except TimeoutError as error:
            raise Unreachable(f"{where} gave no answer in time", maybe_applied=not request.safe) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{where} broke off: {error}", maybe_applied=not request.safe) from error


def repeatable(request: Request, error: KubeError) -> bool:
    """Whether sending the request again is harmless, and may help."""
    match error:
        case Untrusted():
            return False
        case Unreachable():
            return not error.maybe_applied
        case TooManyRequests():
            return True
        case ServerError(status=503) if error.retry_after is not None:
            return True  # refused by priority and fairness, or shutting down: nothing was done
        case ServerError():
            return request.safe and error.status in REPEATABLE
        case _:
            return False


def _raise_for(request: Request, response: aiohttp.ClientResponse, body: bytes) -> None:
    if response.status >= 300:
        retry_after = response.headers.get("Retry-After")
        raise error_of(response.status, body, request=str(request), retry_after=retry_after)


def _session(user_agent: str) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, socket_factory=_socket),
        headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    # aiohttp repeats a PUT or DELETE whose kept-alive connection breaks; the first one may have been carried out.
    session._retry_connection = False
    return session


def _socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):  # macOS spells one of them differently; its default then stands
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made
