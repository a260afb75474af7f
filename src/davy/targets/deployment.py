"""Deployment: judged by its rollout, copied whole but for identity, scaled by replicas."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core import names
from davy.core.snapshot import Progressing, Readiness, Ready, Stuck
from davy.targets import template
from davy.targets.base import Selector

COPIED = ("progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy")
"""Fields of the spec that the primary takes over beside the template. `paused` is not one of them."""

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Deployment:
    """The kind `Deployment` of `apps`."""

    def template(self, workload: Manifest) -> object:
        """The pod template, metadata included: `kubectl rollout restart` makes a revision too."""
        return workload["spec"]["template"]

    def selector(self, workload: Manifest, keys: Sequence[str]) -> Selector:
        """Raises `SelectorMissing`."""
        return template.selector_of(workload, keys)

    def replicas(self, workload: Manifest) -> int:
        """Pods wanted; the API's default is 1."""
        return int(workload["spec"].get("replicas", 1))

    def serving(self, workload: Manifest) -> int:
        """Available pods, never more than wanted: on the way down the status lags behind."""
        return min(self.replicas(workload), count(workload, "availableReplicas"))

    def readiness(self, workload: Manifest, threshold: int, deadline: timedelta, now: datetime) -> Readiness:
        """Flagger's rules and words, but no pods are never ready, however low the threshold."""
        if unseen(workload):
            return Progressing(
                "waiting for rollout to finish: observed deployment generation less than desired generation"
            )
        if not self.replicas(workload):
            return Progressing("waiting for rollout to finish: scaled to zero, no pod can take requests")
        if condition(workload, "Progressing").get("reason") == "ProgressDeadlineExceeded":
            return Stuck(f'deployment "{workload["metadata"]["name"]}" exceeded its progress deadline')
        why = unfinished(workload, self.replicas(workload), threshold)
        if not why:
            return Ready()
        return Stuck(why) if starved(workload, deadline, now) else Progressing(why)

    def primary(
        self, canary: Canary, target: Manifest, run: str, selector: Selector, prefixes: Sequence[str]
    ) -> Manifest:
        """As Flagger makes it; `run` is noted in an annotation."""
        spec = target["spec"]
        return {
            "apiVersion": canary.target.api_version,
            "kind": "Deployment",
            "metadata": {
                "name": canary.primary_name,
                "namespace": canary.namespace,
                "labels": labels({}, target, selector, prefixes),
                "annotations": {**names.without_books(target["metadata"].get("annotations")), **note(run)},
                "ownerReferences": [names.owner(canary)],
            },
            "spec": {
                "replicas": self.replicas(target) or 1,
                "selector": {"matchLabels": {selector.key: selector.primary}},
                **{field: copy.deepcopy(spec[field]) for field in COPIED if field in spec},
                "template": template.for_primary(spec["template"], selector, names.flagger_id(canary, run)),
            },
        }

    def carrying(
        self, canary: Canary, target: Manifest, primary: Manifest, run: str, selector: Selector, prefixes: Sequence[str]
    ) -> Manifest:
        """Template and rollout settings as the target's; what others wrote into the primary's metadata stays.

        `spec.replicas` follows the target's unless an autoscaler keeps it or the target is scaled to zero.
        """
        made = copy.deepcopy(primary)
        metadata, spec = made["metadata"], made["spec"]
        metadata["labels"] = labels(metadata.get("labels"), target, selector, prefixes)
        source = names.without_books(target["metadata"].get("annotations"))
        metadata["annotations"] = {**merged(metadata.get("annotations"), source, prefixes), **note(run)}
        for field in COPIED:
            spec.pop(field, None)
        spec.update({field: copy.deepcopy(target["spec"][field]) for field in COPIED if field in target["spec"]})
        spec["template"] = template.for_primary(target["spec"]["template"], selector, names.flagger_id(canary, run))
        if canary.spec.autoscaler_ref is None and self.replicas(target):
            spec["replicas"] = self.replicas(target)
        return made

    def run(self, primary: Manifest) -> str:
        """The revision noted by `primary` or `carrying`; empty for a primary of Flagger's."""
        noted: str = (primary["metadata"].get("annotations") or {}).get(names.REVISION, "")
        return noted

    def alike(self, target: Manifest, primary: Manifest, selector: Selector) -> bool:
        """Pod templates only: how the rollout is done makes no revision."""
        return template.alike(target["spec"]["template"], primary["spec"]["template"], selector)


def count(workload: Manifest, field: str) -> int:
    """A number in the status; the API server leaves out zeros."""
    return int((workload.get("status") or {}).get(field) or 0)


def condition(workload: Manifest, kind: str) -> Manifest:
    """The condition of that type; empty if there is none."""
    conditions = (workload.get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == kind), {})


def unseen(workload: Manifest) -> bool:
    """The status is about an earlier spec: it says nothing about this one."""
    return int(workload["metadata"].get("generation") or 0) > count(workload, "observedGeneration")


def unfinished(workload: Manifest, wanted: int, threshold: int) -> str:
    """What the rollout still waits for, in Flagger's words; empty if for nothing."""
    updated, available = count(workload, "updatedReplicas"), count(workload, "availableReplicas")
    old = count(workload, "replicas") - updated
    if updated < wanted:
        return f"waiting for rollout to finish: {updated} out of {wanted} new replicas have been updated"
    if old > 0:
        return f"waiting for rollout to finish: {old} old replicas are pending termination"
    if available < max(1, updated * threshold // 100):
        return (
            f"waiting for rollout to finish: {available} of {updated} (readyThreshold {threshold}%) "
            "updated replicas are available"
        )
    return ""


def starved(workload: Manifest, deadline: timedelta, now: datetime) -> bool:
    """It has been without enough available pods for longer than the canary's progress deadline.

    The Deployment's own deadline is silent when pods are missing after mere scaling.
    """
    available = condition(workload, "Available")
    since = available.get("lastUpdateTime") or available.get("lastTransitionTime")
    short = available.get("status") == "False" and available.get("reason") == "MinimumReplicasUnavailable"
    return bool(condition(workload, "Progressing") and short and since) and (
        datetime.fromisoformat(str(since)) + deadline < now
    )


def labels(
    present: Mapping[str, str] | None, target: Manifest, selector: Selector, prefixes: Sequence[str]
) -> dict[str, str]:
    """The primary's labels: what is there and not the target's, the target's chosen ones, and its identity."""
    chosen = merged(present, target["metadata"].get("labels"), prefixes)
    return {**chosen, selector.key: selector.primary}


def note(run: str) -> dict[str, str]:
    """The annotation by which the primary says what it carries."""
    return {names.REVISION: run} if run else {}


def merged(
    present: Mapping[str, str] | None, source: Mapping[str, str] | None, prefixes: Sequence[str]
) -> dict[str, str]:
    """Keys with a chosen prefix follow the source, also when they vanish there; all others stay as they are."""
    named = tuple(prefix for prefix in prefixes if prefix and prefix != EVERYTHING)
    kept = {key: value for key, value in (present or {}).items() if not key.startswith(named)}
    chosen = names.without_flux(source)
    return kept | {key: value for key, value in chosen.items() if EVERYTHING in prefixes or key.startswith(named)}
