"""Events: what the controllers and the node tell people about objects, written aside so that nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from davy.cluster.workloads.kinds import EVENT
from davy.cluster.workloads.objects import Manifest, format_time, name, namespace, uid
from davy.kube.client import Client
from davy.kube.errors import KubeError

log = structlog.get_logger("davy.cluster")
REMEMBERED = 1000  # different events whose repetition is counted rather than told anew


@dataclass(frozen=True, slots=True)
class Tell:
    """One thing to tell about an object; `type` is Normal or Warning."""

    about: Manifest
    reason: str
    message: str
    type: str = "Normal"


class Events:
    """Writes events of one component, one after the other; the same again only raises the count."""

    def __init__(self, client: Client, component: str, now: Callable[[], datetime]) -> None:
        self._client, self._component, self._now = client, component, now
        self._queue: asyncio.Queue[Tell] = asyncio.Queue()
        self._told: dict[tuple[str, str, str], tuple[str, int]] = {}

    def tell(self, what: Tell) -> None:
        self._queue.put_nowait(what)

    async def run(self) -> None:
        """Write for ever. An event that is refused is lost: it is news, not state."""
        while True:
            what = await self._queue.get()
            try:
                await self._write(what)
            except KubeError as error:
                log.debug("event refused", object=name(what.about), reason=what.reason, error=str(error))

    async def _write(self, what: Tell) -> None:
        key = uid(what.about), what.reason, what.message
        where = namespace(what.about) or "default"
        if known := self._told.pop(key, None):
            event, count = known[0], known[1] + 1
            body = {"count": count, "lastTimestamp": format_time(self._now())}
            await self._client.patch(EVENT, where, event, body, content="merge")
        else:
            event, count = f"{name(what.about)}.{int(self._now().timestamp() * 1e6):x}", 1
            await self._client.create(self._manifest(what, event, where))
        self._told[key] = event, count
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]

    def _manifest(self, what: Tell, event: str, where: str) -> Manifest:
        about, moment = what.about, format_time(self._now())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": event, "namespace": where},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": name(about),
                "namespace": namespace(about),
                "uid": uid(about),
                "resourceVersion": about["metadata"].get("resourceVersion", ""),
            },
            "reason": what.reason,
            "message": what.message,
            "type": what.type,
            "count": 1,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "",
        }
