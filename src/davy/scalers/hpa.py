"""HorizontalPodAutoscaler: copied for the primary; the target's lets a workload at zero alone by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import json

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core import names
from davy.core.edit import Edit
from davy.scalers import copies

LEAST = 1
"""Pods where the source says nothing; the API server fills in the same."""


@dataclass(frozen=True, slots=True)
class HorizontalPodAutoscaler:
    """The kind `HorizontalPodAutoscaler` of `autoscaling/v2`."""

    def primary(self, canary: Canary, source: Manifest, prefixes: Sequence[str]) -> Manifest:
        """The source's spec, whole, for the primary; its labels come along, its annotations do not."""
        spec: Manifest = json.decode(json.encode(source["spec"]))  # ten times as fast as deepcopy, once a tick
        made = {
            "minReplicas": LEAST,
            **spec,
            "scaleTargetRef": {**spec.get("scaleTargetRef", {}), "name": canary.primary_name},
            **copies.bounds(canary, "minReplicas", "maxReplicas"),
        }
        return copies.copied(canary, source, names.without_flux(source["metadata"].get("labels")), {}, made)

    def floor(self, source: Manifest) -> int:
        """Its least number of pods."""
        return max(int(source["spec"].get("minReplicas") or 0), LEAST)

    def ceiling(self, source: Manifest) -> int:
        """Its greatest number of pods."""
        return int(source["spec"].get("maxReplicas") or 0)

    def paused(self, source: Manifest) -> bool | None:
        """It needs no pause."""
        return None

    def pause(self, source: Manifest, paused: bool) -> Edit | None:
        """Nothing is to be done."""
        return None
