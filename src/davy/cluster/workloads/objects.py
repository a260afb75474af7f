"""Short readings of manifests: metadata, owners, conditions, and what makes a pod active, ready or available."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

Manifest = dict[str, Any]


def name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def namespace(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("namespace", ""))


def uid(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("uid", ""))


def labels(manifest: Manifest) -> dict[str, str]:
    return manifest["metadata"].get("labels") or {}


def annotations_of(manifest: Manifest) -> dict[str, str]:
    return manifest["metadata"].get("annotations") or {}


def created(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("creationTimestamp") or "")


def is_leaving(manifest: Manifest) -> bool:
    """It has been deleted, and only its finalizers or its grace period keep it."""
    return bool(manifest["metadata"].get("deletionTimestamp"))


def owners(manifest: Manifest) -> list[Manifest]:
    return manifest["metadata"].get("ownerReferences") or []


def controller(manifest: Manifest) -> Manifest | None:
    """The owner reference of the one controller in charge, if there is one."""
    return next((owner for owner in owners(manifest) if owner.get("controller")), None)


def controller_uid(manifest: Manifest) -> str | None:
    owner = controller(manifest)
    return owner["uid"] if owner else None


def owned_by(owner: Manifest) -> Manifest:
    """The owner reference with which `owner` takes charge of an object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name(owner),
        "uid": uid(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(manifest: Manifest, type_: str) -> Manifest | None:
    conditions: Sequence[Manifest] = (manifest.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == type_), None)


def count(manifest: Manifest, field: str) -> int:
    """A number of the status; what is not there is 0."""
    return cast(int, (manifest.get("status") or {}).get(field) or 0)


def is_active(pod: Manifest) -> bool:
    """It runs or will run: neither ended nor told to go."""
    return not is_leaving(pod) and not is_ended(pod)


def is_ended(pod: Manifest) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_ready(pod: Manifest) -> bool:
    ready = condition(pod, "Ready")
    return bool(ready and ready["status"] == "True")


def available_in(pod: Manifest, min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until a ready pod counts as available (0: it does already); None for a pod that is not ready."""
    ready = condition(pod, "Ready")
    if not ready or ready["status"] != "True":
        return None
    if not min_ready_seconds or not ready.get("lastTransitionTime"):
        return 0.0
    due = parse_time(ready["lastTransitionTime"]) + timedelta(seconds=min_ready_seconds)
    return max(0.0, (due - now).total_seconds())


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Manifest:
    """The merge patch from one mapping to the other: new values, None for what is gone; empty if they are alike."""
    patch = {key: value for key, value in new.items() if old.get(key) != value}
    return patch | dict.fromkeys(key for key in old if key not in new)
