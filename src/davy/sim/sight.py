"""The gatherer's twin in the model: what one decision may look at, from what the operator's caches hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msgspec.structs import replace as changed_to

from davy.api.canary import Canary, CanarySpec
from davy.api.ref import Manifest, Ref
from davy.api.status import Phase
from davy.api.validate import Problem
from davy.core import names
from davy.core.snapshot import Answer
from davy.perceive import Seen, Tracked, checksums, kind_of, reads, under_way
from davy.settings import Settings
from davy.sim.view import decoded
from davy.targets import configs
from davy.validity import changed, problems

Held = Mapping[Ref, Manifest]

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
"""Phases in which the operator holds the contents of configs, for copies may be written."""

JUDGED = frozenset({"HorizontalPodAutoscaler", "ScaledObject", "ConfigMap", "Secret"})
"""Kinds of objects that a spec may be wrong about."""


@dataclass
class Sight:
    """One operator's view of one canary; it remembers the last valid spec, and what it looked at."""

    settings: Settings
    last_valid: CanarySpec | None = None
    wanted: frozenset[Ref] = frozenset()
    """What the last decision looked at: a change of it wakes the canary."""
    _judged: tuple[list[object], tuple[Problem, ...]] = field(default=([], ()))

    def fork(self) -> Sight:
        return replace(self)

    def forget(self) -> None:
        """The operator dies."""
        self.last_valid = None

    def gather(self, raw: Manifest, held: Held, answers: Mapping[str, Answer], unread: bool) -> Seen:
        """`unread`: ConfigMaps and Secrets cannot be read now."""
        canary = decoded(raw)
        before = self.last_valid if under_way(canary.status) else None
        going_by = changed_to(canary, spec=before) if before else canary
        needed = self._needed(going_by, held)
        if before is not None and before != canary.spec:
            needed = tuple(dict.fromkeys((*needed, *self._needed(canary, held))))
        objects = {ref: held[ref] for ref in needed if ref in held}
        known = tracked(going_by, held, self.settings, unread)
        copies = [ref for name in known or () for ref in configs.refs(canary.namespace, name)]
        self.wanted = frozenset((canary.ref, *needed, *copies))
        wrong = self._problems(raw["spec"], canary, before, objects)
        if not any(problem.severity == "error" for problem in wrong):
            self.last_valid = canary.spec
        return Seen(
            canary=canary,
            objects={**objects, **contents(going_by, known or {}, held)},
            problems=wrong,
            last_valid=self.last_valid,
            answers=dict(answers),
            configs=known,
        )

    def _needed(self, canary: Canary, held: Held) -> tuple[Ref, ...]:
        first = reads(canary, self.settings, {})
        return reads(canary, self.settings, {ref: held[ref] for ref in first if ref in held})

    def _problems(self, raw: object, canary: Canary, before: CanarySpec | None, objects: Held) -> tuple[Problem, ...]:
        """Judged anew only when something that matters is another object than before; no metric has a template."""
        about = [raw, before, *(manifest for ref, manifest in objects.items() if ref.kind in JUDGED)]
        known, found = self._judged
        if len(known) != len(about) or any(one is not other for one, other in zip(known, about, strict=True)):
            since = changed(canary, before, self.settings) if before is not None else ()
            found = (*problems(canary, self.settings, objects, ()), *since)
            self._judged = about, found
        return found


def tracked(canary: Canary, held: Held, settings: Settings, unread: bool) -> dict[str, Tracked] | None:
    """What is known of each ConfigMap and Secret that the target's pods use; None if they are not tracked."""
    kind = kind_of(canary)
    target = kind.target(canary, held) if kind else None
    if kind is None or target is None or not settings.enable_config_tracking or not kind.pod(target):
        return None
    found = configs.references(kind.pod(target)).items()
    return {name: known(configs.refs(canary.namespace, name)[0], optional, held, unread) for name, optional in found}


def known(ref: Ref, optional: bool, held: Held, unread: bool) -> Tracked:
    source = held.get(ref)
    if source is None:
        return Tracked(None) if optional else Tracked(None, f"{ref} does not exist", missing=True)
    if unread:
        return Tracked(None, f"{ref} cannot be read: HTTP 403")
    return Tracked(configs.checksum(source) if configs.tracked(source) else None)


def contents(canary: Canary, found: Mapping[str, Tracked], held: Held) -> dict[Ref, Manifest]:
    """Tracked configs and their copies, while copies may be written, or it is to be said which keys differ."""
    pairs = [configs.refs(canary.namespace, name) for name, each in found.items() if each.checksum]
    differ = checksums(found) != (canary.status.tracked_configs or {})
    missing = any(ref not in held for ref in (names.primary(canary), *(copy for _, copy in pairs)))
    if canary.status.phase not in COPYING and not differ and not missing:
        return {}
    return {ref: held[ref] for pair in pairs for ref in pair if ref in held}
