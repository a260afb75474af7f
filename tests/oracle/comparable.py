"""The comparable part of objects and statuses: without what the API server makes up and what an operator adds."""

import copy
from collections.abc import Set

from tests.oracle.kinds import Json

NOISE = {
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "namespace",
    "name",
}
GENERATION_COPY = "deprecated.daemonset.template.generation"
"""An annotation that the API server makes up for DaemonSets."""
SERVICE_NOISE = ("clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "sessionAffinity")
OWNER_FIELDS = ("apiVersion", "kind", "name", "controller", "blockOwnerDeletion")
CONDITIONS = {"Promoted"}
CONDITION_FIELDS = ("type", "status", "reason", "message")


def comparable(kind: str, manifest: Json, own: str = "") -> Json:
    """Everything of an object but its status, its name and the labels and annotations that begin with `own`."""
    body = copy.deepcopy({k: v for k, v in manifest.items() if k not in ("status", "metadata", "apiVersion", "kind")})
    if kind == "Service":
        _clear_service(body["spec"])
    metadata = _metadata(manifest["metadata"], own)
    return {"metadata": metadata, **body} if metadata else body


def _metadata(raw: Json, own: str) -> Json:
    metadata = {key: value for key, value in raw.items() if key not in NOISE}
    for place in ("labels", "annotations"):
        if place in metadata:
            metadata[place] = _foreign(metadata[place], own)
            if not metadata[place]:
                del metadata[place]
    if "ownerReferences" in metadata:
        owners = metadata["ownerReferences"]
        metadata["ownerReferences"] = [{key: each[key] for key in OWNER_FIELDS if key in each} for each in owners]
    return metadata


def _foreign(words: dict[str, str], own: str) -> dict[str, str]:
    """Labels or annotations without those that the operator adds for itself."""
    ours = (own,) if own else ()
    return {key: value for key, value in words.items() if key != GENERATION_COPY and not key.startswith(ours)}


def _clear_service(spec: Json) -> None:
    for key in SERVICE_NOISE:
        spec.pop(key, None)
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
    for port in spec.get("ports", ()):
        port.pop("nodePort", None)


def comparable_status(status: Json, fields: Set[str]) -> Json:
    """The fields of Flagger's API, and its condition without times."""
    conditions = [each for each in status.get("conditions") or () if each.get("type") in CONDITIONS]
    return {key: value for key, value in status.items() if key in fields} | {
        "conditions": [{key: each[key] for key in CONDITION_FIELDS if key in each} for each in conditions]
    }
