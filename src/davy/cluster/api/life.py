"""The life of objects: create, update, delete, with all that the server adds to and keeps from what clients send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from davy.cluster.api import crd, defaults
from davy.cluster.api.errors import (
    MODIFIED,
    ApiError,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    not_found,
)
from davy.cluster.api.patch import copy
from davy.cluster.api.resources import Registry, Resource
from davy.cluster.api.store import Entry, Key, Manifest, Store

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_KEPT = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


@dataclass(frozen=True, slots=True)
class Options:
    """How a write is meant: by whom, for real or dry, how strict; warnings for the client gather in it."""

    manager: str = "unknown"
    dry_run: bool = False
    validation: str = "Warn"
    force: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deletion:
    """How an object is to end: grace in seconds, what becomes of its dependents, and what must be true of it."""

    grace: int | None = None
    propagation: str | None = None
    uid: str | None = None
    resource_version: str | None = None


def stamp(moment: datetime) -> str:
    """A moment as `metav1.Time`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Life:
    """Writes to a store, by the rules of the kinds in the registry."""

    store: Store
    registry: Registry
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    random: Random = field(default_factory=Random)

    # -- create ------------------------------------------------------------------------------------------------

    def create(self, resource: Resource, namespace: str, manifest: Manifest, options: Options) -> Entry:
        """Write a new object; raises AlreadyExists, NotFound (its namespace), Invalid."""
        metadata = manifest["metadata"] = dict(manifest.get("metadata") or {})
        self._place(resource, namespace, metadata)
        self._name(resource, metadata)
        key = (metadata.get("namespace", ""), metadata["name"])
        if metadata.get("resourceVersion"):
            raise ApiError(500, "InternalError", "resourceVersion should not be set on objects to be created", {})
        if self.store.get(resource.collection, key) is not None:
            raise already_exists(resource, metadata["name"])
        for name in _KEPT:
            metadata.pop(name, None)
        metadata["uid"] = str(UUID(int=self.random.getrandbits(128), version=4))
        metadata["creationTimestamp"] = stamp(self.clock())
        if resource.counted or resource.custom:
            metadata["generation"] = 1
        manifest["apiVersion"], manifest["kind"] = resource.storage_group_version, resource.kind
        if "status" in resource.subresources:
            manifest.pop("status", None)
        defaults.fill(resource, manifest)
        defaults.begin(resource, manifest, self.store)
        if resource.collection == crd.DEFINITIONS:
            manifest["status"] = crd.status(manifest, stamp(self.clock()))
        return self._write(resource, key, manifest, options)

    def _place(self, resource: Resource, namespace: str, metadata: Manifest) -> None:
        if not resource.namespaced:
            metadata.pop("namespace", None)
            return
        if metadata.get("namespace", namespace) not in (namespace, ""):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = namespace
        home = self.store.get("namespaces", ("", namespace))
        if home is None:
            raise not_found(self._namespaces(), namespace)
        if home.manifest["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(resource, metadata.get("name", ""), why)

    def _namespaces(self) -> Resource:
        found = self.registry.find("", "v1", "namespaces")
        assert found is not None
        return found

    def _name(self, resource: Resource, metadata: Manifest) -> None:
        stem = metadata.get("generateName")
        while stem and (
            not metadata.get("name")
            or self.store.get(resource.collection, (metadata.get("namespace", ""), metadata["name"])) is not None
        ):
            metadata["name"] = stem[:58] + "".join(self.random.choices(_SUFFIX, k=5))

    # -- update ------------------------------------------------------------------------------------------------

    def update(
        self,
        resource: Resource,
        key: Key,
        change: Callable[[Manifest], Manifest],
        options: Options,
        subresource: str = "",
    ) -> Entry:
        """Write what `change` makes of the object; raises NotFound, Conflict, Invalid. No change, no new revision."""
        entry = self.store.get(resource.collection, key)
        if entry is None:
            raise not_found(resource, key[1])
        old = entry.manifest
        new = change(old)
        metadata = new["metadata"] = dict(new.get("metadata") or {})
        self._check_identity(resource, key, metadata, old["metadata"])
        new["apiVersion"], new["kind"] = resource.storage_group_version, resource.kind
        new = self._restrict(resource, old, new, subresource)
        defaults.fill(resource, new)
        if resource.collection == crd.DEFINITIONS and not subresource:
            new["status"] = crd.status(new, stamp(self.clock()))
        if (resource.counted or resource.custom) and _moved(resource, old, new):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if new == old:
            return entry
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers") and not _graced(new):
            return self._drop(resource, key, options)
        return self._write(resource, key, new, options)

    def _check_identity(self, resource: Resource, key: Key, metadata: Manifest, old: Manifest) -> None:
        name = metadata.setdefault("name", key[1])
        if name != key[1]:
            raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({key[1]})")
        if resource.namespaced and metadata.setdefault("namespace", key[0]) != key[0]:
            given = metadata["namespace"]
            raise bad_request(
                f"the namespace of the object ({given}) does not match the namespace on the URL ({key[0]})"
            )
        if metadata.get("uid", old["uid"]) != old["uid"]:
            why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {old['uid']}"
            raise conflict(resource, key[1], why)
        version = metadata.get("resourceVersion")
        if version and version != old["resourceVersion"]:
            raise conflict(resource, key[1], MODIFIED)
        metadata["resourceVersion"] = old["resourceVersion"]
        for field_ in _KEPT:
            metadata.pop(field_, None)
            if field_ in old:
                metadata[field_] = old[field_]

    def _restrict(self, resource: Resource, old: Manifest, new: Manifest, subresource: str) -> Manifest:
        if subresource == "status":
            kept = {key: value for key, value in old.items() if key != "status"}
            status = {"status": new["status"]} if "status" in new else {}
            metadata = {**old["metadata"], "managedFields": new["metadata"].get("managedFields")}
            if metadata["managedFields"] is None:
                del metadata["managedFields"]
            return {**kept, **status, "metadata": metadata}
        if "status" in resource.subresources and new.get("status") != old.get("status"):
            new = {key: value for key, value in new.items() if key != "status"}
            if "status" in old:
                new["status"] = old["status"]
        return new

    # -- delete ------------------------------------------------------------------------------------------------

    def delete(self, resource: Resource, key: Key, how: Deletion, options: Options) -> tuple[Entry, bool]:
        """End an object, or mark it to be ended; gives its (last) state and whether it is gone."""
        entry = self.store.get(resource.collection, key)
        if entry is None:
            raise not_found(resource, key[1])
        self._check_preconditions(resource, key, how, entry.manifest["metadata"])
        new = copy(entry.manifest)
        metadata = new["metadata"]
        metadata["finalizers"] = _finalizers(metadata.get("finalizers") or [], how.propagation)
        grace = _grace(resource, entry.manifest, how)
        if resource.collection == "namespaces":
            new.setdefault("status", {})["phase"] = "Terminating"
        waits = metadata["finalizers"] or grace or (resource.collection == "namespaces" and _unfinalized(new))
        if not metadata["finalizers"]:
            del metadata["finalizers"]
        if not waits:
            return self._drop(resource, key, options), True
        self._mark(metadata, grace)
        if new == entry.manifest:
            return entry, False
        return self._write(resource, key, new, options), False

    def _check_preconditions(self, resource: Resource, key: Key, how: Deletion, metadata: Manifest) -> None:
        if how.uid and how.uid != metadata["uid"]:
            raise conflict(
                resource,
                key[1],
                f"Precondition failed: UID in precondition: {how.uid}, UID in object meta: {metadata['uid']}",
            )
        if how.resource_version and how.resource_version != metadata["resourceVersion"]:
            have = metadata["resourceVersion"]
            raise conflict(
                resource,
                key[1],
                "Precondition failed: ResourceVersion in precondition: "
                f"{how.resource_version}, ResourceVersion in object meta: {have}",
            )

    def _mark(self, metadata: Manifest, grace: int) -> None:
        known = metadata.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = stamp(self.clock() + timedelta(seconds=grace))
            metadata["deletionGracePeriodSeconds"] = grace
            if metadata.get("generation"):
                metadata["generation"] += 1
        elif known is not None and grace < known:
            metadata["deletionGracePeriodSeconds"] = grace

    # -- the store ---------------------------------------------------------------------------------------------

    def _write(self, resource: Resource, key: Key, manifest: Manifest, options: Options) -> Entry:
        if options.dry_run:
            return Entry(manifest, self.store.revision)
        return self.store.put(resource.collection, key, manifest)

    def _drop(self, resource: Resource, key: Key, options: Options) -> Entry:
        if options.dry_run:
            return self.store.items(resource.collection)[key]
        return self.store.drop(resource.collection, key)


def _finalizers(present: list[str], propagation: str | None) -> list[str]:
    if propagation is None:
        return present
    others = [name for name in present if name not in ("foregroundDeletion", "orphan")]
    added = {"Foreground": ["foregroundDeletion"], "Orphan": ["orphan"]}.get(propagation, [])
    return others + added


def _grace(resource: Resource, manifest: Manifest, how: Deletion) -> int:
    if resource.collection != "pods":
        return 0
    spec: dict[str, Any] = manifest.get("spec") or {}
    phase = (manifest.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    return how.grace if how.grace is not None else int(spec.get("terminationGracePeriodSeconds", 30))


def _graced(manifest: Manifest) -> bool:
    """Whether someone else (the node, the namespace's finalizer) still has to let go of a finalizer-free object."""
    if manifest["kind"] == "Namespace" and manifest["apiVersion"] == "v1":
        return _unfinalized(manifest)
    return bool(manifest["metadata"].get("deletionGracePeriodSeconds"))


def _unfinalized(manifest: Manifest) -> bool:
    return bool((manifest.get("spec") or {}).get("finalizers"))


def _moved(resource: Resource, old: Manifest, new: Manifest) -> bool:
    """Whether what the object asks for has changed, so that its generation must grow."""
    ignored = {"metadata", "apiVersion", "kind"}
    if "status" in resource.subresources or not resource.custom:
        ignored.add("status")
    if resource.collection == "deployments.apps":
        a, b = (manifest["metadata"].get("annotations") or {} for manifest in (old, new))
        if a != b:
            return True
    return any(old.get(key) != new.get(key) for key in {*old, *new} - ignored)
