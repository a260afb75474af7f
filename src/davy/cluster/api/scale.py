"""The scale subresource: an object's replicas seen and written as an autoscaling/v1 Scale."""

from __future__ import annotations

from typing import Any

from davy.cluster.api.errors import Cause, invalid_kind
from davy.cluster.api.patch import copy
from davy.cluster.api.resources import Resource

Manifest = dict[str, Any]
_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def _path(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(".") if part)


def _paths(resource: Resource) -> tuple[tuple[str, ...], tuple[str, ...]]:
    custom = resource.custom
    if custom is None:
        return ("spec", "replicas"), ("status", "replicas")
    return _path(custom.replicas_path), _path(custom.status_replicas_path)


def _dig(manifest: Manifest, path: tuple[str, ...]) -> Any:
    found: Any = manifest
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def shown(resource: Resource, manifest: Manifest) -> Manifest:
    """The object's Scale."""
    wanted, present = _paths(resource)
    metadata = {key: manifest["metadata"][key] for key in _SHOWN if key in manifest["metadata"]}
    status = {"replicas": _dig(manifest, present) or 0}
    if selector := _selector(resource, manifest):
        status["selector"] = selector
    replicas = _dig(manifest, wanted)
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}


def _selector(resource: Resource, manifest: Manifest) -> str:
    if resource.custom is not None:
        return str(_dig(manifest, _path(resource.custom.selector_path)) or "")
    return label_selector((manifest.get("spec") or {}).get("selector") or {})


def label_selector(selector: Manifest) -> str:
    """A metav1.LabelSelector as text."""
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    terms += [_expression(term) for term in selector.get("matchExpressions") or ()]
    return ",".join(terms)


def _expression(term: Manifest) -> str:
    values = ",".join(sorted(term.get("values") or ()))
    match term["operator"]:
        case "In" | "NotIn":
            return f"{term['key']} {term['operator'].lower()} ({values})"
        case "Exists":
            return str(term["key"])
        case _:
            return f"!{term['key']}"


def written(resource: Resource, manifest: Manifest, scale: Manifest) -> Manifest:
    """The object with the replicas of a Scale; raises 422 for a number that is none."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or (replicas < 0 and resource.custom is None):
        name = manifest["metadata"]["name"]
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid_kind("autoscaling", "Scale", name, [Cause("FieldValueInvalid", "spec.replicas", message)])
    new: Manifest = copy(manifest)
    *above, last = _paths(resource)[0]
    target = new
    for key in above:
        target = target.setdefault(key, {})
    target[last] = replicas
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version:
        new["metadata"]["resourceVersion"] = version
    return new


def configuration(resource: Resource, scale: Manifest) -> Manifest:
    """An applied Scale as a configuration of the object it scales."""
    metadata = {key: value for key, value in (scale.get("metadata") or {}).items() if key in ("name", "namespace")}
    config: Manifest = {"apiVersion": resource.group_version, "kind": resource.kind, "metadata": metadata}
    if "replicas" in (scale.get("spec") or {}):
        *above, last = _paths(resource)[0]
        target = config
        for key in above:
            target = target.setdefault(key, {})
        target[last] = scale["spec"]["replicas"]
    return config
