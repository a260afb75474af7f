"""ScaledObject of KEDA: copied for the primary with its own queries; the target's is held at zero by an annotation."""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from davy.api.canary import Canary
from davy.api.ref import Manifest, ref_of
from davy.core import names
from davy.core.edit import Edit
from davy.scalers import copies

PAUSED = "autoscaling.keda.sh/paused"
"""Annotations with this beginning hold a ScaledObject still; in a copy they would pin the primary (flagger#1934)."""
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
AT_ZERO = "0"

OWN_LABEL = "scaledobject.keda.sh/name"
"""Label by which KEDA finds the ScaledObject of a metric; it writes each one's own name into it."""

MOST = 100
"""KEDA's default of maxReplicaCount."""
LEAST = 1


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """The kind `ScaledObject` of `keda.sh/v1alpha1`."""

    def primary(self, canary: Canary, source: Manifest, prefixes: Sequence[str]) -> Manifest:
        """The source's spec, whole, for the primary; labels and annotations come along, but nobody's private ones."""
        spec = copy.deepcopy(source["spec"])
        made = {
            **spec,
            "scaleTargetRef": {**spec.get("scaleTargetRef", {}), "name": canary.primary_name},
            "advanced": advanced(spec.get("advanced") or {}),
            "triggers": [trigger | queried(canary, trigger) for trigger in spec.get("triggers") or ()],
            **copies.bounds(canary, "minReplicaCount", "maxReplicaCount"),
        }
        return copies.copied(canary, source, labels(source), annotations(source), made)

    def floor(self, source: Manifest) -> int:
        """Its least number of pods; from zero KEDA itself starts with one."""
        return max(int(source["spec"].get("minReplicaCount") or 0), LEAST)

    def ceiling(self, source: Manifest) -> int:
        """Its greatest number of pods; 100 if left out."""
        return int(source["spec"].get("maxReplicaCount") or MOST)

    def paused(self, source: Manifest) -> bool | None:
        """Whether it is held at zero; at another number it is held by its owner, who must let it go himself."""
        return (source["metadata"].get("annotations") or {}).get(PAUSED_REPLICAS) == AT_ZERO

    def pause(self, source: Manifest, paused: bool) -> Edit | None:
        """The annotation is there, or is not; all other parts of the user's object stay as they are."""
        if self.paused(source) is paused:
            return None
        present = source["metadata"].get("annotations") or {}
        others = {key: value for key, value in present.items() if key != PAUSED_REPLICAS}
        wanted = {**others, PAUSED_REPLICAS: AT_ZERO} if paused else others
        return Edit(ref_of(source), {"/metadata/annotations": wanted or None})


def labels(source: Manifest) -> dict[str, str]:
    """The source's labels, but the one that is KEDA's."""
    found = names.without_flux(source["metadata"].get("labels"))
    return {key: value for key, value in found.items() if key != OWN_LABEL}


def annotations(source: Manifest) -> dict[str, str]:
    """The source's annotations without those that hold it still, and without books that are true of it only."""
    found = names.without_books(source["metadata"].get("annotations"))
    return {key: value for key, value in found.items() if not key.startswith(PAUSED)}


def advanced(settings: Manifest) -> Manifest:
    """The primary's HPA needs a name of its own, if the source's has one. Flagger writes both parts in any case."""
    config = settings.get("horizontalPodAutoscalerConfig") or {}
    own_name = {"name": f"{config['name']}-primary"} if config.get("name") else {}
    return {**settings, "horizontalPodAutoscalerConfig": {**config, **own_name}}


def queried(canary: Canary, trigger: Manifest) -> Manifest:
    """The trigger's `metadata`, if the query in it is another for the primary."""
    metadata: Mapping[str, str] = trigger.get("metadata") or {}
    asked = canary.spec.autoscaler_ref.primary_scaler_queries if canary.spec.autoscaler_ref else {}
    wanted = asked.get(trigger.get("name") or "") if asked else renamed(canary, metadata.get("query"))
    return {} if wanted is None else {"metadata": {**metadata, "query": wanted}}


def renamed(canary: Canary, query: str | None) -> str | None:
    """The query with the names of the target and of its canary Service replaced wherever they stand, as Flagger does.

    What speaks of the primary already is left alone.
    """
    target = re.escape(canary.spec.target_ref.name)
    return re.sub(f"{target}(-canary|-primary)?", canary.primary_name, query) if query else query
