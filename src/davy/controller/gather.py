"""Gathers what one decision about one canary may look at, from the caches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from davy.api import codec
from davy.api.canary import Canary, CanarySpec
from davy.api.ref import Manifest, Ref
from davy.api.validate import Problem
from davy.api.words import Metadata
from davy.controller.alerts import provider_ref
from davy.controller.announce import Announcer
from davy.controller.drift import Drift
from davy.controller.measure import template_ref
from davy.controller.queue import Key
from davy.controller.refuse import Refuser
from davy.controller.tracking import Tracking, Used, addresses
from davy.controller.world import CANARY, NotYet, World
from davy.core import names
from davy.core.snapshot import Answer
from davy.kube.client import Client
from davy.kube.kinds import Kind
from davy.kube.objects import Object
from davy.perceive import Seen, reads, under_way
from davy.settings import Settings
from davy.validity import changed, problems

LIST_PAUSE = 30.0
"""Seconds; only a safety net, for the first list wakes the canary."""
BEHIND_PAUSE = 5.0
"""Seconds; only a safety net, for the watch wakes the canary."""


class Looked(Struct, frozen=True, kw_only=True):
    """What one tick is about, before it is known how it stands with all of that."""

    stored: Object
    canary: Canary
    before: CanarySpec | None
    """The spec that a run goes by while the canary is edited into an invalid one."""
    needed: tuple[Ref, ...]
    used: tuple[Used, ...] | None

    @property
    def going_by(self) -> Canary:
        return replace(self.canary, spec=self.before) if self.before else self.canary


class Judged(Struct, frozen=True):
    """What is wrong with a canary, and the versions of all that was looked at to find it."""

    by: tuple[object, ...]
    wrong: tuple[Problem, ...]


class Gatherer:
    """Reads the world for the mind, and remembers per canary what only the past can tell: the last valid spec."""

    def __init__(self, client: Client, world: World, announcer: Announcer, settings: Settings, drift: Drift) -> None:
        self._client = client
        self._world = world
        self._settings = settings
        self._drift = drift
        self._tracking = Tracking(world, settings)
        self._refuser = Refuser(client, world, announcer)
        self._canaries: dict[Key, Canary] = {}
        self._claims: defaultdict[Ref, set[Key]] = defaultdict(set)
        self._last_valid: dict[Key, CanarySpec] = {}
        self._judged: dict[Key, Judged] = {}

    async def gather(self, key: Key, answers: Mapping[str, Answer]) -> Seen | None:
        """None if the canary is gone. Raises `NotYet`, `DecodeError`, and `KubeError` from asking what is served."""
        stored = self._world.find(ref_of(key))
        if stored is None:
            return None
        looked = self._look(key, stored)
        unserved = await self._served(looked.needed)
        if looked.used is None:
            self._world.contents.forget(key)
        else:
            await self._tracking.read(key, looked.going_by, looked.used)
        if self._world.find(ref_of(key)) is not stored:
            raise NotYet("it has changed while its configs were read", 0.0)
        return self._seen(key, looked, unserved, answers)

    def _look(self, key: Key, stored: Object) -> Looked:
        """Raises `DecodeError`. From now on a change of anything that the tick is about wakes the canary."""
        canary = codec.decode_canary(stored.raw)
        before = self._last_valid.get(key) if under_way(canary.status) else None
        going_by = replace(canary, spec=before) if before else canary
        self._claim(key, going_by)
        needed = self._needed(going_by)
        if going_by is not canary:
            needed = tuple(dict.fromkeys(needed + self._needed(canary)))
        used = self._tracking.used(going_by)
        self._world.depend(key, (*needed, *providers(going_by), *addresses(used or ())))
        return Looked(stored=stored, canary=canary, before=before, needed=needed, used=used)

    def _seen(self, key: Key, looked: Looked, unserved: tuple[Problem, ...], answers: Mapping[str, Answer]) -> Seen:
        """All as it stands at this one moment: nothing is waited for here. Raises `NotYet`."""
        canary, going_by = looked.canary, looked.going_by
        if any(self._world.behind(ref) for ref in (canary.ref, *looked.needed)):
            raise NotYet("the watch has not brought our last write yet", BEHIND_PAUSE)
        tracked, contents = self._tracking.known(going_by, looked.used)
        objects = {**self._objects(looked.needed), **contents}
        wrong = (
            *unserved,
            *self._wrong(key, looked, objects),
            *(changed(canary, looked.before, self._settings) if looked.before else ()),
        )
        if not any(problem.severity == "error" for problem in wrong):
            self._last_valid[key] = canary.spec
        return Seen(
            canary=canary,
            objects=objects,
            problems=wrong,
            last_valid=self._last_valid.get(key),
            answers=answers,
            configs=tracked,
            conflicts=self._drift.conflicts((*looked.needed, *contents)),
        )

    def _wrong(self, key: Key, looked: Looked, objects: Mapping[Ref, Manifest]) -> tuple[Problem, ...]:
        """Found anew only if a spec has changed: most ticks come of statuses and of time."""
        rivals = self._rivals(key, looked.going_by)
        by = (looked.stored.uid, looked.stored.generation, rivals, *map(version, objects.values()))
        known = self._judged.get(key)
        if known is None or known.by != by:
            known = self._judged[key] = Judged(by, problems(looked.canary, self._settings, objects, rivals))
        return known.wrong

    def claim_all(self) -> None:
        """Who wants which target must be known before anybody is worked on; else the first to be looked at has it."""
        for found in self._world.watch(CANARY).list():
            with suppress(codec.DecodeError):
                self._claim((found.namespace, found.name), codec.decode_canary(found.raw))

    async def refuse(self, key: Key, error: codec.DecodeError) -> None:
        """Tells the owner of a canary that cannot be decoded what is wrong with it."""
        found = self._world.find(ref_of(key))
        if found is not None:
            await self._refuser.refuse(found, error)

    def forget(self, key: Key) -> Canary | None:
        """The canary that is gone, if it was known. Those that wanted the same target are woken."""
        canary = self._canaries.pop(key, None)
        self._last_valid.pop(key, None)
        self._judged.pop(key, None)
        self._world.forget(key)
        if canary is not None:
            self._release(key, canary)
        return canary

    def canary(self, key: Key) -> Canary | None:
        """As it was last gathered."""
        return self._canaries.get(key)

    def known(self) -> Iterable[Canary]:
        return self._canaries.values()

    def _claim(self, key: Key, canary: Canary) -> None:
        before = self._canaries.get(key)
        if before is not None and before.target != canary.target:
            self._release(key, before)
        self._canaries[key] = canary
        claims = self._claims[canary.target]
        if key not in claims:
            for other in claims:
                self._world.wake(other)
            claims.add(key)

    def _release(self, key: Key, canary: Canary) -> None:
        claims = self._claims[canary.target]
        claims.discard(key)
        for other in claims:
            self._world.wake(other)
        if not claims:
            del self._claims[canary.target]

    def _rivals(self, key: Key, canary: Canary) -> tuple[str, ...]:
        """Canaries that come before this one: whose primary it is already, then the older, then the name."""
        primary = self._world.find(names.primary(canary))
        owners = primary.owners if primary else ()
        return tuple(
            other[1]
            for other in sorted(self._claims[canary.target])
            if other != key and seniority(self._canaries[other].metadata, owners) < seniority(canary.metadata, owners)
        )

    def _needed(self, canary: Canary) -> tuple[Ref, ...]:
        first = reads(canary, self._settings, {})
        return tuple(dict.fromkeys((*reads(canary, self._settings, self._objects(first)), *templates(canary))))

    def _objects(self, refs: Iterable[Ref]) -> dict[Ref, Manifest]:
        found = ((ref, self._world.get(ref)) for ref in refs)
        return {ref: manifest for ref, manifest in found if manifest is not None}

    async def _served(self, refs: Iterable[Ref]) -> tuple[Problem, ...]:
        """Raises `NotYet` while a kind is being listed; a kind that the cluster does not have is a problem."""
        gone = []
        for kind in self._world.unsynced(refs):
            if await self._client.serves(kind):  # all of them: a target that is not listed yet is not a missing one
                raise NotYet(f"{kind.kind} is being listed", LIST_PAUSE)
            gone.append(unserved(kind))
        return tuple(gone)


def version(manifest: Manifest) -> tuple[str, object]:
    """Of what is wished, as far as an object tells that from what is so: of the whole object where it does not."""
    metadata, spec = manifest["metadata"], manifest.get("spec")
    wished = hash(msgspec.json.encode(spec)) if spec else metadata["resourceVersion"]
    return metadata["uid"], metadata.get("generation") or wished


def unserved(kind: Kind) -> Problem:
    message = (
        f"needs the kind {kind.kind} of {kind.api_version}, which this cluster does not serve. "
        "Install its CustomResourceDefinitions, or choose another provider"
    )
    return Problem(path="spec.provider", reason="KindNotServed", message=message, severity="error")


def ref_of(key: Key) -> Ref:
    return Ref(CANARY.api_version, CANARY.kind, *key)


def templates(canary: Canary) -> tuple[Ref, ...]:
    """The MetricTemplates that the analysis refers to."""
    if canary.skips_analysis:
        return ()
    return tuple(template_ref(canary, metric) for metric in canary.analysis.metrics if metric.template_ref)


def providers(canary: Canary) -> tuple[Ref, ...]:
    """The AlertProviders that the analysis refers to. Nothing waits for them: who cannot be told is not told."""
    return tuple(provider_ref(canary, alert) for alert in canary.analysis.alerts)


def seniority(metadata: Metadata, owners: Collection[str]) -> tuple[bool, str, str]:
    """`owners`: uids of those to whom the primary belongs."""
    return metadata.uid not in owners, metadata.creation_timestamp or "", metadata.name
