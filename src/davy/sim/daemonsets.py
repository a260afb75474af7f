"""The DaemonSet controller of the model: one pod on every node that the selector leaves, replaced one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from davy.api.ref import Manifest, Ref
from davy.sim.crews import NEVER, Crew, started

if TYPE_CHECKING:
    from davy.sim.world import World


def tend(world: World, ref: Ref) -> None:
    live = world.objects[ref]
    wanted = scheduled(world, live)
    world.crews[ref] = crew = advanced(ref, live["spec"]["template"], world.crews.get(ref), wanted, world.now)
    status = shown(live, crew, wanted, world.now)
    if status != live.get("status"):
        world.show(ref, {**live, "status": status})


def moments(world: World, ref: Ref) -> Iterator[datetime]:
    """When a pod becomes ready."""
    crew = world.crews.get(ref)
    yield from (pod.ready_at for pod in crew.pods if pod.ready_at < NEVER) if crew else ()


def ready(world: World, ref: Ref) -> int:
    crew = world.crews.get(ref)
    return crew.ready(world.now) if crew else 0


def scheduled(world: World, live: Manifest) -> int:
    """Nodes that take a pod of it: those of the model have no labels, so any selector leaves none."""
    return 0 if live["spec"]["template"]["spec"].get("nodeSelector") else world.nodes


def advanced(ref: Ref, template: Manifest, crew: Crew | None, wanted: int, now: datetime) -> Crew:
    """Nodes without a pod get one at once; old pods are replaced while no node is without a ready one."""
    pods = list(crew.pods)[:wanted] if crew else []
    pods += started(ref, template, wanted - len(pods), now)
    waits = sum(pod.ready_at > now for pod in pods if pod.template == template)
    for index, pod in enumerate(pods):
        if pod.template == template:
            continue
        if pod.ready_at > now or waits == 0:
            waits += 1
            (pods[index],) = started(ref, template, 1, now)
    return Crew(template, tuple(pods))


def shown(live: Manifest, crew: Crew, wanted: int, now: datetime) -> Manifest:
    """The status as the DaemonSet controller would write it."""
    available = crew.ready(now)
    fresh = sum(pod.template == crew.template for pod in crew.pods)
    return {
        "observedGeneration": live["metadata"]["generation"],
        "desiredNumberScheduled": wanted,
        "currentNumberScheduled": len(crew.pods),
        "updatedNumberScheduled": fresh,
        "numberReady": available,
        "numberAvailable": available,
        "numberUnavailable": wanted - available,
        "numberMisscheduled": 0,
    }
