"""Tells the owner of a canary that cannot even be decoded what is wrong, in the object itself."""

from __future__ import annotations

from typing import Any

import msgspec

from davy.api.codec import DecodeError
from davy.api.words import Metadata
from davy.controller.announce import Announcer, Subject
from davy.controller.world import CANARY, World
from davy.core.plan import Announcement
from davy.kube.client import Client
from davy.kube.objects import Object


class Readable(msgspec.Struct, frozen=True):
    """As much of a canary as can be read whatever its spec is."""

    metadata: Metadata
    status: dict[str, Any] = {}


class Refuser:
    """Writes `Ready=False` with the path of the error, once; nothing else of the object is touched."""

    def __init__(self, client: Client, world: World, announcer: Announcer) -> None:
        self._client = client
        self._world = world
        self._announcer = announcer

    async def refuse(self, found: Object, error: DecodeError) -> None:
        canary = msgspec.json.decode(found.raw, type=Readable)
        conditions = [each for each in canary.status.get("conditions") or [] if isinstance(each, dict)]
        message = f"{error}. Nothing is started; nothing that runs is touched."
        if any(each.get("type") == "Ready" and each.get("message") == message for each in conditions):
            return
        ready = {"type": "Ready", "status": "False", "reason": "InvalidSpec", "message": message}
        others = [each for each in conditions if each.get("type") not in ("Ready", "Reconciling")]
        body = {"status": {"conditions": [*others, ready], "observedGeneration": found.generation}}
        reply = await self._client.patch(
            CANARY, found.namespace, found.name, body, content="merge", subresource="status", type=msgspec.Raw
        )
        self._world.watch(CANARY).put(bytes(reply))
        self._announcer.say(Subject(canary.metadata), Announcement("Warning", message, "InvalidSpec"))
