"""Tells the owner of a canary that cannot even be decoded what is wrong, in the object itself."""

from __future__ import annotations

import msgspec

from davy.api import codec
from davy.api.codec import DecodeError
from davy.api.status import Condition
from davy.controller.announce import Announcer, Subject
from davy.controller.world import CANARY, World
from davy.core.plan import Announcement
from davy.kube.client import Client
from davy.kube.objects import Object


class Refuser:
    """Writes `Ready=False` with the path of the error, once; nothing else of the object is touched."""

    def __init__(self, client: Client, world: World, announcer: Announcer) -> None:
        self._client = client
        self._world = world
        self._announcer = announcer

    async def refuse(self, found: Object, error: DecodeError) -> None:
        canary = codec.decode_unread(found.raw)
        message = f"{error}. Nothing is started; nothing that runs is touched."
        before = canary.status.condition("Ready")
        if before is not None and before.message == message:
            return
        ready = Condition("Ready", "False", "InvalidSpec", message)
        others = [each for each in canary.status.conditions if each.type not in ("Ready", "Reconciling")]
        conditions = [codec.encode(condition) for condition in (*others, ready)]
        body = {"status": {"conditions": conditions, "observedGeneration": found.generation}}
        reply = await self._client.patch(
            CANARY, found.namespace, found.name, body, content="merge", subresource="status", type=msgspec.Raw
        )
        self._world.watch(CANARY).put(bytes(reply))
        self._announcer.say(Subject(canary.metadata), Announcement("Warning", message, "InvalidSpec"))
