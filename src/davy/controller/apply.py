"""The applier: the only code that writes objects. It writes nothing that is so already."""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from davy.api import codec
from davy.api.canary import API_VERSION
from davy.api.ref import Manifest, Ref, ref_of
from davy.controller.drift import Drift
from davy.controller.world import World
from davy.core.names import FINALIZER
from davy.kube.client import Client
from davy.kube.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, KindNotServed, KubeError, NotFound
from davy.kube.kinds import Kind
from davy.kube.managed_fields import Applied, is_applied, take_over
from davy.render import Apply, Create, Finalizer, Replace, Scale, Status, Write

FLAGGER = "flagger"
CANARY = Kind(API_VERSION, "Canary")
REFUSALS = (BadRequest, Forbidden, Invalid)
"""Answers of a server that has understood a write and does not want it."""


class Stale(Exception):  # noqa: N818 - a state of the world
    """Somebody wrote in between. The tick ends here; what changed is on its way through the watch."""


class Refused(Exception):  # noqa: N818 - a state of the world
    """All was written but for changes that the server does not allow; `error` is the first of them."""

    def __init__(self, changed: int, error: KubeError) -> None:
        super().__init__(str(error))
        self.changed = changed
        self.error = error


class Applier:
    """Turns writes into requests, one after another; the reply to each goes into the cache."""

    def __init__(self, client: Client, world: World, drift: Drift) -> None:
        self._client = client
        self._world = world
        self._drift = drift
        self._doubts: dict[Ref, Applied] = {}
        """Our last apply of objects whose defaults look like fields we no longer want; few, for they cost memory."""

    async def apply(self, writes: tuple[Write, ...]) -> int:
        """Makes the writes true, in their order; the number of requests that changed something.

        Raises `Stale` if another writer came first, and the `KubeError` of the first write that fails: later writes
        depend on earlier ones. But an object that is there and may not be changed stops nothing, least of all a
        rollback: each write was decided on what was seen, not on the others. Then `Refused` is raised at the end.
        """
        changed, refused = 0, None
        for write in writes:
            try:
                changed += await self._write(write)
            except REFUSALS as error:
                if not isinstance(write, Apply) or self._world.find(ref_of(write.manifest)) is None:
                    raise
                refused = refused or error
        if refused is not None:
            raise Refused(changed, refused)
        return changed

    async def _write(self, write: Write) -> bool:
        try:
            return await self._made_true(write)
        except (Conflict, AlreadyExists) as error:
            raise Stale(str(error)) from error
        except NotFound as error:
            # What we held is gone, and the watch has not told us yet. For something new it is the namespace.
            if isinstance(error, KindNotServed) or isinstance(write, Create | Apply):
                raise
            raise Stale(str(error)) from error

    async def _made_true(self, write: Write) -> bool:
        match write:
            case Create(manifest):
                return await self._create(manifest)
            case Apply(manifest):
                return await self._apply(manifest)
            case Replace():
                return await self._replace(write)
            case Scale(ref, replicas):
                return await self._scale(ref, replicas)
            case Finalizer():
                return await self._finalizer(write)
            case Status():
                return await self._status(write)
            case _:
                assert_never(write)

    async def _create(self, manifest: Manifest) -> bool:
        self._world.put(ref_of(manifest), await self._client.create(manifest, type=msgspec.Raw))
        return True

    async def _apply(self, manifest: Manifest) -> bool:
        ref = ref_of(manifest)
        live = self._world.get(ref)
        if live is not None:
            live = await self._taken_over(ref, live)
            if is_applied(live, manifest, self._client.manager, self._doubts.get(ref)):
                return False
            if not self._drift.may_write(ref, {"": manifest}, live):
                return False
        reply = await self._client.apply(manifest, type=msgspec.Raw)
        self._world.put(ref, reply)
        stored = msgspec.json.decode(reply)
        self._doubt(ref, manifest, stored)
        self._drift.wrote(ref, {"": manifest}, stored)
        return True

    def _doubt(self, ref: Ref, wanted: Manifest, reply: Manifest) -> None:
        """Remember how the server spells what we want, if that cannot be seen from the object alone."""
        if is_applied(reply, wanted, self._client.manager):
            self._doubts.pop(ref, None)
        else:
            self._doubts[ref] = Applied(wanted, reply)

    async def _taken_over(self, ref: Ref, live: Manifest) -> Manifest:
        """What Flagger wrote becomes ours; otherwise a field that is no longer wanted would stay for ever."""
        patch = take_over(live, FLAGGER, self._client.manager)
        if patch is None:
            return live
        reply = await self._patched(ref, patch)
        self._world.put(ref, reply)
        taken: Manifest = msgspec.json.decode(reply)
        return taken

    async def _replace(self, write: Replace) -> bool:
        live = self._world.get(write.ref)
        parts: dict[str, Any] = dict(write.parts)
        if live is not None:
            parts = {at: value for at, value in parts.items() if not self._drift.spelled(write.ref, at, value, live)}
            if not parts or not self._drift.may_write(write.ref, parts, live):
                return False
        ops: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": write.resource_version}
        ]
        for path, value in parts.items():
            ops.append({"op": "remove", "path": path} if value is None else {"op": "add", "path": path, "value": value})
        reply = await self._patched(write.ref, ops)
        self._world.put(write.ref, reply)
        self._drift.wrote(write.ref, parts, msgspec.json.decode(reply))
        return True

    async def _patched(self, ref: Ref, ops: list[dict[str, Any]]) -> msgspec.Raw:
        """A JSON patch whose `test` guards it. A failed test is answered with a 422 that names no field."""
        try:
            return await self._client.patch(
                Kind(ref.api_version, ref.kind), ref.namespace, ref.name, ops, content="json", type=msgspec.Raw
            )
        except Invalid as error:
            if not error.causes:
                raise Stale(str(error)) from error
            raise

    async def _scale(self, ref: Ref, replicas: int) -> bool:
        """Only through the scale subresource; the workload's own cache learns of it by the watch."""
        live, parts = self._world.get(ref), {"/spec/replicas": replicas}
        if live is not None and not self._drift.may_write(ref, parts, live):
            return False
        reply = await self._client.patch(
            Kind(ref.api_version, ref.kind),
            ref.namespace,
            ref.name,
            {"spec": {"replicas": replicas}},
            content="merge",
            subresource="scale",
        )
        self._world.expect(ref, reply["metadata"]["resourceVersion"])
        self._drift.wrote(ref, parts, reply)
        return True

    async def _finalizer(self, write: Finalizer) -> bool:
        metadata = write.canary.metadata
        others = [name for name in metadata.finalizers if name != FINALIZER]
        wanted = [*others, FINALIZER] if write.present else others
        body = {"metadata": {"resourceVersion": metadata.resource_version, "finalizers": wanted}}
        reply = await self._client.patch(
            CANARY, metadata.namespace, metadata.name, body, content="merge", type=msgspec.Raw
        )
        if write.present:
            self._world.put(write.canary.ref, reply)
        return True

    async def _status(self, write: Status) -> bool:
        live = self._world.get(write.canary.ref)
        if live is None:
            raise Stale(f"{write.canary.ref} is gone")
        metadata = {**live["metadata"], "resourceVersion": write.canary.metadata.resource_version}
        metadata.pop("managedFields", None)
        body = {**live, "metadata": metadata, "status": codec.encode_status(write.status)}
        try:
            reply = await self._client.replace(body, subresource="status", type=msgspec.Raw)
        except NotFound as error:
            raise Stale(f"{write.canary.ref} is gone") from error
        self._world.put(write.canary.ref, reply)
        return True


__all__ = ["Applier", "KubeError", "Refused", "Stale"]
