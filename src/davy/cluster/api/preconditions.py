"""What a write must agree with: the path it came by, the revision and the uid it was meant for."""

from __future__ import annotations

from dataclasses import dataclass

from davy.cluster.api import crd
from davy.cluster.api.errors import MODIFIED, ApiError, Cause, bad_request, conflict, conflict_of_kind, invalid_kind
from davy.cluster.api.resources import Resource
from davy.cluster.api.store import Entry, Key, Manifest

_ALWAYS_KEPT = ("generation", "selfLink")  # whatever a client says of these on an update
_KEPT_IF_UNSAID = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_CONDITIONAL = ("leases.coordination.k8s.io", "poddisruptionbudgets.policy", crd.DEFINITIONS)


@dataclass(frozen=True, slots=True)
class Deletion:
    """How an object is to end: grace in seconds, what becomes of its dependents, and what must be true of it."""

    grace: int | None = None
    propagation: str | None = None
    uid: str | None = None
    resource_version: str | None = None


def identify(resource: Resource, key: Key, manifest: Manifest) -> Manifest:
    """The body, if it means the object of the path, with its namespace; raises 400."""
    metadata = dict(manifest.get("metadata") or {})
    namespace, name = key
    if not metadata.get("name"):
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if metadata["name"] != name:
        given = metadata["name"]
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
    if resource.namespaced and metadata.setdefault("namespace", namespace) != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return {**manifest, "metadata": metadata}


def check_version(resource: Resource, key: Key, metadata: Manifest, old: Manifest) -> None:
    """Check the resourceVersion that a body names; raises Conflict, 422 where one is needed, 500 for what is none."""
    version = metadata.get("resourceVersion") or ""
    if version and not version.isdigit():
        raise ApiError(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if not version and (resource.custom or resource.collection in _CONDITIONAL):
        cause = Cause(
            "FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0: must be specified for an update"
        )
        raise invalid_kind(resource.group, resource.plural, key[1], [cause])
    if version and version != old["resourceVersion"] and version != "0":
        raise conflict(resource, key[1], MODIFIED)
    metadata["resourceVersion"] = old["resourceVersion"]


def keep(metadata: Manifest, old: Manifest) -> None:
    """Keep, in place, the metadata that is the server's."""
    for name in (*_ALWAYS_KEPT, *(name for name in _KEPT_IF_UNSAID if metadata.get(name) is None)):
        metadata.pop(name, None)
        if name in old:
            metadata[name] = old[name]


def check_uid(resource: Resource, key: Key, uid: str | None, entry: Entry | None) -> None:
    """Check the uid that a replacement names; raises Conflict as the storage does."""
    if uid and entry is not None and uid != entry.manifest["metadata"]["uid"]:
        place = f"/registry/{resource.plural}/{key[0]}/{key[1]}".replace("//", "/")
        why = (
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {entry.manifest['metadata']['uid']}"
        )
        text = f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
        raise conflict(resource, key[1], text)


def check_preconditions(resource: Resource, key: Key, how: Deletion, metadata: Manifest) -> None:
    """Check what must be true of an object that is to be deleted; raises Conflict."""
    if how.uid and how.uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({how.uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise conflict_of_kind(resource, key[1], why)
    if how.resource_version and how.resource_version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({how.resource_version}) does not match the ResourceVersion in "
            f"record ({metadata['resourceVersion']}). The object might have been modified"
        )
        raise conflict_of_kind(resource, key[1], why)
