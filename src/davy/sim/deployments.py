"""The Deployment controller of the model: which pods there are, when they serve, and what the status says of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from davy.api.ref import Manifest, Ref
from davy.sim.crews import NEVER, Crew, Pod, started

if TYPE_CHECKING:
    from davy.sim.world import World


def tend(world: World, ref: Ref) -> None:
    live = world.objects[ref]
    world.crews[ref] = crew = advanced(ref, live, world.crews.get(ref), world.now)
    status = shown(live, crew, world.now)
    if status != live.get("status"):
        world.show(ref, {**live, "status": status})


def moments(world: World, ref: Ref) -> Iterator[datetime]:
    """When something will be true that is not yet shown."""
    crew = world.crews.get(ref)
    if crew is not None:
        yield from (pod.ready_at for pod in crew.pods if pod.ready_at < NEVER)
        if (end := deadline(world.objects[ref], crew)) < NEVER:
            yield end


def ready(world: World, ref: Ref) -> int:
    crew = world.crews.get(ref)
    return crew.ready(world.now) if crew else 0


def advanced(ref: Ref, live: Manifest, crew: Crew | None, now: datetime) -> Crew:
    """New pods first; old ones go one by one as the new become ready."""
    spec = live["spec"]
    wanted, template = int(spec.get("replicas", 1)), spec["template"]
    if crew is None or crew.template != template:
        pods, short = (crew.pods, crew.short_since) if crew else ((), None)
        crew = Crew(template, pods, progress_at=now, short_since=short)
    new = fittest([pod for pod in crew.pods if pod.template == template], wanted, now)
    new += started(ref, template, wanted - len(new), now)
    ready = sum(pod.ready_at <= now for pod in new)
    old = [pod for pod in crew.pods if pod.template != template and pod.ready_at <= now][: max(wanted - ready, 0)]
    return judged(crew._replace(pods=(*new, *old)), wanted, (ready, -len(old)), now)


def fittest(pods: list[Pod], wanted: int, now: datetime) -> list[Pod]:
    """Those that stay: pods that serve before pods that do not."""
    if len(pods) <= wanted:
        return pods
    return sorted(pods, key=lambda pod: pod.ready_at > now)[:wanted]


def judged(crew: Crew, wanted: int, made: tuple[int, int], now: datetime) -> Crew:
    ready, left = made
    short = ready - left < wanted - wanted // 4
    return crew._replace(
        complete=crew.complete or (ready == wanted and left == 0),
        progress_at=now if made > crew.made else crew.progress_at,
        made=made,
        short_since=(crew.short_since or now) if short else None,
    )


def deadline(live: Manifest, crew: Crew) -> datetime:
    """When the rollout counts as failed."""
    if crew.complete:
        return NEVER
    return crew.progress_at + timedelta(seconds=live["spec"].get("progressDeadlineSeconds", 600))


def shown(live: Manifest, crew: Crew, now: datetime) -> Manifest:
    """The status as the Deployment controller would write it."""
    available = crew.ready(now)
    return {
        "observedGeneration": live["metadata"]["generation"],
        "replicas": len(crew.pods),
        "updatedReplicas": sum(pod.template == crew.template for pod in crew.pods),
        "readyReplicas": available,
        "availableReplicas": available,
        "conditions": [available_condition(crew), progressing(live, crew, now)],
    }


def available_condition(crew: Crew) -> dict[str, Any]:
    if crew.short_since is None:
        return {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}
    since = crew.short_since.isoformat()
    return {
        "type": "Available",
        "status": "False",
        "reason": "MinimumReplicasUnavailable",
        "lastUpdateTime": since,
    }


def progressing(live: Manifest, crew: Crew, now: datetime) -> dict[str, Any]:
    if crew.complete:
        return {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    if now >= deadline(live, crew):
        return {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    return {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
