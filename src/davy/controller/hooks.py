"""Calls the webhooks of a canary: what is sent, how often it is tried, and what the answer means."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from yarl import URL

from davy.api import durations
from davy.api.analysis import Webhook
from davy.api.canary import Canary
from davy.api.status import Phase
from davy.controller.outside import Outside, Post, Reply, Unheard
from davy.core.checksum import checksum
from davy.core.plan import HookCheck
from davy.core.snapshot import Answer, Error, Passed, Refused

KEY = "Idempotency-Key"
"""Header with an id that is the same however often one call is repeated, also after a restart of ours."""
TIMEOUT = 10.0
"""Seconds for an attempt, where the hook says nothing."""
ENDLESS = 600.0
"""Seconds for an attempt of a hook whose timeout is 0: Flagger waits for ever then."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two attempts; doubled each time."""
LONGEST_WISH = 300.0
"""Seconds that a Retry-After is heeded."""
LAST_YES = 202
"""Greatest status that counts as success; Flagger's number."""
LONGEST_WORDS = 200
"""Characters of an answer that may be shown to people."""

Sleep = Callable[[float], Awaitable[None]]
Outcome = Passed | Refused | Error


class Hooks:
    """Answers the mind's questions about hooks."""

    def __init__(self, outside: Outside, sleep: Sleep = asyncio.sleep) -> None:
        self._outside = outside
        self._sleep = sleep

    async def answer(self, canary: Canary, question: HookCheck) -> Answer:
        hook = canary.analysis.webhooks[question.index]
        mark = checksum(canary.status.tracked_configs, question.applied)
        body = payload(canary, question.phase, mark, hook.metadata)
        return Answer(await called(self._outside, hook, body, stable_id(canary, question.id), self._sleep))


def payload(canary: Canary, phase: Phase, mark: str, metadata: Mapping[str, str]) -> bytes:
    """The body, as Flagger's receivers know it."""
    told = {"name": canary.name, "namespace": canary.namespace, "phase": str(phase), "checksum": mark}
    return msgspec.json.encode({**told, "metadata": metadata} if metadata else told)


def stable_id(canary: Canary, call: str) -> str:
    """Of one call of this very canary; `call` names revision, step and hook."""
    return hashlib.sha256(f"{canary.metadata.uid}\n{call}".encode()).hexdigest()[:32]


async def called(outside: Outside, hook: Webhook, body: bytes, key: str, sleep: Sleep) -> Outcome:
    """What the hook says in the end, after as many attempts as it allows."""
    try:
        timeout = seconds(hook.timeout)
    except ValueError as error:
        return Error("configuration", str(error))
    headers = {"Content-Type": "application/json", KEY: key}
    post = Post(url=hook.url, body=body, headers=headers, timeout=timeout, verify=not hook.disable_tls)
    for attempt in range(max(hook.retries, 0)):
        heard = await attempted(outside, post)
        if not worth_repeating(heard):
            return meaning(heard, post, attempt + 1)
        await sleep(pause(heard, attempt))
    return meaning(await attempted(outside, post), post, max(hook.retries, 0) + 1)


async def attempted(outside: Outside, post: Post) -> Reply | Unheard:
    try:
        return await outside.post(post)
    except Unheard as error:
        return error


def seconds(timeout: str) -> float:
    """Raises ValueError with a sentence saying what would be right."""
    if len(timeout) < 2:
        return TIMEOUT
    wanted = durations.parse(timeout)
    return wanted if wanted > 0 else ENDLESS


def worth_repeating(heard: Reply | Unheard) -> bool:
    if isinstance(heard, Unheard):
        return heard.again
    return heard.status == 429 or (heard.status >= 500 and heard.status != 501)


def pause(heard: Reply | Unheard, attempt: int) -> float:
    """Seconds before the attempt after `attempt` (0, 1, …)."""
    if isinstance(heard, Reply) and heard.status in (429, 503) and heard.retry_after is not None:
        return min(heard.retry_after, LONGEST_WISH)
    own: float = min(FIRST_PAUSE * 2 ** min(attempt, 10), LONGEST_PAUSE)
    return own


def meaning(heard: Reply | Unheard, post: Post, attempts: int) -> Outcome:
    """The outcome, in Flagger's words where it has them."""
    if isinstance(heard, Unheard) and not heard.again:
        return Error("unreachable", f"POST {shown(post.url)}: {heard}")
    given_up = f"POST {shown(post.url)} giving up after {attempts} attempt(s)"
    if isinstance(heard, Unheard):
        return Error("unreachable", f"{given_up}: {heard}")
    if worth_repeating(heard):
        return Error("refused", given_up)
    return Passed() if heard.status <= LAST_YES else Refused(told(heard.body) or f"it answered {heard.status}")


def shown(url: str) -> str:
    """The address as people may read it: without a password."""
    try:
        parsed = URL(url)
    except ValueError:
        return url
    return str(parsed.with_password("xxxxx")) if parsed.password else url


def told(body: bytes) -> str:
    """The answer on one line; empty if it is not short and printable: no page of HTML in an Event."""
    try:
        line = " ".join(body.decode().split())
    except UnicodeDecodeError:
        return ""
    return line if line.isprintable() and len(line) <= LONGEST_WORDS else ""
