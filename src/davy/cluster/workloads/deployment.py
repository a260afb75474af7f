"""Deployments: keep one ReplicaSet per revision, and roll from one to the next within the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from davy.cluster.workloads import revisions, rollout, rollout_status
from davy.cluster.workloads.caches import Caches, key_of
from davy.cluster.workloads.events import Tell
from davy.cluster.workloads.kinds import DEPLOYMENT, POD, REPLICA_SET
from davy.cluster.workloads.objects import (
    Manifest,
    annotations_of,
    changed,
    condition,
    controller,
    controller_uid,
    count,
    created,
    is_ended,
    is_leaving,
    name,
    owned_by,
    owners,
    uid,
)
from davy.cluster.workloads.queue import Queue, work
from davy.cluster.workloads.rollout import Limits, Scales, Side
from davy.cluster.workloads.selectors import Claim, claim
from davy.cluster.workloads.writes import Create, Hand, Write, merge, remove
from davy.kube.objects import Object

WORKERS = 2


@dataclass(frozen=True)
class Rollout:
    """A Deployment with its ReplicaSets, and how many pods each of them (by uid) still has."""

    deployment: Manifest
    sets: tuple[Manifest, ...]
    pods: Mapping[str, int]
    now: datetime

    @cached_property
    def limits(self) -> Limits:
        return rollout.limits(self.deployment["spec"])

    @cached_property
    def new(self) -> Manifest | None:
        return revisions.newest(self.deployment, self.sets)

    @cached_property
    def olds(self) -> tuple[Manifest, ...]:
        return tuple(sorted((each for each in self.sets if each is not self.new), key=created))

    @property
    def is_rolling(self) -> bool:
        strategy = self.deployment["spec"].get("strategy") or {}
        return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")

    def side(self, each: Manifest) -> Side:
        most = annotations_of(each).get(revisions.MOST, "")
        return Side(
            name(each),
            each["spec"].get("replicas", 0),
            count(each, "availableReplicas"),
            self.pods.get(uid(each), 0),
            int(most) if most.isdigit() else 0,
        )


def claims(found: Claim, deployment: Manifest) -> Iterator[Write]:
    """Take orphans in, let strangers go."""
    for each in found.adopt:
        yield merge(each, {"metadata": {"uid": uid(each), "ownerReferences": [*owners(each), owned_by(deployment)]}})
    for each in found.release:
        kept = [owner for owner in owners(each) if owner["uid"] != uid(deployment)]
        yield merge(each, {"metadata": {"uid": uid(each), "ownerReferences": kept or None}})


def desired(seen: Rollout) -> tuple[Write, ...]:
    """The next writes for a Deployment; none if all is as it should be."""
    if is_leaving(seen.deployment):
        return tuple(_status(seen))
    if seen.deployment["spec"].get("paused") or _is_resized(seen):
        steps = _scale(
            seen, rollout.resized(_new_side(seen), _old_sides(seen), seen.limits, is_rolling=seen.is_rolling)
        )
        return (*steps, *_status(seen))
    if seen.new is None:
        return (*_first(seen), *_status(seen))
    return (*_numbered(seen, seen.new), *_scale(seen, _step(seen)), *_status(seen), *_forgotten(seen))


def _new_side(seen: Rollout) -> Side | None:
    return seen.side(seen.new) if seen.new else None


def _old_sides(seen: Rollout) -> list[Side]:
    return [seen.side(old) for old in seen.olds]


def _is_resized(seen: Rollout) -> bool:
    """Was `replicas` changed since the ReplicaSets that have pods were scaled?"""
    wanted = str(seen.limits.want)
    marks = [annotations_of(each).get(revisions.DESIRED) for each in seen.sets if each["spec"].get("replicas")]
    return any(mark is not None and mark != wanted for mark in marks)


def _step(seen: Rollout) -> Scales:
    new = _new_side(seen) or Side("", 0)
    step = rollout.rolling if seen.is_rolling else rollout.recreate
    return step(new, _old_sides(seen), seen.limits)


def _first(seen: Rollout) -> Iterator[Write]:
    """The ReplicaSet of a new revision, with as many replicas as there may be at once."""
    replicas = _step(seen).get("", 0)
    number = revisions.next_revision(None, seen.olds)
    manifest = revisions.replicaset(seen.deployment, replicas, number, seen.limits.most)
    yield Create(manifest)
    if replicas:
        yield _scaled(seen.deployment, name(manifest), 0, replicas)
    if not seen.is_rolling:
        yield from _scale(seen, {key: n for key, n in _step(seen).items() if key})


def _scale(seen: Rollout, scales: Scales) -> Iterator[Write]:
    marks = {revisions.DESIRED: str(seen.limits.want), revisions.MOST: str(seen.limits.most)}
    for each in seen.sets:
        before = each["spec"].get("replicas", 0)
        after = scales.get(name(each), before)
        missing = changed({key: annotations_of(each).get(key) for key in marks}, marks) if after else {}
        if after == before and not missing:
            continue
        body: Manifest = {"metadata": {"annotations": missing}} if missing else {}
        yield merge(each, body | ({"spec": {"replicas": after}} if after != before else {}))
        if after != before:
            yield _scaled(seen.deployment, name(each), before, after)


def _scaled(deployment: Manifest, replicaset: str, before: int, after: int) -> Tell:
    way = "up" if after > before else "down"
    return Tell(deployment, "ScalingReplicaSet", f"Scaled {way} replica set {replicaset} from {before} to {after}")


def _numbered(seen: Rollout, new: Manifest) -> Iterator[Write]:
    """The running revision bears the highest number, and the Deployment says which that is."""
    number = str(revisions.next_revision(new, seen.olds))
    marks = {**revisions.copied_annotations(seen.deployment), revisions.REVISION: number}
    if missing := {key: value for key, value in marks.items() if annotations_of(new).get(key) != value}:
        yield merge(new, {"metadata": {"annotations": missing}})
    ready = seen.deployment["spec"].get("minReadySeconds", 0)
    if new["spec"].get("minReadySeconds", 0) != ready:
        yield merge(new, {"spec": {"minReadySeconds": ready}})
    if annotations_of(seen.deployment).get(revisions.REVISION) != number:
        yield merge(seen.deployment, {"metadata": {"annotations": {revisions.REVISION: number}}})


def _status(seen: Rollout) -> Iterator[Write]:
    status = rollout_status.status(seen.deployment, seen.new, seen.olds, seen.limits, seen.now)
    if changes := changed(seen.deployment.get("status") or {}, status):
        yield merge(seen.deployment, {"status": changes}, "status")


def _forgotten(seen: Rollout) -> Iterator[Write]:
    for old in revisions.outdated(seen.olds, seen.deployment["spec"].get("revisionHistoryLimit", 10)):
        yield remove(old, "Background")


class Deployments:
    """The controller: what changed → which Deployment → its next writes."""

    def __init__(self, caches: Caches, hand: Hand, now: Callable[[], datetime]) -> None:
        self._caches, self._hand, self._now = caches, hand, now
        self._queue: Queue[tuple[str, str]] = Queue()
        caches.subscribe(DEPLOYMENT, lambda changed: self._queue.add(key_of(changed)))
        caches.subscribe(REPLICA_SET, self._set_changed)
        caches.subscribe(POD, self._pod_changed)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(work("deployment", self._queue, self.reconcile))

    async def reconcile(self, key: tuple[str, str]) -> float | None:
        """One step for one Deployment; returns when to look again if nothing changes until then."""
        deployment = self._caches.get(DEPLOYMENT, *key)
        if deployment is None:
            return None
        found = claim(deployment, self._caches.list(REPLICA_SET, key[0]))
        if found.adopt or found.release:
            await self._hand.apply(claims(found, deployment))
            return 0.0
        seen = Rollout(deployment, found.owned, self._pods(found, key[0]), self._now())
        await self._hand.apply(desired(seen))
        return self._until_deadline(key)

    def _pods(self, found: Claim, namespace: str) -> dict[str, int]:
        """Pods that exist, by the uid of their ReplicaSet; those that are still leaving count, ended ones do not."""
        counts = {uid(each): 0 for each in found.owned}
        for pod in self._caches.of(POD).list(namespace):
            for owner in pod.owners:
                if owner in counts and not is_ended(pod.manifest()):
                    counts[owner] += 1
        return counts

    def _until_deadline(self, key: tuple[str, str]) -> float | None:
        deployment = self._caches.get(DEPLOYMENT, *key)
        if deployment is None:
            return None
        due = rollout_status.deadline(deployment, condition(deployment, "Progressing"))
        return max(0.1, (due - self._now()).total_seconds()) if due else None

    def _set_changed(self, changed: Object) -> None:
        owner = controller(changed.manifest())
        if owner and owner["kind"] == "Deployment":
            self._queue.add((changed.namespace, owner["name"]))
        elif not owner:
            for deployment in self._caches.of(DEPLOYMENT).list(changed.namespace):
                self._queue.add(key_of(deployment))

    def _pod_changed(self, changed: Object) -> None:
        """A Recreate goes on when the last old pod is gone, which no ReplicaSet's status shows."""
        for each in self._caches.of(REPLICA_SET).list(changed.namespace):
            if each.uid in changed.owners and self._waits_for_pods(each.namespace, controller_uid(each.manifest())):
                self._set_changed(each)

    def _waits_for_pods(self, namespace: str, owner: str | None) -> bool:
        deployments = self._caches.of(DEPLOYMENT).list(namespace)
        return any(b'"Recreate"' in each.raw for each in deployments if each.uid == owner)
