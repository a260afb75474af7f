"""What the provider tests share: an HTTP call that answers what was recorded."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from davy.providers.base import Response, Unreachable

# Before the first asynchronous test looptime asks the policy for a loop even for ordinary tests, and the policy would
# make one that nobody closes. Saying that there is none prevents that.
asyncio.set_event_loop(None)


class Recording:
    """Answers every call with one recorded answer and keeps what was asked."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

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
    ) -> Response:
        self.asked.append(
            {"method": method, "url": url, "headers": dict(headers), "params": dict(params), "verify": verify}
            | {"body": body, "timeout": timeout}
        )
        if "unreachable" in self.answer:
            raise Unreachable(self.answer["unreachable"])
        return Response(self.answer["status"], self.answer["body"].encode())


@pytest.fixture
def recording() -> type[Recording]:
    return Recording
