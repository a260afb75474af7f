"""Tells people: a sentence becomes a Kubernetes Event and a log line. Nobody waits for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import structlog
from msgspec import Struct

from davy.api.canary import API_VERSION, Canary
from davy.api.ref import Manifest
from davy.api.words import Metadata
from davy.core.plan import Announcement
from davy.core.times import to_seconds
from davy.kube.client import Client
from davy.kube.errors import KubeError, NotFound
from davy.kube.kinds import Kind

EVENT = Kind("v1", "Event")
WAITING = 1000
"""Events that may wait for a slow API server; more are dropped, and the log says so."""
REMEMBERED = 4096
"""Events whose repetition is counted up instead of being told anew."""

log = structlog.get_logger("davy")


class Subject(Struct, frozen=True):
    """The canary that an Event is about, as far as it could be read."""

    metadata: Metadata

    @classmethod
    def of(cls, canary: Canary) -> Subject:
        return cls(canary.metadata)


class Said(NamedTuple):
    """What makes two Events the same."""

    uid: str
    type: str
    message: str


class Announcer:
    """Sends Events in the order in which they were said. `run` must be running for any to go out."""

    def __init__(self, client: Client, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        self._queue: asyncio.Queue[tuple[Subject, Announcement]] = asyncio.Queue(WAITING)
        self._told: OrderedDict[Said, Manifest] = OrderedDict()

    def say(self, subject: Subject, sentence: Announcement) -> None:
        metadata = subject.metadata
        level = log.warning if sentence.type == "Warning" else log.info
        level(sentence.message, canary=f"{metadata.name}.{metadata.namespace}", action=sentence.action)
        try:
            self._queue.put_nowait((subject, sentence))
        except asyncio.QueueFull:
            log.warning("event dropped: the API server does not take them fast enough", message=sentence.message)

    async def run(self) -> None:
        while True:
            subject, sentence = await self._queue.get()
            try:
                await self._tell(subject, sentence)
            except KubeError as error:
                log.warning("event not stored", message=sentence.message, error=str(error))
            finally:
                self._queue.task_done()

    async def flush(self) -> None:
        """Waits until all that was said has been sent (or has failed)."""
        await self._queue.join()

    async def _tell(self, subject: Subject, sentence: Announcement) -> None:
        said = Said(subject.metadata.uid, sentence.type, sentence.message)
        known = self._told.pop(said, None)
        if known is not None:
            try:
                self._remember(said, await self._count(known))
            except NotFound:
                pass  # Events live for an hour; this one is gone and is told anew
            else:
                return
        self._remember(said, await self._client.create(event(subject, sentence, self._clock())))

    def _remember(self, said: Said, stored: Manifest) -> None:
        self._told[said] = stored
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    async def _count(self, known: Manifest) -> Manifest:
        body = {"count": known.get("count", 1) + 1, "lastTimestamp": to_seconds(self._clock())}
        metadata = known["metadata"]
        return await self._client.patch(EVENT, metadata["namespace"], metadata["name"], body, content="merge")


def event(subject: Subject, sentence: Announcement, now: datetime) -> Manifest:
    """A core/v1 Event. `reason` is always Flagger's `Synced`; the word to match on stands in `action`."""
    metadata, moment = subject.metadata, to_seconds(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata.name}.", "namespace": metadata.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "Canary",
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "type": sentence.type,
        "reason": "Synced",
        "action": sentence.action,
        "message": sentence.message[:1024],
        "source": {"component": "davy"},
        "reportingComponent": "davy",
        "reportingInstance": "davy",
        "count": 1,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
    }
