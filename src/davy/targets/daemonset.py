"""DaemonSet: judged by its rollout, copied whole but for identity, held at zero by a node selector that no node has."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core import names
from davy.core.edit import Edit
from davy.core.snapshot import Progressing, Readiness, Ready, Stuck
from davy.targets import metadata, services, template
from davy.targets.base import Making, NotReplaced, Objects, Selector, Spell
from davy.targets.rollout import count, share, unseen

COPIED = ("minReadySeconds", "revisionHistoryLimit", "updateStrategy")
"""Fields of the spec that the primary takes over beside the template."""

HELD = "flagger.app/scale-to-zero"
"""Key of the node selector that keeps a DaemonSet from having pods; no node has such a label."""

WAITING = "waiting for rollout to finish:"


@dataclass(frozen=True, slots=True)
class DaemonSet:
    """The kind `DaemonSet` of `apps`."""

    @property
    def scalable(self) -> bool:
        """All or none."""
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
        """The pod template, metadata included. That it is held at zero makes no revision."""
        return awake(side["spec"]["template"])

    def pod(self, side: Manifest) -> Manifest:
        """The pod spec."""
        pod: Manifest = side["spec"]["template"].get("spec") or {}
        return pod

    def selector(self, target: Manifest, keys: Sequence[str]) -> Selector:
        """Raises `SelectorMissing`, and `NotReplaced` for one whose pods stay until somebody deletes them."""
        strategy = (target["spec"].get("updateStrategy") or {}).get("type") or "RollingUpdate"
        if strategy != "RollingUpdate":
            at = target["metadata"]
            raise NotReplaced(
                f"DaemonSet {at.get('namespace')}/{at.get('name')}: spec.updateStrategy.type must be RollingUpdate but "
                f"is {strategy}; a release replaces pods by itself"
            )
        return template.selector_of(target, keys)

    def replicas(self, side: Manifest) -> int:
        """1 for "on every node that it selects", which is not Davy's to count; 0 if it is held."""
        return 0 if held(side) else 1

    def serving(self, side: Manifest) -> int:
        """Available pods; on the way down the status lags behind."""
        return 0 if held(side) else count(side, "numberAvailable")

    def lingering(self, side: Manifest) -> int:
        """As the controller counts them; it must have looked since it is held."""
        if not held(side):
            return 0
        there = count(side, "currentNumberScheduled") + count(side, "numberMisscheduled")
        return max(1, there) if unseen(side) else there

    def readiness(self, side: Manifest, threshold: int, spell: Spell) -> Readiness:
        """Flagger's rules and words, but no pods are never ready, however low the threshold or few the nodes."""
        if unseen(side):
            return Progressing(f"{WAITING} observed daemonset generation less than desired generation")
        if held(side):
            return Progressing(f"{WAITING} scaled to zero, no pod can take requests")
        why = unfinished(side, threshold)
        if not why:
            return Ready()
        deadline = int(spell.limit.total_seconds())
        return Stuck(f"exceeded its progressDeadlineSeconds: {deadline}") if spell.over else Progressing(why)

    def created(self, target: Manifest, making: Making) -> Manifest:
        """As Flagger makes it; the run is noted in an annotation."""
        spec, canary = target["spec"], making.canary
        return {
            "apiVersion": canary.target.api_version,
            "kind": "DaemonSet",
            "metadata": {
                "name": canary.primary_name,
                "namespace": canary.namespace,
                "labels": metadata.labels({}, target, making),
                "annotations": metadata.born_with(target, making),
                "ownerReferences": [names.owner(canary)],
            },
            "spec": {
                "selector": {"matchLabels": {making.selector.key: making.selector.primary}},
                **{field: copy.deepcopy(spec[field]) for field in COPIED if field in spec},
                "template": template.for_primary(awake(spec["template"]), making, apart=False),
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
                "/spec/template": template.for_primary(awake(spec["template"]), making, apart=False),
                **{f"/spec/{field}": copy.deepcopy(spec.get(field)) for field in COPIED},
            },
        )

    def carried_replicas(self, canary: Canary, target: Manifest) -> int | None:
        """It keeps its own."""
        return None

    def sized(self, side: Manifest, replicas: int) -> Edit:
        """By the node selector; those of the user's own stay in force."""
        kept = own_nodes(side["spec"]["template"])
        wanted = kept if replicas else {**kept, HELD: "true"}
        return Edit(ref_of(side), {"/spec/template/spec/nodeSelector": wanted or None})

    def empties(self, target: Manifest, primary: Manifest) -> bool:
        """A rolling update that lets the pods of all nodes be missing; with one node that is every update."""
        update = ((target["spec"].get("updateStrategy") or {}).get("rollingUpdate")) or {}
        surges = str(update.get("maxSurge", 0)) not in ("0", "0%")
        nodes = count(primary, "desiredNumberScheduled")
        return nodes > 0 and not surges and max(1, share(update.get("maxUnavailable", 1), nodes)) >= nodes

    def run(self, primary: Manifest) -> str:
        """The revision noted by `created` or `carrying`; empty for a primary of Flagger's."""
        return metadata.noted(primary)

    def alike(self, target: Manifest, primary: Manifest, selector: Selector) -> bool:
        """Pod templates only: how the rollout is done, and whether it is held, makes no revision."""
        ours, theirs = (awake(side["spec"]["template"]) for side in (target, primary))
        return template.alike(ours, theirs, selector, apart=False)

    def services(self, target: Manifest, making: Making, existing: Objects) -> Sequence[Manifest]:
        """`<apex>-canary` and `<apex>-primary`."""
        return services.services(making.canary, making.selector, target, existing)

    def apex(self, side: str, target: Manifest, making: Making, existing: Objects) -> Manifest | None:
        """The Service that clients call."""
        return services.apex(making.canary, making.selector, side, target, existing)

    def apex_selects(self, canary: Canary, selector: Selector, existing: Objects) -> str:
        """What its selector says."""
        return services.selects(existing.get(names.apex_service(canary)), selector)


def held(side: Manifest) -> bool:
    """Held at zero."""
    return HELD in ((side["spec"]["template"].get("spec") or {}).get("nodeSelector") or {})


def own_nodes(pods: Manifest) -> dict[str, str]:
    """The template's node selector without that which holds it at zero."""
    selector = (pods.get("spec") or {}).get("nodeSelector") or {}
    return {key: value for key, value in selector.items() if key != HELD}


def awake(pods: Manifest) -> Manifest:
    """The template as if it were not held; an empty node selector is none."""
    spec = {field: value for field, value in (pods.get("spec") or {}).items() if field != "nodeSelector"}
    nodes = own_nodes(pods)
    return {**pods, "spec": {**spec, "nodeSelector": nodes} if nodes else spec}


def unfinished(side: Manifest, threshold: int) -> str:
    """What the rollout still waits for, in Flagger's words; empty if for nothing."""
    wanted, updated = count(side, "desiredNumberScheduled"), count(side, "updatedNumberScheduled")
    available = count(side, "numberAvailable")
    if not wanted:
        return f"{WAITING} no node is selected, no pod can take requests"
    if updated < wanted:
        return f"{WAITING} {updated} out of {wanted} new pods have been updated"
    if available < max(1, wanted * threshold // 100):
        return f"{WAITING} {available} of {wanted} (readyThreshold {threshold}%) updated pods are available"
    return ""
