"""Probes: is a container ready, started, alive? One attempt each over HTTP, TCP or by a command."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from davy.cluster.node.spawn import Process

FAST = 0.05  # seconds between attempts until the first success: who waits for a start waits for this
USER_AGENT = "kube-probe/davy"
Manifest = Mapping[str, Any]


class Outcome(NamedTuple):
    """How an attempt ended; `why` is empty for a success."""

    ok: bool
    why: str = ""


Attempt = Callable[[], Awaitable[Outcome]]
Run = Callable[[Sequence[str]], Awaitable[Process]]


class Pace(NamedTuple):
    """How often to try (seconds), and how many outcomes in a row count."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int


def pace(probe: Manifest) -> Pace:
    return Pace(
        probe.get("initialDelaySeconds", 0),
        probe.get("periodSeconds") or 10,
        probe.get("timeoutSeconds") or 1,
        probe.get("successThreshold") or 1,
        probe.get("failureThreshold") or 3,
    )


class Tally:
    """Counts outcomes in a row, and says when enough of them agree that the verdict turns."""

    def __init__(self, at: Pace) -> None:
        self._needed = {True: at.successes, False: at.failures}
        self._verdict: bool | None = None
        self._ok, self._row = False, 0.0

    def add(self, ok: bool, weight: float = 1.0) -> bool:
        """Count one outcome; True if the verdict has turned to `ok` with it."""
        if ok is not self._ok:
            self._ok, self._row = ok, 0.0
        self._row += weight
        turned = ok is not self._verdict and self._row > self._needed[ok] - 1e-6
        self._verdict = ok if turned else self._verdict
        return turned


async def verdicts(attempt: Attempt, at: Pace, *, eager: bool) -> AsyncIterator[Outcome]:
    """Try for ever; yields whenever enough outcomes in a row turn the verdict.

    `eager` tries often until the first success; a failure then counts for the fraction of a period that it took.
    """
    await asyncio.sleep(at.initial_delay)
    tally, wait = Tally(at), min(FAST, at.period) if eager else at.period
    while True:
        outcome = await within(attempt, at.timeout)
        if outcome.ok:
            wait = at.period
        if tally.add(outcome.ok, 1.0 if outcome.ok else wait / at.period):
            yield outcome
        await asyncio.sleep(wait)


async def within(attempt: Attempt, timeout: float) -> Outcome:
    """One attempt, bounded in time."""
    try:
        async with asyncio.timeout(timeout):
            return await attempt()
    except TimeoutError:
        return Outcome(False, f"no answer within {timeout:g} s")
    except (OSError, ValueError) as error:
        return Outcome(False, str(error))


def attempt(probe: Manifest, container: Manifest, address: str, run: Run) -> Attempt:
    """The way in which a probe is tried; one of a kind that is not known here fails, and says so."""
    if "httpGet" in probe:
        return lambda: http_get(probe["httpGet"], container, address)
    if "tcpSocket" in probe:
        return lambda: tcp_socket(probe["tcpSocket"], container, address)
    if "exec" in probe:
        return lambda: command(probe["exec"]["command"], run)
    return unknown


async def unknown() -> Outcome:
    return Outcome(False, "this node knows the probes httpGet, tcpSocket and exec, and no others")


async def http_get(get: Manifest, container: Manifest, address: str) -> Outcome:
    """A GET; any status from 200 to 399 is a success."""
    host = get.get("host") or address
    number = port(get["port"], container)
    secure = _no_questions() if get.get("scheme") == "HTTPS" else None
    reader, writer = await asyncio.open_connection(host, number, ssl=secure)
    try:
        headers = {"Host": f"{host}:{number}", "User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
        headers |= {each["name"]: each["value"] for each in get.get("httpHeaders") or ()}
        lines = [f"GET {get.get('path') or '/'} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        first = (await reader.readline()).decode("latin-1").split(" ")
        if len(first) < 2 or not first[1][:3].isdigit():
            return Outcome(False, "the answer is no HTTP")
        status = int(first[1][:3])
        return Outcome(
            200 <= status < 400, "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"
        )
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _no_questions() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def tcp_socket(target: Manifest, container: Manifest, address: str) -> Outcome:
    """A connection; that it can be opened is the success."""
    _, writer = await asyncio.open_connection(target.get("host") or address, port(target["port"], container))
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Outcome(True)


async def command(words: Sequence[str], run: Run) -> Outcome:
    """A command; exit status 0 is the success."""
    process = await run(words)
    try:
        status = await process.wait()
    finally:
        await process.stop(0)
    return Outcome(status == 0, "" if status == 0 else f"{words[0]} ended with exit status {status}")


def port(wanted: int | str, container: Manifest) -> int:
    """A port by number or by its name in the container. Raises ValueError."""
    if isinstance(wanted, int) or wanted.isdigit():
        return int(wanted)
    for each in container.get("ports") or ():
        if each.get("name") == wanted:
            return int(each["containerPort"])
    raise ValueError(f"the container has no port named {wanted!r}")
