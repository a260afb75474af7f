"""The two sides of a release in the model, whatever kind the target is of."""

from __future__ import annotations

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core import names
from davy.perceive import kind_of
from davy.sim.world import World


def target(world: World, canary: Canary) -> Manifest | None:
    """The target's side."""
    kind = kind_of(canary)
    return kind.target(canary, world.objects) if kind else None


def primary(world: World, canary: Canary) -> Manifest | None:
    """The primary's side."""
    kind = kind_of(canary)
    return kind.primary(canary, world.objects) if kind else None


def target_ref(world: World, canary: Canary) -> Ref:
    """The object whose pods are the target's."""
    return revision_of(canary, target(world, canary)) or canary.target


def primary_ref(world: World, canary: Canary) -> Ref:
    """The object whose pods are the primary's."""
    return revision_of(canary, primary(world, canary)) or names.primary(canary)


def revision_of(canary: Canary, side: Manifest | None) -> Ref | None:
    """Of a Knative Service, its Revision."""
    if not canary.spec.target_ref.knative:
        return None
    name = side["revision"]["metadata"]["name"] if side else ""
    return Ref(canary.target.api_version, "Revision", canary.namespace, name)
