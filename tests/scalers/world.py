"""What the scaler tests share: one autoscaler of each kind, and what Flagger was recorded to make of it."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core.edit import Edit

FLAGGER: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "flagger.json").read_text())

SCENARIOS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("autoscaling", "HorizontalPodAutoscaler"): ("k8s-hpa", "istio-hpa-overrides"),
    ("keda.sh", "ScaledObject"): ("k8s-keda",),
}
"""(API group, kind), as in the table of scalers → the recordings that have one; the first is its case."""


def source_of(scenario: str) -> Manifest:
    """The target's autoscaler of a recording as the API server serves it."""
    source: Manifest = copy.deepcopy(FLAGGER[scenario]["source"])
    source["metadata"] |= {"namespace": "shop", "uid": "5ca1e", "resourceVersion": "7"}
    if "behavior" in source["spec"]:
        # The server fills in the rest; the recording shows it in the primary's.
        source["spec"]["behavior"] = copy.deepcopy(FLAGGER[scenario]["primary"][0]["spec"]["behavior"])
    return source


def canary_of(scenario: str, **autoscaler: Any) -> Canary:
    """The canary of a recording, with further fields of its autoscalerRef."""
    spec = copy.deepcopy(FLAGGER[scenario]["canary"])
    spec["autoscalerRef"] |= autoscaler
    return msgspec.convert({"metadata": {"name": "app", "namespace": "shop", "uid": "c0ffee"}, "spec": spec}, Canary)


def recorded(manifest: Manifest) -> Manifest:
    """The object without what a recording leaves out."""
    kept: Manifest = copy.deepcopy({key: manifest[key] for key in ("metadata", "spec") if key in manifest})
    for field in ("name", "namespace", "uid", "resourceVersion"):
        kept["metadata"].pop(field, None)
    for owner in kept["metadata"].get("ownerReferences", ()):
        owner.pop("uid", None)
    return kept


def edited(live: Manifest, edit: Edit | None) -> Manifest:
    """The object after an edit of its annotations."""
    whole = copy.deepcopy(live)
    for pointer, value in (edit.parts if edit else {}).items():
        assert pointer == "/metadata/annotations"
        whole["metadata"].pop("annotations", None)
        if value is not None:
            whole["metadata"]["annotations"] = dict(value)
    return whole


def merged(live: Any, wanted: Any) -> Any:
    """Server-side apply, as far as autoscalers need it: objects are merged, lists are atomic."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        return live | {key: merged(live.get(key), value) for key, value in wanted.items()}
    return copy.deepcopy(wanted)
