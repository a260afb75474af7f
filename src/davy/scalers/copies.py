"""What all copies of autoscalers have in common: a name and an owner of their own, and bounds that may be others."""

from collections.abc import Mapping

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core import names


def copied(
    canary: Canary, source: Manifest, labels: Mapping[str, str], annotations: Mapping[str, str], spec: Manifest
) -> Manifest:
    """The primary's autoscaler, whole. Empty maps are left out: the server drops them, and they would never be so."""
    words = {"labels": dict(labels), "annotations": dict(annotations)}
    return {
        "apiVersion": source["apiVersion"],
        "kind": source["kind"],
        "metadata": {
            "name": f"{source['metadata']['name']}-primary",
            "namespace": canary.namespace,
            **{field: word for field, word in words.items() if word},
            "ownerReferences": [names.owner(canary)],
        },
        "spec": spec,
    }


def bounds(canary: Canary, least: str, most: str) -> Manifest:
    """Those of `primaryScalerReplicas` that are set, under the names that the kind has for them."""
    ref = canary.spec.autoscaler_ref
    asked = ref.primary_scaler_replicas if ref else None
    if asked is None:
        return {}
    wanted = {least: asked.min_replicas, most: asked.max_replicas}
    return {field: number for field, number in wanted.items() if number is not None}
