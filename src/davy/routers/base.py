"""What every router is: pure functions from a routing to objects, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Flag, auto
from typing import Protocol

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
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

    @property
    def features(self) -> Feature: ...

    def reads(self, canary: Canary) -> Sequence[Ref]:
        """The objects that this router writes or derives its own from."""

    def route(self, canary: Canary, routing: Routing, existing: Existing) -> Sequence[Manifest]:
        """The objects as they should be, whole, for server-side apply; no trace of what was there before.

        Raises `Inexpressible`. An existing object that was not made for this Canary gets no owner reference.
        """

    def routing(self, canary: Canary, existing: Existing) -> Routing | None:
        """The split that the objects say; None if they are missing or say none that this router would write."""

    def confirmed(self, canary: Canary, routing: Routing, existing: Existing) -> Confirmation:
        """Whether the provider itself reports that `routing` is in force."""
