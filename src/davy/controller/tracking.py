"""What is known of the ConfigMaps and Secrets that a canary's pods use, and their content while it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.status import Phase
from davy.controller.queue import Key
from davy.controller.world import LISTING, NotYet, World
from davy.core import names
from davy.kube.kinds import Kind
from davy.perceive import Tracked, checksums, kind_of
from davy.settings import Settings
from davy.targets import configs

COPYING = frozenset(
    {
        Phase.NONE,
        Phase.INITIALIZING,
        Phase.PROGRESSING,
        Phase.WAITING,
        Phase.WAITING_PROMOTION,
        Phase.PROMOTING,
    }
)
"""Phases in which copies may be written; in the others only what is missing is made again."""


class Used(Struct, frozen=True):
    """One config that the pods refer to."""

    name: str
    """`configmap/name` or `secret/name`."""
    optional: bool
    source: Ref
    copy: Ref


class Tracking:
    """Reads as little as it can: nothing while no version moves, and no content while nothing is to be copied."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings

    def used(self, canary: Canary) -> tuple[Used, ...] | None:
        """All that the target's pods refer to; None if configs are not tracked."""
        kind, target = kind_of(canary), self._world.get(canary.target)
        side = kind.target(canary, {canary.target: target}) if kind and target else None
        pod = kind.pod(side) if kind and side else {}
        if not self._settings.enable_config_tracking or not pod:
            return None
        found = configs.references(pod).items()
        return tuple(Used(name, optional, *configs.refs(canary.namespace, name)) for name, optional in found)

    async def read(self, key: Key, canary: Canary, used: tuple[Used, ...]) -> None:
        """Brings up to date what is needed. Raises `NotYet` while the configs are being listed."""
        contents = self._world.contents
        for kind in kinds(used):
            if not self._world.watch(kind).synced.is_set() and not self._world.overdue(kind):
                raise NotYet(f"{kind.kind} is being listed", LISTING)
        contents.use(key, addresses(used))
        await contents.read([each.source for each in used], whole=False)
        whole = self._whole(canary, self._known(used))
        contents.keep(key, addresses(whole))
        await contents.read(list(addresses(whole)), whole=True)

    def known(
        self, canary: Canary, used: tuple[Used, ...] | None
    ) -> tuple[dict[str, Tracked] | None, dict[Ref, Manifest]]:
        """For `Seen`: what is known of each, and the objects that may be copied. Waits for nothing.

        Raises `NotYet` if something has changed since it was read.
        """
        if used is None:
            return None, {}
        found = self._known(used)
        objects: dict[Ref, Manifest] = {}
        for each in self._whole(canary, found):
            source, copy = self._world.get(each.source), self._world.get(each.copy)
            if source is None:
                raise NotYet(f"{each.source} has changed since it was read", 0.0)
            objects[each.source] = source
            if copy is not None:
                objects[each.copy] = copy
            elif why := self._world.contents.tracked(each.copy, optional=True).unread:
                found[each.name] = replace(found[each.name], unread=why)
        return found, objects

    def _known(self, used: tuple[Used, ...]) -> dict[str, Tracked]:
        return {each.name: self._tracked(each) for each in used}

    def _tracked(self, each: Used) -> Tracked:
        kind = Kind(each.source.api_version, each.source.kind)
        if not self._world.watch(kind).synced.is_set():
            return Tracked(None, f"{each.source} is not known: {kind.kind}s could not be listed")
        return self._world.contents.tracked(each.source, optional=each.optional)

    def _whole(self, canary: Canary, found: Mapping[str, Tracked]) -> tuple[Used, ...]:
        """Those whose content is needed, and that of their copies: to copy them, or to say which keys differ."""
        tracked = [
            Used(name, False, *configs.refs(canary.namespace, name)) for name, each in found.items() if each.checksum
        ]
        differ = checksums(found) != (canary.status.tracked_configs or {})
        missing = any(
            self._world.find(ref) is None for ref in (names.primary(canary), *(each.copy for each in tracked))
        )
        return tuple(tracked) if canary.status.phase in COPYING or differ or missing else ()


def kinds(used: tuple[Used, ...]) -> frozenset[Kind]:
    return frozenset(Kind(each.source.api_version, each.source.kind) for each in used)


def addresses(used: tuple[Used, ...]) -> Iterator[Ref]:
    for each in used:
        yield each.source
        yield each.copy
