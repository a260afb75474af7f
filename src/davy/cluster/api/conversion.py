"""Versions of one kind that say the same in other fields: Events old and new, autoscalers v1 and v2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from davy.cluster.api.resources import Resource

Manifest = dict[str, Any]

_NEW_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_OLD_NAMES = {new: old for old, new in _NEW_NAMES.items()}
_NEVER_EMPTY: Manifest = {"eventTime": None, "firstTimestamp": None, "lastTimestamp": None, "source": {}}
_TEXTS = {"reportingComponent": "", "reportingInstance": ""}


def _event_to_stored(manifest: Manifest) -> Manifest:
    renamed = {_OLD_NAMES.get(key, key): value for key, value in manifest.items()}
    return {**_NEVER_EMPTY, **_TEXTS, **renamed}


def _event_from_stored(manifest: Manifest) -> Manifest:
    kept = {key: value for key, value in manifest.items() if not (key in _TEXTS and value == "")}
    return {_NEW_NAMES.get(key, key): value for key, value in kept.items()}


_CPU = "targetCPUUtilizationPercentage"


def _autoscaler_to_stored(manifest: Manifest) -> Manifest:
    spec = dict(manifest.get("spec") or {})
    target = {"type": "Utilization", "averageUtilization": spec.pop(_CPU, None) or 80}
    spec.setdefault("metrics", [{"type": "Resource", "resource": {"name": "cpu", "target": target}}])
    return {**manifest, "spec": spec}


def _autoscaler_from_stored(manifest: Manifest) -> Manifest:
    spec = dict(manifest.get("spec") or {})
    for metric in spec.pop("metrics", ()):
        resource = metric.get("resource") or {}
        percentage = (resource.get("target") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and percentage is not None:
            spec[_CPU] = percentage
    return {**manifest, "spec": spec}


_CONVERSIONS: dict[str, tuple[Callable[[Manifest], Manifest], Callable[[Manifest], Manifest]]] = {
    "events": (_event_to_stored, _event_from_stored),
    "horizontalpodautoscalers.autoscaling": (_autoscaler_to_stored, _autoscaler_from_stored),
}


def to_stored(resource: Resource, manifest: Manifest) -> Manifest:
    """An object as it is stored."""
    convert = _CONVERSIONS.get(resource.stored_as)
    return {**(convert[0](manifest) if convert else manifest), "apiVersion": resource.storage_group_version}


def from_stored(resource: Resource, manifest: Manifest) -> Manifest:
    """A stored object in the version of a resource."""
    convert = _CONVERSIONS.get(resource.stored_as)
    return {**(convert[1](manifest) if convert else manifest), "apiVersion": resource.group_version}
