"""A change to an object of somebody else's: some parts of it become exactly this, the rest is left as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from davy.api.ref import Manifest, Ref


class Edit(Struct, frozen=True):
    """Pure data; render guards it with the resourceVersion that it was made from."""

    ref: Ref
    parts: Mapping[str, Any]
    """JSON pointer → its new value, whole; None: the part goes."""


def part(manifest: Manifest, pointer: str) -> Any:
    """The part of the object that the JSON pointer (RFC 6901) names; None if it is not there."""
    found: Any = manifest
    for step in pointer.split("/")[1:]:
        if not isinstance(found, dict):
            return None
        found = found.get(step.replace("~1", "/").replace("~0", "~"))
    return found


def differing(live: Manifest, edit: Edit) -> dict[str, Any]:
    """The parts that are not so yet."""
    return {pointer: value for pointer, value in edit.parts.items() if part(live, pointer) != value}
