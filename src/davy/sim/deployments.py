"""The Deployment controller of the model: which pods there are, when they serve, and what the status says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from davy.api.ref import Manifest, Ref

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
START = 2.0
"""Seconds that a pod needs before it serves, unless its image tag says otherwise."""
APART = 0.5
"""Seconds between two pods that are started together: workloads become ready bit by bit."""
BAD = "bad"
"""A template whose image tag begins so never becomes ready."""
PRIMARY_BAD = "pbad"
"""The same, but only in the primary."""


class Pod(NamedTuple):
    """One pod: of which template, and when it is ready."""

    template: Manifest
    ready_at: datetime


class Crew(NamedTuple):
    """What is true of one Deployment."""

    template: Manifest
    pods: tuple[Pod, ...] = ()
    complete: bool = False
    """The rollout of the template has been complete once: from then on its deadline is silent, as in Kubernetes."""
    progress_at: datetime = NEVER
    made: tuple[int, int] = (0, 0)
    """New pods that serve, and old pods that went: when this grows the rollout makes progress."""
    short_since: datetime | None = None
    """Since when fewer pods serve than are wanted."""

    def ready(self, now: datetime) -> int:
        return sum(pod.ready_at <= now for pod in self.pods)


def start_seconds(ref: Ref, template: Manifest) -> float | None:
    """How long a pod of this template needs; None: it never serves."""
    tag = str(template["spec"]["containers"][0]["image"]).rpartition(":")[2]
    if tag.startswith(BAD) or (tag.startswith(PRIMARY_BAD) and ref.name.endswith("-primary")):
        return None
    return float(tag[4:].partition("-")[0]) if tag.startswith("slow") else START


def advanced(ref: Ref, live: Manifest, crew: Crew | None, now: datetime) -> Crew:
    """New pods first; old ones go one by one as the new become ready."""
    spec = live["spec"]
    wanted, template = int(spec.get("replicas", 1)), spec["template"]
    if crew is None or crew.template != template:
        pods, short = (crew.pods, crew.short_since) if crew else ((), None)
        crew = Crew(template, pods, progress_at=now, short_since=short)
    new = [pod for pod in crew.pods if pod.template == template][:wanted]
    new += started(ref, template, wanted - len(new), now)
    ready = sum(pod.ready_at <= now for pod in new)
    old = [pod for pod in crew.pods if pod.template != template and pod.ready_at <= now][: max(wanted - ready, 0)]
    return judged(crew._replace(pods=(*new, *old)), wanted, (ready, -len(old)), now)


def started(ref: Ref, template: Manifest, count: int, now: datetime) -> list[Pod]:
    seconds = start_seconds(ref, template)
    if seconds is None:
        return [Pod(template, NEVER)] * count
    return [Pod(template, now + timedelta(seconds=seconds + APART * index)) for index in range(count)]


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


def killed(crew: Crew, now: datetime, seconds: float) -> Crew:
    """All pods die; those that replace them serve after a while."""
    back = [now + timedelta(seconds=seconds + APART * index) for index in range(len(crew.pods))]
    pods = (pod._replace(ready_at=max(moment, pod.ready_at)) for pod, moment in zip(crew.pods, back, strict=True))
    return crew._replace(pods=tuple(pods))


def next_change(live: Manifest, crew: Crew, now: datetime) -> list[datetime]:
    """Moments at which something will be true that is not yet shown."""
    moments = [pod.ready_at for pod in crew.pods] + [deadline(live, crew)]
    return [moment for moment in moments if now < moment < NEVER]
