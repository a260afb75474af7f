"""What every router is: pure functions from a routing to objects, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Flag, auto
from typing import Protocol

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core.edit import Edit
from davy.core.snapshot import Confirmation, Routing


class Feature(Flag):
    """What a provider can express. A canary that needs more is told so before its first tick."""

    NONE = 0
    WEIGHT = auto()
    MIRROR = auto()
    MATCH = auto()
    SESSION_AFFINITY = auto()


class Inexpressible(Exception):  # noqa: N818 - a state of the manifest, not a mistake in the program
    """The canary asks for something that the provider has no words for; the text names the field."""


Existing = Mapping[Ref, Manifest]
"""The objects of `reads()` that exist, as the API server serves them."""


class Router(Protocol):
    """One traffic provider. Pure: objects in, objects out; nothing is kept, nothing is called."""

    def features(self, canary: Canary) -> Feature:
        """What it can express for this canary (Istio's TCP routes can do less than its HTTP routes)."""

    def reads(self, canary: Canary) -> Sequence[Ref]:
        """The objects that this router writes or derives its own from."""

    def route(self, canary: Canary, routing: Routing, existing: Existing) -> Sequence[Manifest | Edit]:
        """The objects as they should be: a manifest, whole, for server-side apply, with no trace of what was there
        before; or, for an object that was not made for this Canary, an edit of the parts that are ours.

        With A/B testing (`canary.strategy()`), the split is that of the requests that match. Session cookies stand in
        `canary.status`. Raises `Inexpressible`.
        """

    def routing(self, canary: Canary, existing: Existing) -> Routing | None:
        """The split that the objects say; None if they are missing or say none that this router would write."""

    def confirmed(self, canary: Canary, routing: Routing, existing: Existing) -> Confirmation:
        """Whether the provider itself reports that `routing` is in force."""

    def restored(self, canary: Canary, existing: Existing) -> Sequence[Edit]:
        """What is put back when the Canary goes, on objects that outlive it; nothing for those that it owns."""
