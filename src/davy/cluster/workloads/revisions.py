"""A Deployment's revisions: which ReplicaSet has its template, their numbers, and which are too old to keep."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from davy.cluster.workloads.objects import (
    Manifest,
    annotations_of,
    count,
    created,
    is_leaving,
    labels,
    name,
    namespace,
    owned_by,
)

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
        DESIRED,
        MOST,
        "deprecated.deployment.rollback.to",
    }
)
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # no vowels: a hash must not spell a word


def template_hash(template: Manifest) -> str:
    """Ten letters that stand for a pod template, the same for the same template."""
    digest = hashlib.sha256(msgspec.json.encode(template, order="sorted")).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:10])


def bare(template: Manifest) -> Manifest:
    """The template without what a ReplicaSet adds to it."""
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value is not None}
    kept = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": kept}}


def newest(deployment: Manifest, sets: Iterable[Manifest]) -> Manifest | None:
    """The ReplicaSet that runs the Deployment's template; the oldest, should there be several."""
    wanted = bare(deployment["spec"]["template"])
    same = [each for each in sets if bare(each["spec"]["template"]) == wanted]
    return min(same, key=lambda each: (created(each), name(each)), default=None)


def revision(manifest: Manifest) -> int:
    text = annotations_of(manifest).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def next_revision(new: Manifest | None, olds: Iterable[Manifest]) -> int:
    """The number that the running revision should bear: above all others, kept if it already is."""
    highest = max(map(revision, olds), default=0)
    mine = revision(new) if new else 0
    return mine if mine > highest else highest + 1


def copied_annotations(deployment: Manifest) -> dict[str, str]:
    """The annotations that a Deployment hands down to its ReplicaSets."""
    return {key: value for key, value in annotations_of(deployment).items() if key not in NOT_COPIED}


def replicaset(deployment: Manifest, replicas: int, number: int, most: int) -> Manifest:
    """A new ReplicaSet for the Deployment's template."""
    spec, template = deployment["spec"], deployment["spec"]["template"]
    digest = {HASH_LABEL: template_hash(bare(template))}
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value is not None}
    marked = {**(metadata.get("labels") or {}), **digest}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), **digest}}
    numbers = {REVISION: str(number), DESIRED: str(spec.get("replicas", 1)), MOST: str(most)}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name(deployment)}-{digest[HASH_LABEL]}",
            "namespace": namespace(deployment),
            "labels": marked,
            "annotations": {**copied_annotations(deployment), **numbers},
            "ownerReferences": [owned_by(deployment)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": spec.get("minReadySeconds", 0),
            "selector": selector,
            "template": {**template, "metadata": {**metadata, "labels": marked}},
        },
    }


def outdated(olds: Sequence[Manifest], limit: int) -> list[Manifest]:
    """The old ReplicaSets beyond the history limit, oldest first; none that still has or wants a pod."""
    empty = [each for each in olds if _is_empty(each)]
    surplus = len(empty) - limit
    return sorted(empty, key=lambda each: (revision(each), created(each)))[:surplus] if surplus > 0 else []


def _is_empty(each: Manifest) -> bool:
    seen = count(each, "observedGeneration") >= each["metadata"].get("generation", 0)
    return not each["spec"].get("replicas") and not count(each, "replicas") and seen and not is_leaving(each)


def hash_of(each: Manifest) -> str:
    return labels(each).get(HASH_LABEL, "")
