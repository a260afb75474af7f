"""What every autoscaler of a target is: a source of which the primary gets a copy, and which can be held still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core.edit import Edit


class Scaler(Protocol):
    """One kind of autoscaler. Pure: objects in, objects out."""

    def primary(self, canary: Canary, source: Manifest, prefixes: Sequence[str]) -> Manifest:
        """The primary's copy, whole, for server-side apply. What pauses the source is never in it."""

    def floor(self, source: Manifest) -> int:
        """Pods that a workload under it begins with, at least 1."""

    def ceiling(self, source: Manifest) -> int:
        """Pods that it allows at most; 0: it does not say."""

    def paused(self, source: Manifest) -> bool | None:
        """Whether the source is held at zero; None: this kind lets a workload at zero alone by itself."""

    def pause(self, source: Manifest, paused: bool) -> Edit | None:
        """How the source is held at zero, or let go; None: nothing is to be done."""
