"""Listens at the embedded API server: who asked what, when it was answered, and what was written."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from davy.cluster.server import ApiServer

OUTSIDER = "localhost"
"""The host name by which only the operator calls the server; everybody else says 127.0.0.1."""
WRITING = ("POST", "PUT", "PATCH")


class Asked(NamedTuple):
    """One request. `began` and `ended` are seconds of the performance counter; a watch ends when it is opened."""

    began: float
    ended: float
    verb: str
    path: str
    by_operator: bool
    body: bytes

    @property
    def written(self) -> dict[str, Any]:
        """The body, if it is an object."""
        found = msgspec.json.decode(self.body) if self.body else {}
        return found if isinstance(found, dict) else {}


def from_outside(request: web.BaseRequest) -> bool:
    """Whether it calls the server by the operator's name for it."""
    return request.headers.get("Host", "").startswith(OUTSIDER)


@contextmanager
def tapped(by_operator: Callable[[web.BaseRequest], bool] = from_outside) -> Iterator[list[Asked]]:
    """Every request to every API server of this process, in the order in which they were answered."""
    heard: list[Asked] = []
    plain = ApiServer._handle

    async def listening(self: ApiServer, request: web.BaseRequest) -> web.StreamResponse:
        began = time.perf_counter()
        outside = by_operator(request)
        verb = "WATCH" if "watch" in request.query else request.method
        if verb == "WATCH":
            heard.append(Asked(began, began, verb, request.path, outside, b""))
            return await plain(self, request)
        response = await plain(self, request)
        body = await request.read() if verb in WRITING else b""  # the request has kept it
        heard.append(Asked(began, time.perf_counter(), verb, request.path, outside, body))
        return response

    ApiServer._handle = listening  # type: ignore[method-assign]
    try:
        yield heard
    finally:
        ApiServer._handle = plain  # type: ignore[method-assign]


def as_outsider(kubeconfig: Path) -> None:
    """From now on, whoever reads this kubeconfig calls the server by the operator's name for it."""
    kubeconfig.write_text(kubeconfig.read_text("utf-8").replace("127.0.0.1", OUTSIDER), "utf-8")


def verbs(asked: list[Asked]) -> str:
    """`GET 3, PATCH 12`, the operator's own only."""
    counted = Counter(each.verb for each in asked if each.by_operator)
    return ", ".join(f"{verb} {count}" for verb, count in sorted(counted.items())) or "none"


def first(asked: list[Asked], wanted: Callable[[Asked], bool]) -> Asked:
    """Raises StopIteration if there is none."""
    return next(each for each in asked if wanted(each))


def status_of(name: str) -> Callable[[Asked], bool]:
    """The operator's writes to a canary's status."""
    return lambda each: each.by_operator and each.path.endswith(f"/canaries/{name}/status")


def seen(asked: list[Asked], name: str) -> float:
    """Seconds from the answer to the Deployment's patch to the answer to the status that says Progressing."""
    patched = first(asked, lambda each: not each.by_operator and each.path.endswith(f"/deployments/{name}"))
    status = status_of(name)
    told = first(asked, lambda each: status(each) and each.written["status"].get("phase") == "Progressing")
    return told.ended - patched.ended
