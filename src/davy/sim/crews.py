"""Pods of the model: of which template they are, when they serve, and how they die."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from davy.api.ref import Manifest, Ref
from davy.sim.tags import tag_of

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
    """What is true of one workload."""

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
    tag = tag_of(template)  # or a Knative Revision, which has its pod spec in the same place
    if tag.startswith(BAD) or (tag.startswith(PRIMARY_BAD) and ref.name.endswith("-primary")):
        return None
    return float(tag[4:].partition("-")[0]) if tag.startswith("slow") else START


def started(ref: Ref, template: Manifest, count: int, now: datetime) -> list[Pod]:
    seconds = start_seconds(ref, template)
    if seconds is None:
        return [Pod(template, NEVER)] * count
    return [Pod(template, now + timedelta(seconds=seconds + APART * index)) for index in range(count)]


def killed(crew: Crew, now: datetime, seconds: float) -> Crew:
    """All pods die; those that replace them serve after a while."""
    back = [now + timedelta(seconds=seconds + APART * index) for index in range(len(crew.pods))]
    pods = (pod._replace(ready_at=max(moment, pod.ready_at)) for pod, moment in zip(crew.pods, back, strict=True))
    return crew._replace(pods=tuple(pods))
