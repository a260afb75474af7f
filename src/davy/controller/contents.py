"""Contents of ConfigMaps and Secrets: read by name when their version has moved, each once for all who use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import msgspec
import structlog

from davy.api.ref import Manifest, Ref
from davy.controller.queue import Key
from davy.controller.readers import Readers
from davy.kube.client import Client
from davy.kube.errors import KubeError, NotFound
from davy.kube.kinds import Kind
from davy.kube.objects import Object, older
from davy.perceive import Tracked
from davy.targets import configs

AT_ONCE = 16
"""Reads under way at one time; a pod that uses fifty Secrets waits for four round trips."""
PATIENCE = 5.0
"""Seconds that a tick waits for reads; those that take longer wake it when they are done."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before something that could not be read is read again."""

log = structlog.get_logger("davy")


class Held(NamedTuple):
    """What is known of one version."""

    uid: str
    version: str
    tracked: Tracked
    raw: bytes | None
    """None: the content was let go, for nobody needs it."""


class Failed(NamedTuple):
    """It could not be read."""

    why: str
    pause: float
    again: asyncio.TimerHandle


class Contents:
    """`find` gives an object's metadata as the watch holds it."""

    def __init__(self, client: Client, find: Callable[[Ref], Object | None], wake: Callable[[Ref], None]) -> None:
        self._client = client
        self._find = find
        self._wake = wake
        self._held: dict[Ref, Held] = {}
        self._failed: dict[Ref, Failed] = {}
        self._due: set[Ref] = set()
        self._reading: dict[Ref, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._users, self._keepers = Readers(), Readers()

    def use(self, key: Key, refs: Iterable[Ref]) -> None:
        """What the canary wants to know of from now on; what nobody wants to know of is forgotten."""
        for ref in self._users.reads(key, refs).left:
            self._held.pop(ref, None)
            self._recovered(ref)

    def keep(self, key: Key, refs: Iterable[Ref]) -> None:
        """Of these the canary needs the content, of the others not (any more); what nobody needs is let go."""
        self._keepers.reads(key, refs)
        for ref in self._users.by(key):
            if not self._keepers.of(ref) and (held := self._held.get(ref)):
                self._held[ref] = held._replace(raw=None)

    def forget(self, key: Key) -> None:
        self.keep(key, ())
        self.use(key, ())

    async def read(self, refs: Iterable[Ref], *, whole: bool) -> None:
        """Brings up to date what is there, as far as that is quickly done. `whole`: with the content."""
        tasks = {self._begun(ref): ref for ref in refs if self._wants_reading(ref, whole)}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=PATIENCE)
            for task in late:
                task.add_done_callback(partial(self._late, tasks[task]))

    def tracked(self, ref: Ref, *, optional: bool) -> Tracked:
        """What is known now. Something that cannot be read is never taken for something that is not there."""
        found = self._find(ref)
        if found is None:
            return Tracked(None) if optional else Tracked(None, f"{ref} does not exist", missing=True)
        held = self._current(found, ref)
        if held is not None:
            return held.tracked
        failed = self._failed.get(ref)
        return Tracked(None, failed.why if failed else f"{ref} has not been read yet")

    def whole(self, ref: Ref) -> Manifest | None:
        """The object with its content, if that is held and up to date."""
        found = self._find(ref)
        held = self._current(found, ref) if found else None
        if held is None or held.raw is None:
            return None
        return named(ref, held.raw)

    def put(self, ref: Ref, reply: bytes) -> None:
        """The reply to our own write: it need not be read."""
        if not self._users.of(ref):
            return
        manifest = named(ref, reply)
        metadata = manifest["metadata"]
        known = Tracked(configs.checksum(manifest) if configs.tracked(manifest) else None)
        self._held[ref] = Held(metadata["uid"], metadata["resourceVersion"], known, reply)
        self._recovered(ref)

    async def close(self) -> None:
        for failed in self._failed.values():
            failed.again.cancel()
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)

    def _late(self, ref: Ref, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._wake(ref)

    def _current(self, found: Object, ref: Ref) -> Held | None:
        """What is held, if it is not older than what the watch tells."""
        held = self._held.get(ref)
        if held is None or held.uid != found.uid:
            return None
        stale = held.version != found.resource_version and not older(found.resource_version, held.version)
        return None if stale else held

    def _wants_reading(self, ref: Ref, whole: bool) -> bool:
        found = self._find(ref)
        if found is None or (ref in self._failed and ref not in self._due):
            return False
        held = self._current(found, ref)
        return held is None or (whole and held.raw is None)

    def _begun(self, ref: Ref) -> asyncio.Task[None]:
        if ref not in self._reading:
            self._reading[ref] = asyncio.create_task(self._read(ref), name=str(ref))
        return self._reading[ref]

    async def _read(self, ref: Ref) -> None:
        try:
            async with self._slots:
                kind = Kind(ref.api_version, ref.kind)
                self.put(ref, bytes(await self._client.get(kind, ref.namespace, ref.name, type=msgspec.Raw)))
        except NotFound:
            self._held.pop(ref, None)  # deleted a moment ago; the watch will say so
        except KubeError as error:
            self._fail(ref, f"{ref} cannot be read: {error}")
        except Exception as error:
            log.exception("a fault in davy; please report it", object=str(ref))
            self._fail(ref, f"{ref} cannot be understood: {type(error).__name__}")
        finally:
            del self._reading[ref]

    def _fail(self, ref: Ref, why: str) -> None:
        before = self._failed.get(ref)
        pause = min(before.pause * 2, LONGEST_PAUSE) if before else FIRST_PAUSE
        log.warning("not read", object=str(ref), error=why, again_in=pause)
        self._due.discard(ref)
        self._failed[ref] = Failed(why, pause, asyncio.get_running_loop().call_later(pause, self._try_again, ref))

    def _try_again(self, ref: Ref) -> None:
        self._due.add(ref)
        self._wake(ref)

    def _recovered(self, ref: Ref) -> None:
        self._due.discard(ref)
        failed = self._failed.pop(ref, None)
        if failed is not None:
            failed.again.cancel()


def named(ref: Ref, raw: bytes) -> Manifest:
    """The object in `raw`; it always says what kind it is."""
    return {**msgspec.json.decode(raw), "apiVersion": ref.api_version, "kind": ref.kind}
