"""The one safe order of the writes of a tick: capacity up, objects, traffic, capacity down, memory."""

from __future__ import annotations

from collections.abc import Sequence

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core import names
from davy.render import Apply, Create, Finalizer, Replace, Scale, Status, Write
from davy.routers.base import Existing
from davy.sim import routes
from davy.sim.broken import Disordered
from davy.sim.hands import Misfit, replaced, written
from davy.sim.scaling import paused

UP, OBJECTS, TRAFFIC, DOWN, MEMORY = range(1, 6)


def ordered(writes: Sequence[Write], canary: Canary, objects: Existing) -> None:
    """Capacity before traffic, traffic before removing capacity, memory last and once. Raises `Disordered`.

    The primary, and the Services that carry no traffic by themselves, have no place of their own in it.
    """
    named = [(written(write), write) for write in writes]
    free = {names.primary(canary), names.canary_service(canary), names.primary_service(canary)}
    free.add(canary.target._replace(name=f"{canary.target.name}-canary"))
    ranks = [rank(write, objects.get(ref)) for ref, write in named if ref not in free]
    if ranks != sorted(ranks):
        raise Disordered(f"ranks {ranks}: {[type(write).__name__ for write in writes]}")
    if sum(isinstance(write, Status | Finalizer) for write in writes) > 1:
        raise Disordered("more than one write to the canary in one tick: the second would be refused")


def rank(write: Write, before: Manifest | None) -> int:
    """Place of a write in the order."""
    ref = written(write)
    match write:
        case Status() | Finalizer():
            return MEMORY
        case Create():
            return OBJECTS
        case Apply():
            return OBJECTS if ref.kind in ("HorizontalPodAutoscaler", "ScaledObject") else TRAFFIC
        case Scale() | Replace() if before is not None and (change := capacity(write, before)):
            return UP if change > 0 else DOWN
        case _:
            return TRAFFIC if (ref.group, ref.kind) in routes.KINDS else OBJECTS


def capacity(write: Write, before: Manifest) -> int:
    """Whether the write asks for more pods (1), for fewer (-1), or for as many as before (0)."""
    match write:
        case Scale(_, replicas):
            was = int(before["spec"].get("replicas", 1))
            return (replicas > was) - (replicas < was)
        case Replace(ref, _, parts) if ref.kind in ("DaemonSet", "ScaledObject"):
            try:
                after = replaced(before, parts)
            except Misfit:
                return 0
            return wanted(after) - wanted(before)
        case _:
            return 0


def wanted(manifest: Manifest) -> int:
    """1 if the object is for pods, 0 if it keeps them away."""
    if manifest["kind"] == "ScaledObject":
        return 0 if paused(manifest) else 1
    if manifest["kind"] == "DaemonSet":
        return 0 if manifest["spec"]["template"]["spec"].get("nodeSelector") else 1
    return 1
