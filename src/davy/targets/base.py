"""What every kind of target is: a workload that can be judged, copied and scaled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core.snapshot import Readiness


class Selector(Struct, frozen=True):
    """The one label by which the target's pods are told from the primary's."""

    key: str
    value: str

    @property
    def primary(self) -> str:
        """The value that the primary's pods carry."""
        return f"{self.value}-primary"


class SelectorMissing(Exception):  # noqa: N818
    """The target's selector has none of the labels we look for; the text names them."""


class Target(Protocol):
    """One kind of workload. Pure: objects in, objects out."""

    def template(self, workload: Manifest) -> object:
        """The part whose change makes a new revision."""

    def selector(self, workload: Manifest, keys: Sequence[str]) -> Selector:
        """Raises `SelectorMissing`."""

    def replicas(self, workload: Manifest) -> int:
        """Pods wanted."""

    def serving(self, workload: Manifest) -> int:
        """Pods that can take a request now."""

    def readiness(self, workload: Manifest, threshold: int, deadline: timedelta, now: datetime) -> Readiness:
        """`threshold`: percent of the updated pods that must be available. Zero pods are never ready."""

    def primary(
        self, canary: Canary, target: Manifest, run: str, selector: Selector, prefixes: Sequence[str]
    ) -> Manifest:
        """The primary as it is created from the target. `run`: the revision that it notes as its own."""

    def carrying(
        self, canary: Canary, target: Manifest, primary: Manifest, run: str, selector: Selector, prefixes: Sequence[str]
    ) -> Manifest:
        """The existing primary with everything that a promotion replaces, replaced; equal to it if nothing changes."""

    def run(self, primary: Manifest) -> str:
        """The revision that the primary noted as its own; empty if it never did."""

    def alike(self, target: Manifest, primary: Manifest, selector: Selector) -> bool:
        """The primary's template is the target's, identity (label, names, flagger-id) apart."""
