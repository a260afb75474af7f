"""What every kind of target is: something that can be judged, copied and scaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core.edit import Edit
from davy.core.snapshot import Readiness

Objects = Mapping[Ref, Manifest]
"""The objects around a canary that exist, as the API server serves them."""


class Selector(Struct, frozen=True):
    """The one label by which the target's pods are told from the primary's."""

    key: str
    value: str

    @property
    def primary(self) -> str:
        """The value that the primary's pods carry."""
        return f"{self.value}-primary"


NO_SELECTOR = Selector("", "")
"""Of kinds whose pods are not Davy's to tell apart."""


class SelectorMissing(Exception):  # noqa: N818
    """The target's selector has none of the labels we look for; the text names them."""


class NotReplaced(SelectorMissing):
    """The workload never replaces its pods by itself, so that no release of it ever ends; the text says how to."""


class Making(Struct, frozen=True, kw_only=True):
    """What a primary is made with, beside its target."""

    canary: Canary
    run: str
    """Revision that it notes as its own."""
    selector: Selector
    prefixes: Sequence[str] = ()
    """Prefixes of the labels and annotations that it gets from the target; `*`: all."""
    tracked: frozenset[str] = frozenset()
    """`configmap/name` and `secret/name` that it has copies of."""


class Spell(Struct, frozen=True):
    """How long a side has been waited for, for kinds that keep no deadline of their own."""

    since: datetime | None
    """When the wait began; None: it has not."""
    limit: timedelta
    """spec.progressDeadlineSeconds."""
    now: datetime

    @property
    def over(self) -> bool:
        """The limit has passed."""
        return self.since is not None and self.now > self.since + self.limit


class Target(Protocol):
    """One kind of workload. Pure: objects in, objects out.

    A *side* is the target or the primary as `target` and `primary` give them: mostly the object itself.
    """

    @property
    def scalable(self) -> bool:
        """It has pods that Davy gives it and takes away."""

    def reads(self, canary: Canary, objects: Objects) -> Sequence[Ref]:
        """Further objects that the sides are judged by, beside those named like the target and the primary."""

    def target(self, canary: Canary, objects: Objects) -> Manifest | None:
        """The target's side; None: it does not exist."""

    def primary(self, canary: Canary, objects: Objects) -> Manifest | None:
        """The primary's side; None: it does not exist."""

    def template(self, side: Manifest) -> object:
        """The part whose change makes a new revision."""

    def pod(self, side: Manifest) -> Manifest:
        """The pod spec, in which ConfigMaps and Secrets are named; empty for a kind that has none."""

    def selector(self, target: Manifest, keys: Sequence[str]) -> Selector:
        """Raises `SelectorMissing`; `NO_SELECTOR` for a kind that needs none."""

    def replicas(self, side: Manifest) -> int:
        """Pods wanted."""

    def serving(self, side: Manifest) -> int:
        """Pods that can take a request now."""

    def lingering(self, side: Manifest) -> int:
        """Pods that are still there, or may be, though none are wanted."""

    def readiness(self, side: Manifest, threshold: int, spell: Spell) -> Readiness:
        """`threshold`: percent of the updated pods that must be available. Zero pods are never ready."""

    def created(self, target: Manifest, making: Making) -> Manifest | Edit:
        """The primary as it is created from the target."""

    def carrying(self, target: Manifest, primary: Manifest, making: Making) -> Edit:
        """Everything of the existing primary that a promotion replaces, as it should be."""

    def carried_replicas(self, canary: Canary, target: Manifest) -> int | None:
        """Pods that the primary takes over from the target at a promotion; None: it keeps its own."""

    def sized(self, side: Manifest, replicas: int) -> Edit | None:
        """How it is given that many pods; None: through its scale subresource."""

    def empties(self, target: Manifest, primary: Manifest) -> bool:
        """Carrying the target's template takes all pods of the primary away before new ones serve."""

    def run(self, primary: Manifest) -> str:
        """The revision that the primary noted as its own; empty if it never did."""

    def alike(self, target: Manifest, primary: Manifest, selector: Selector) -> bool:
        """The primary's template is the target's, identity (label, names, flagger-id) apart."""

    def services(self, target: Manifest, making: Making, existing: Objects) -> Sequence[Manifest]:
        """The Services in front of the target and of the primary, in this order, for server-side apply."""

    def apex(self, side: str, target: Manifest, making: Making, existing: Objects) -> Manifest | None:
        """The apex Service with its selector at that side, `primary` or `target`; None: there is none of ours."""

    def apex_selects(self, canary: Canary, selector: Selector, existing: Objects) -> str:
        """See `Snapshot.apex_selects`."""
