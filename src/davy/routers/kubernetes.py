"""Kubernetes: no mesh, no routing objects; all clients come through the apex Service and reach the primary."""

from collections.abc import Sequence
from dataclasses import dataclass

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core.edit import Edit
from davy.core.snapshot import TO_PRIMARY, Confirmation, Routing, Unknown
from davy.routers.base import Existing, Feature


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """The provider `kubernetes`: blue/green releases, watched and then promoted, without a share of the traffic."""

    def features(self, canary: Canary) -> Feature:
        """It can express nothing."""
        return Feature.NONE

    def reads(self, canary: Canary) -> Sequence[Ref]:
        """Nothing."""
        return ()

    def route(self, canary: Canary, routing: Routing, existing: Existing) -> Sequence[Manifest | Edit]:
        """Nothing, whatever is asked."""
        return ()

    def routing(self, canary: Canary, existing: Existing) -> Routing | None:
        """Always all to the primary."""
        return TO_PRIMARY

    def confirmed(self, canary: Canary, routing: Routing, existing: Existing) -> Confirmation:
        """Nobody reports when the nodes have followed an apex Service."""
        return Unknown()

    def restored(self, canary: Canary, existing: Existing) -> Sequence[Edit]:
        """Nothing."""
        return ()
