"""Strategic merge patch: lists of builtin kinds merged by their keys, with its directives."""

from __future__ import annotations

from collections import deque
from typing import Any

from davy.cluster.api.errors import ApiError, bad_request
from davy.cluster.api.schema import Schema

_DIRECTIVE, _RETAIN = "$patch", "$retainKeys"
_ORDER, _DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def patch(schema: Schema, value: Any, change: Any) -> Any:
    """The value with a strategic merge patch applied; neither is changed. Raises 400 for a patch that is none."""
    if not isinstance(change, dict):
        return change
    match change.get(_DIRECTIVE):
        case "replace":
            return {key: item for key, item in change.items() if key != _DIRECTIVE}
        case "delete":
            return {}
        case None | "merge":
            return _merge(schema, value if isinstance(value, dict) else {}, change)
        case other:
            raise bad_request(f"unknown patch type found: {other}")


def _merge(schema: Schema, value: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = _retained(value, change)
    for key, item in change.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            merged[name] = [known for known in merged.get(name) or () if known not in item]
        elif not key.startswith("$"):
            _merge_field(schema.field(key), merged, key, item)
    for key, order in change.items():
        if key.startswith(_ORDER) and merged.get(name := key.removeprefix(_ORDER)):
            merged[name] = _ordered(schema.field(name).merge_key, merged[name], order, value.get(name) or [])
    return merged


def _retained(value: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    retain = change.get(_RETAIN)
    if retain is None:
        return dict(value)
    return {key: item for key, item in value.items() if key in retain}


def _merge_field(schema: Schema, merged: dict[str, Any], key: str, item: Any) -> None:
    if item is None:
        merged.pop(key, None)
    elif isinstance(item, dict):
        merged[key] = patch(schema, merged.get(key), item)
    elif isinstance(item, list) and schema.merges:
        merged[key] = _merge_list(schema, merged.get(key) or [], item)
    else:
        merged[key] = item


def _merge_list(schema: Schema, value: list[Any], change: list[Any]) -> list[Any]:
    if not schema.merge_key:
        merged = [*value, *(item for item in dict.fromkeys(change) if item not in value)]
        return _ordered("", merged, change, value)
    plain = [item for item in change if not (isinstance(item, dict) and _DIRECTIVE in item)]
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in change):
        return plain
    merged = list(value)
    for item in change:
        _merge_item(schema, merged, item)
    return _ordered(schema.merge_key, merged, plain, value)


def _merge_item(schema: Schema, merged: list[Any], item: Any) -> None:
    key = schema.merge_key
    if not isinstance(item, dict) or key not in item:
        message = f"map: {shown(item)} does not contain declared merge key: {key}"
        raise ApiError(500, "", message)
    place = next((i for i, known in enumerate(merged) if known.get(key) == item[key]), None)
    if item.get(_DIRECTIVE) == "delete":
        merged[:] = [known for known in merged if known.get(key) != item[key]]
    elif place is None:
        merged.append(patch(schema.items, {}, item))
    else:
        merged[place] = patch(schema.items, merged[place], item)


def shown(value: Any) -> str:
    """A value as Go prints it."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{shown(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(shown(item) for item in value) + "]"
    return str(value)


def _ordered(key: str, items: list[Any], order: list[Any], before: list[Any]) -> list[Any]:
    """The named items in the order asked for; the others woven in where they stood before, as far as that is known."""

    def name(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    asked = {name(item): place for place, item in enumerate(order)}
    stood = {name(item): place for place, item in enumerate(before)}
    others = deque(item for item in items if name(item) not in asked)
    chosen = deque(sorted((item for item in items if name(item) in asked), key=lambda item: asked[name(item)]))
    woven: list[Any] = []
    while others and chosen:
        left, right = stood.get(name(others[0])), stood.get(name(chosen[0]))
        first = left is not None and right is not None and left < right
        woven.append((others if first else chosen).popleft())
    return [*woven, *others, *chosen]
