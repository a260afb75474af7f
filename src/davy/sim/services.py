"""Core Services of the model: who answers behind one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from davy.api.ref import Ref
from davy.sim.tags import released

if TYPE_CHECKING:
    from davy.sim.world import World

USERS = 2
"""Pods of each version that a user keeps behind a Service that is a target: they are not Davy's to start."""


def tend(world: World, ref: Ref) -> None:
    """Nothing follows from a Service alone."""


def moments(world: World, ref: Ref) -> tuple[datetime, ...]:
    return ()


def ready(world: World, ref: Ref) -> int:
    """Of a Service that is a target, or the copy of one: the user's pods of the version that it selects."""
    return USERS if released(world.objects[ref]) else 0
