"""The pods of one workload: which there are, of which template, and whether they serve. The image's tag is their fate.

1.2        serves after START seconds
slow180-x  serves after 180 seconds
bad-x      never serves
pbad-x     never serves in the primary, as any other elsewhere
flap7-x    serves for 7 seconds, does not for 7 seconds, and so on
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]

START = 2.0
"""Seconds until a pod serves whose tag says nothing else."""
APART = 0.5
"""Seconds between two pods that are started together."""
NEVER = math.inf
FATES = re.compile(r"(?P<word>slow|bad|pbad|flap)(?P<seconds>\d*)-")
PLAIN = 600
"""Kubernetes' progressDeadlineSeconds."""


@dataclass(slots=True)
class Pod:
    """`ready_at`, and in turns of `flaps` seconds from then on if that is not 0."""

    template: Manifest
    ready_at: float
    flaps: float = 0.0

    def serves(self, now: float) -> bool:
        return now >= self.ready_at and not (self.flaps and (now - self.ready_at) // self.flaps % 2)

    def next_turn(self, now: float) -> float:
        """When it will next begin or cease to serve."""
        if now < self.ready_at:
            return self.ready_at
        return self.ready_at + ((now - self.ready_at) // self.flaps + 1) * self.flaps if self.flaps else NEVER


def tag_of(template: Manifest) -> str:
    return str(template["spec"]["containers"][0]["image"]).rpartition(":")[2]


def born(template: Manifest, now: float, *, primary: bool) -> Pod:
    found = FATES.match(tag_of(template))
    word, seconds = (found["word"], float(found["seconds"] or 0)) if found else ("", 0.0)
    if word == "bad" or (word == "pbad" and primary):
        return Pod(template, NEVER)
    return Pod(template, now + (seconds if word == "slow" else START), seconds if word == "flap" else 0.0)


@dataclass(slots=True)
class Crew:
    """All pods of one workload, and how its rollout goes."""

    primary: bool = False
    held: bool = False
    """No node takes its new pods."""
    pods: list[Pod] = field(default_factory=list)
    template: Manifest = field(default_factory=dict)
    started: int = 0
    """Pods that were ever started."""
    complete: bool = False
    """The rollout of the template has been complete once: then its deadline is silent, as in Kubernetes."""
    progress_at: float = 0.0
    best: tuple[int, int] = (-1, 0)
    short_since: float | None = None

    def serving(self, now: float) -> list[Pod]:
        return [pod for pod in self.pods if pod.serves(now)]

    def fresh(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.template == self.template]

    def ordered(self, template: Manifest, wanted: int, now: float, *, recreate: bool = False) -> None:
        """The workload is to have so many pods of that template: new ones first, old ones go as the new ones serve."""
        if template != self.template:
            self.template, self.complete, self.progress_at, self.best = template, False, now, (-1, 0)
        if recreate:
            self.pods = self.fresh()
        new = sorted(self.fresh(), key=lambda pod: not pod.serves(now))[:wanted]
        for index in range(wanted - len(new)):
            new.append(self._one(now, index))
        ready = sum(pod.serves(now) for pod in new)
        old = [pod for pod in self.pods if pod.template != template and pod.serves(now)][: max(wanted - ready, 0)]
        self.pods = [*new, *old]
        self._judge(wanted, ready, len(old), now)

    def _one(self, now: float, index: int) -> Pod:
        self.started += 1
        pod = born(self.template, now, primary=self.primary)
        pod.ready_at = NEVER if self.held else pod.ready_at + APART * index
        return pod

    def _judge(self, wanted: int, ready: int, old: int, now: float) -> None:
        made = (ready, -old)
        if made > self.best:
            self.best, self.progress_at = made, now
        self.complete = self.complete or (ready == wanted and not old)
        short = ready + old < wanted - wanted // 4
        self.short_since = (self.short_since if self.short_since is not None else now) if short else None

    def lose(self, count: int, now: float, seconds: float) -> None:
        """So many pods die, those that serve first; others in their place serve after a while."""
        for pod in sorted(self.pods, key=lambda pod: not pod.serves(now))[:count]:
            self.started += 1
            pod.ready_at = now + seconds

    def overdue_at(self, live: Manifest) -> float:
        """When the rollout's deadline passes."""
        limit = live["spec"].get("progressDeadlineSeconds", PLAIN)
        return NEVER if self.complete else self.progress_at + float(limit)

    def next_change(self, live: Manifest, now: float) -> float:
        """When something will be otherwise though nobody does anything."""
        moments = [*(pod.next_turn(now) for pod in self.pods), self.overdue_at(live)]
        return min((moment for moment in moments if moment > now), default=NEVER)
