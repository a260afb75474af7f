"""The gatherer's twin in the model: what one decision may look at, from what the operator's caches hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from msgspec.structs import replace as changed_to

from davy.api.canary import Canary, CanarySpec
from davy.api.ref import Manifest, Ref
from davy.api.validate import Problem
from davy.core.snapshot import Answer
from davy.perceive import Seen, Tracked, kind_of, reads, under_way
from davy.settings import Settings
from davy.sim.view import decoded
from davy.targets import configs
from davy.validity import changed, problems

Held = Mapping[Ref, Manifest]


@dataclass
class Sight:
    """One operator's view of one canary; it remembers the last valid spec, and what it looked at."""

    settings: Settings
    last_valid: CanarySpec | None = None
    wanted: frozenset[Ref] = frozenset()
    """What the last decision looked at: a change of it wakes the canary."""
    _judged: tuple[object, CanarySpec | None, tuple[Problem, ...]] | None = None

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
        known = tracked(going_by, held, self.settings, unread)
        needed = self._needed(going_by, held)
        if before is not None and before != canary.spec:
            needed = (*needed, *self._needed(canary, held))
        copies = config_refs(canary, known or {})
        self.wanted = frozenset((canary.ref, *needed, *copies))
        wrong = self._problems(raw["spec"], canary, before)
        if not any(problem.severity == "error" for problem in wrong):
            self.last_valid = canary.spec
        objects = {ref: held[ref] for ref in (*needed, *copies) if ref in held}
        return Seen(
            canary=canary,
            objects=objects,
            problems=wrong,
            last_valid=self.last_valid,
            answers=dict(answers),
            configs=known,
        )

    def _needed(self, canary: Canary, held: Held) -> tuple[Ref, ...]:
        first = reads(canary, self.settings, {})
        return reads(canary, self.settings, {ref: held[ref] for ref in first if ref in held})

    def _problems(self, raw: object, canary: Canary, before: CanarySpec | None) -> tuple[Problem, ...]:
        """No scenario refers to a MetricTemplate, so only the spec matters, and what it was before."""
        if self._judged is None or self._judged[0] is not raw or self._judged[1] is not before:
            found = problems(canary, self.settings, {}, ())
            since = changed(canary, before, self.settings) if before is not None else ()
            self._judged = raw, before, (*found, *since)
        return self._judged[2]


def tracked(canary: Canary, held: Held, settings: Settings, unread: bool) -> dict[str, Tracked] | None:
    """What is known of each ConfigMap and Secret that the target's pods use."""
    kind = kind_of(canary)
    target = kind.target(canary, held) if kind else None
    if kind is None or target is None or not settings.enable_config_tracking or not kind.pod(target):
        return None
    try:
        named = configs.references(kind.pod(target))
    except NotImplementedError:
        return None
    return {name: known(name, canary, held, unread) for name in named}


def known(name: str, canary: Canary, held: Held, unread: bool) -> Tracked:
    source = held.get(configs.refs(canary.namespace, name)[0])
    if unread:
        return Tracked(None, unread=f"{name} cannot be read: HTTP 403")
    if source is None or not configs.tracked(source):
        return Tracked(None)
    return Tracked(configs.checksum(source))


def config_refs(canary: Canary, names: Mapping[str, Tracked]) -> tuple[Ref, ...]:
    return tuple(found(canary, names))


def found(canary: Canary, names: Mapping[str, Tracked]) -> Iterator[Ref]:
    for name in names:
        yield from configs.refs(canary.namespace, name)
