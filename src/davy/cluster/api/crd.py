"""Custom resource definitions: from a stored definition to resources that are served, and its conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from davy.cluster.api.resources import NAMED, Custom, Registry, Resource
from davy.cluster.api.schema import custom
from davy.cluster.api.store import Event, Store

Manifest = dict[str, Any]
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


def resources(definition: Manifest) -> Iterator[Resource]:
    """The resources a definition asks for, one per served version."""
    spec = definition["spec"]
    storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
    for version in spec["versions"]:
        if version.get("served"):
            yield _resource(spec, version, storage)


def _resource(spec: Manifest, version: Manifest, storage: str) -> Resource:
    names, subresources = spec["names"], version.get("subresources") or {}
    scale = subresources.get("scale") or {}
    selectable = {field["jsonPath"].removeprefix(".") for field in version.get("selectableFields") or ()}
    return Resource(
        spec["group"],
        version["name"],
        names["plural"],
        names["kind"],
        tuple(names.get("shortNames") or ()),
        spec.get("scope") == "Namespaced",
        frozenset(name for name in ("status", "scale") if name in subresources),
        tuple(names.get("categories") or ()),
        NAMED | selectable,
        counted=True,
        singular=names.get("singular", ""),
        list_kind=names.get("listKind", ""),
        storage_version=storage,
        custom=Custom(
            custom((version.get("schema") or {}).get("openAPIV3Schema") or {}),
            tuple(version.get("additionalPrinterColumns") or ()),
            scale.get("specReplicasPath", ""),
            scale.get("statusReplicasPath", ""),
            scale.get("labelSelectorPath", ""),
            _deprecation(spec, version),
        ),
    )


def _deprecation(spec: Manifest, version: Manifest) -> str:
    if not version.get("deprecated"):
        return ""
    name = f"{spec['group']}/{version['name']} {spec['names']['kind']}"
    return str(version.get("deprecationWarning") or f"{name} is deprecated")


def new_status(definition: Manifest) -> Manifest:
    """The status of a definition that nobody has looked at yet."""
    stored = [version["name"] for version in definition["spec"].get("versions") or () if version.get("storage")]
    return {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored[:1] or None}


def status(definition: Manifest, now: str) -> Manifest:
    """The status of an accepted definition."""
    spec = definition["spec"]
    stored = next((version["name"] for version in spec["versions"] if version.get("storage")), "")
    known = (definition.get("status") or {}).get("storedVersions") or []
    conditions = (definition.get("status") or {}).get("conditions") or [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
        _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
    ]
    return {
        "conditions": conditions,
        "acceptedNames": spec["names"],
        "storedVersions": known if stored in known or not stored else [*known, stored],
    }


def _condition(kind: str, reason: str, message: str, now: str) -> Manifest:
    return {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}


CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


def ending(definition: Manifest, now: str) -> Manifest:
    """The definition, marked as one whose objects are being removed."""
    why = (
        "InstanceDeletionPending",
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    )
    status = definition.get("status") or {}
    others = [c for c in status.get("conditions") or () if c["type"] != "Terminating"]
    conditions = [*others, _condition("Terminating", *why, now)]
    metadata = dict(definition["metadata"])
    metadata["finalizers"] = [*(f for f in metadata.get("finalizers") or () if f != CLEANUP), CLEANUP]
    return {**definition, "metadata": metadata, "status": {**status, "conditions": conditions}}


def collection(definition: Manifest) -> str:
    """The collection of a definition's objects."""
    spec = definition["spec"]
    return f"{spec['names']['plural']}.{spec['group']}"


def is_ending(definition: Manifest) -> bool:
    """Whether the definition is kept only until its objects are gone."""
    metadata = definition["metadata"]
    return "deletionTimestamp" in metadata and CLEANUP in (metadata.get("finalizers") or ())


def follow(store: Store, registry: Registry) -> None:
    """Serve what the stored definitions ask for, from now on."""

    def heed(event: Event) -> None:
        spec = event.entry.manifest["spec"]
        registry.remove(spec["group"], spec["names"]["plural"])
        if event.type != "DELETED":
            registry.add(*resources(event.entry.manifest))

    for key, entry in store.items(DEFINITIONS).items():
        heed(Event(entry.revision, "ADDED", DEFINITIONS, key, entry, None))
    store.subscribe(DEFINITIONS, heed)
