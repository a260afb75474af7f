"""A Deployment's status: its counts, and the conditions Available and Progressing with the progress deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from davy.cluster.workloads.objects import Manifest, condition, count, format_time, name, parse_time
from davy.cluster.workloads.rollout import Limits

AVAILABLE = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
UNAVAILABLE = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")


class Said(NamedTuple):
    """What a condition says."""

    status: str
    reason: str
    message: str
    anew: bool = False  # lastUpdateTime moves even if it says the same as before


def status(
    deployment: Manifest, new: Manifest | None, olds: Sequence[Manifest], within: Limits, now: datetime
) -> Manifest:
    """The status that fits what the ReplicaSets report."""
    counts = _counts(deployment, new, olds)
    available = Said(*(AVAILABLE if counts.get("availableReplicas", 0) >= within.fewest_available else UNAVAILABLE))
    said = {"Available": available}
    if progress := _progress(deployment, new, counts, within, now):
        said["Progressing"] = progress
    return {**counts, "conditions": _conditions(deployment, said, now)}


def deadline(deployment: Manifest, progress: Manifest | None) -> datetime | None:
    """When the rollout that is under way counts as stuck; None if none is, or if it already does."""
    seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
    if not progress or progress["status"] != "True" or progress["reason"] == "NewReplicaSetAvailable":
        return None
    return parse_time(progress["lastUpdateTime"]) + timedelta(seconds=seconds)


def _counts(deployment: Manifest, new: Manifest | None, olds: Sequence[Manifest]) -> Manifest:
    sets = [*([new] if new else []), *olds]
    available = sum(count(each, "availableReplicas") for each in sets)
    numbers = {
        "replicas": sum(count(each, "replicas") for each in sets),
        "updatedReplicas": count(new, "replicas") if new else 0,
        "readyReplicas": sum(count(each, "readyReplicas") for each in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(each["spec"].get("replicas", 0) for each in sets) - available),
    }
    kept = {field: number for field, number in numbers.items() if number}
    return {"observedGeneration": deployment["metadata"].get("generation", 0), **kept}


def _progress(
    deployment: Manifest, new: Manifest | None, counts: Manifest, within: Limits, now: datetime
) -> Said | None:
    """What Progressing says now; None leaves it as it is."""
    before = condition(deployment, "Progressing")
    if deployment["spec"].get("paused"):
        return Said("Unknown", "DeploymentPaused", "Deployment is paused")
    if new is None:
        return None
    if before and before["reason"] == "DeploymentPaused":
        return Said("Unknown", "DeploymentResumed", "Deployment is resumed")
    if _is_complete(counts, within):
        return Said("True", "NewReplicaSetAvailable", f'ReplicaSet "{name(new)}" has successfully progressed.')
    if before is None or name(new) not in before["message"]:
        return Said("True", "NewReplicaSetCreated", f'Created new replica set "{name(new)}"', anew=True)
    if before["reason"] == "NewReplicaSetAvailable" and _only_resized(counts):
        return None
    if before["reason"] == "DeploymentResumed" or _has_moved(deployment, counts):
        return Said("True", "ReplicaSetUpdated", f'ReplicaSet "{name(new)}" is progressing.', anew=True)
    due = deadline(deployment, before)
    if due and due <= now:
        return Said("False", "ProgressDeadlineExceeded", f'ReplicaSet "{name(new)}" has timed out progressing.')
    return None


def _is_complete(counts: Manifest, within: Limits) -> bool:
    return all(counts.get(field, 0) == within.want for field in ("replicas", "updatedReplicas", "availableReplicas"))


def _only_resized(counts: Manifest) -> bool:
    """A finished rollout whose pods come and go: no rollout is under way, so there is nothing to be late with."""
    return bool(counts.get("replicas", 0) == counts.get("updatedReplicas", 0))


def _has_moved(deployment: Manifest, counts: Manifest) -> bool:
    more = ("updatedReplicas", "readyReplicas", "availableReplicas")
    if any(counts.get(field, 0) > count(deployment, field) for field in more):
        return True
    return _old(counts) < count(deployment, "replicas") - count(deployment, "updatedReplicas")


def _old(counts: Manifest) -> int:
    return int(counts.get("replicas", 0) - counts.get("updatedReplicas", 0))


def _conditions(deployment: Manifest, said: dict[str, Said], now: datetime) -> list[Manifest]:
    kept = list((deployment.get("status") or {}).get("conditions") or ())
    for type_, words in said.items():
        before = condition(deployment, type_)
        if before and before["reason"] == words.reason and before["status"] == words.status and not words.anew:
            continue
        kept = [each for each in kept if each["type"] != type_] + [_condition(type_, words, before, now)]
    return sorted(kept, key=lambda each: str(each["type"]))


def _condition(type_: str, words: Said, before: Manifest | None, now: datetime) -> Manifest:
    same = before is not None and before["status"] == words.status
    return {
        "type": type_,
        "status": words.status,
        "reason": words.reason,
        "message": words.message,
        "lastUpdateTime": format_time(now),
        "lastTransitionTime": before["lastTransitionTime"] if before and same else format_time(now),
    }
