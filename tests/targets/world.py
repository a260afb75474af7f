"""What the target tests share: what Flagger was recorded to make of a Deployment and a Canary."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.targets.base import Selector

FLAGGER: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "flagger.json").read_text())
APP = Selector("app", "app")
PREFIXES = ("app.kubernetes.io",)
"""`-include-label-prefix` of the recording."""

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEADLINE = timedelta(seconds=600)


def canary(service: Manifest | None = None, **spec: Any) -> Canary:
    """The canary of the recording, with another `spec.service` or further fields."""
    return msgspec.convert(
        {
            "metadata": {"name": "app", "namespace": "shop", "uid": "c0ffee"},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
                "service": service or {"port": 80, "targetPort": 8080},
                **spec,
            },
        },
        Canary,
    )


def target(**spec: Any) -> Manifest:
    """The target of the recording as the API server serves it, with further fields of its spec."""
    manifest: Manifest = copy.deepcopy(FLAGGER["k8s-promote"]["target"])
    manifest |= {"apiVersion": "apps/v1", "kind": "Deployment"}
    manifest["metadata"] |= {"name": "app", "namespace": "shop", "generation": 3}
    manifest["spec"] |= spec
    return manifest


def rolled_out(wanted: int = 2, /, **status: Any) -> Manifest:
    """The target, all its pods available; fields of the status may differ."""
    manifest = target(replicas=wanted)
    numbers = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
    manifest["status"] = {"observedGeneration": 3, **numbers, "conditions": [progressing(), available()], **status}
    return manifest


def progressing(reason: str = "NewReplicaSetAvailable") -> Manifest:
    status = "False" if reason == "ProgressDeadlineExceeded" else "True"
    return {"type": "Progressing", "status": status, "reason": reason, "lastUpdateTime": stamp(NOW)}


def available(*, since: datetime = NOW, enough: bool = True) -> Manifest:
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    return {"type": "Available", "status": str(enough), "reason": reason, "lastUpdateTime": stamp(since)}


def stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def bare(manifest: Manifest) -> Manifest:
    """The object without what a recording leaves out or masks."""
    kept = copy.deepcopy({key: manifest[key] for key in ("metadata", "spec")})
    for field in ("name", "namespace", "generation"):
        kept["metadata"].pop(field, None)
    for reference in kept["metadata"].get("ownerReferences", ()):
        reference.pop("uid", None)
    if "template" in kept["spec"]:
        kept["spec"]["template"]["metadata"]["annotations"].pop("flagger-id")
    return kept
