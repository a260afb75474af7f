"""Deployment: judged by its rollout, copied whole but for identity, scaled by replicas."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core import names
from davy.core.edit import Edit
from davy.core.snapshot import Progressing, Readiness, Ready, Stuck
from davy.targets import metadata, services, template
from davy.targets.base import Making, Objects, Selector, Spell
from davy.targets.rollout import condition, count, share, unseen

COPIED = ("progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy")
"""Fields of the spec that the primary takes over beside the template. `paused` is not one of them."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The kind `Deployment` of `apps`."""

    @property
    def scalable(self) -> bool:
        """By replicas."""
        return True

    def reads(self, canary: Canary, objects: Objects) -> Sequence[Ref]:
        """Nothing more."""
        return ()

    def target(self, canary: Canary, objects: Objects) -> Manifest | None:
        """The object."""
        return objects.get(canary.target)

    def primary(self, canary: Canary, objects: Objects) -> Manifest | None:
        """The object."""
        return objects.get(names.primary(canary))

    def template(self, side: Manifest) -> object:
        """The pod template, metadata included: `kubectl rollout restart` makes a revision too."""
        return side["spec"]["template"]

    def pod(self, side: Manifest) -> Manifest:
        """The pod spec."""
        pod: Manifest = side["spec"]["template"].get("spec") or {}
        return pod

    def selector(self, target: Manifest, keys: Sequence[str]) -> Selector:
        """Raises `SelectorMissing`."""
        return template.selector_of(target, keys)

    def replicas(self, side: Manifest) -> int:
        """Pods wanted; the API's default is 1."""
        return int(side["spec"].get("replicas", 1))

    def serving(self, side: Manifest) -> int:
        """Available pods, never more than wanted: on the way down the status lags behind."""
        return min(self.replicas(side), count(side, "availableReplicas"))

    def lingering(self, side: Manifest) -> int:
        """As the controller counts them; it must have looked since none are wanted."""
        if self.replicas(side):
            return 0
        return max(1, count(side, "replicas")) if unseen(side) else count(side, "replicas")

    def readiness(self, side: Manifest, threshold: int, spell: Spell) -> Readiness:
        """Flagger's rules and words, but no pods are never ready, however low the threshold."""
        if unseen(side):
            return Progressing(
                "waiting for rollout to finish: observed deployment generation less than desired generation"
            )
        if not self.replicas(side):
            return Progressing("waiting for rollout to finish: scaled to zero, no pod can take requests")
        if condition(side, "Progressing").get("reason") == "ProgressDeadlineExceeded":
            return Stuck(f'deployment "{side["metadata"]["name"]}" exceeded its progress deadline')
        why = unfinished(side, self.replicas(side), threshold)
        if not why:
            return Ready()
        return Stuck(why) if starved(side, spell.limit, spell.now) else Progressing(why)

    def created(self, target: Manifest, making: Making) -> Manifest:
        """As Flagger makes it; the run is noted in an annotation."""
        spec, canary = target["spec"], making.canary
        return {
            "apiVersion": canary.target.api_version,
            "kind": "Deployment",
            "metadata": {
                "name": canary.primary_name,
                "namespace": canary.namespace,
                "labels": metadata.labels({}, target, making),
                "annotations": metadata.born_with(target, making),
                "ownerReferences": [names.owner(canary)],
            },
            "spec": {
                "replicas": self.replicas(target) or 1,
                "selector": {"matchLabels": {making.selector.key: making.selector.primary}},
                **{field: copy.deepcopy(spec[field]) for field in COPIED if field in spec},
                "template": template.for_primary(spec["template"], making),
            },
        }

    def carrying(self, target: Manifest, primary: Manifest, making: Making) -> Edit:
        """Template and rollout settings as the target's; what others wrote into the primary's metadata stays."""
        spec = target["spec"]
        return Edit(
            ref_of(primary),
            {
                "/metadata/labels": metadata.labels(primary["metadata"].get("labels"), target, making),
                "/metadata/annotations": metadata.promoted(primary, target, making),
                "/spec/template": template.for_primary(spec["template"], making),
                **{f"/spec/{field}": copy.deepcopy(spec.get(field)) for field in COPIED},
            },
        )

    def carried_replicas(self, canary: Canary, target: Manifest) -> int | None:
        """The target's, unless an autoscaler keeps the primary's or the target is scaled to zero."""
        return None if canary.spec.autoscaler_ref else self.replicas(target) or None

    def sized(self, side: Manifest, replicas: int) -> Edit | None:
        """Through the scale subresource."""
        return None

    def empties(self, target: Manifest, primary: Manifest) -> bool:
        """`Recreate`, or a rolling update that lets all pods be missing. (The strategy is copied with the template.)"""
        strategy = target["spec"].get("strategy") or {}
        missing = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", "25%")
        wanted = self.replicas(primary)
        return strategy.get("type") == "Recreate" or (wanted > 0 and share(missing, wanted) >= wanted)

    def run(self, primary: Manifest) -> str:
        """The revision noted by `primary` or `carrying`; empty for a primary of Flagger's."""
        return metadata.noted(primary)

    def alike(self, target: Manifest, primary: Manifest, selector: Selector) -> bool:
        """Pod templates only: how the rollout is done makes no revision."""
        return template.alike(target["spec"]["template"], primary["spec"]["template"], selector)

    def services(self, target: Manifest, making: Making, existing: Objects) -> Sequence[Manifest]:
        """`<apex>-canary` and `<apex>-primary`."""
        return services.services(making.canary, making.selector, target, existing)

    def apex(self, side: str, target: Manifest, making: Making, existing: Objects) -> Manifest | None:
        """The Service that clients call."""
        return services.apex(making.canary, making.selector, side, target, existing)

    def apex_selects(self, canary: Canary, selector: Selector, existing: Objects) -> str:
        """What its selector says."""
        return services.selects(existing.get(names.apex_service(canary)), selector)


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
