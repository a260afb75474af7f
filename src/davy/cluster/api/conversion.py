"""Two versions of one kind that name their fields otherwise: the old Event and the new one."""

from __future__ import annotations

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


def to_stored(resource: Resource, manifest: Manifest) -> Manifest:
    """An object as it is stored."""
    stored = {**manifest, "apiVersion": resource.storage_group_version}
    if resource.stored_as != "events":
        return stored
    renamed = {_OLD_NAMES.get(key, key): value for key, value in stored.items()}
    return {**_NEVER_EMPTY, **_TEXTS, **renamed}


def from_stored(resource: Resource, manifest: Manifest) -> Manifest:
    """A stored object in the version of a resource."""
    served = {**manifest, "apiVersion": resource.group_version}
    if resource.stored_as != "events":
        return served
    kept = {key: value for key, value in served.items() if not (key in _TEXTS and value == "")}
    return {_NEW_NAMES.get(key, key): value for key, value in kept.items()}
