"""Merge patch (RFC 7386) and JSON patch (RFC 6902) on plain JSON values."""

from __future__ import annotations

from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException

from davy.cluster.api.errors import ApiError, bad_request

Manifest = dict[str, Any]


def copy(value: Any) -> Any:
    """A deep copy of a JSON value."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) for item in value]
    return value


def merge(value: Any, patch: Any) -> Any:
    """The value with a merge patch applied; neither is changed, parts may be shared."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for key, item in patch.items():
        if item is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), item)
    return merged


def json_patch(value: Any, operations: Any) -> Any:
    """The value with a JSON patch applied; raises 422 when a test fails or a path is missing, 400 for no patch."""
    if not isinstance(operations, list):
        message = "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        raise bad_request(message)
    try:
        for operation in operations:
            value = _operate(value, operation)
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, AttributeError):
        raise ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {}) from None
    return value


def _operate(value: Any, operation: dict[str, Any]) -> Any:
    try:
        return jsonpatch.apply_patch(value, [operation])
    except jsonpatch.JsonPatchConflict:
        if operation.get("op") != "replace":
            raise
        return jsonpatch.apply_patch(value, [{**operation, "op": "add"}])  # what Kubernetes' library does
