"""Who owns which fields: reading metadata.managedFields, and what server-side apply would change.

A `Path` is a field's place as fieldsV1 spells it: `("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")`.
The schema is not known here. Which lists and maps are one value, and which are merged item by item, is learnt from
the owned fields themselves: below a value that is owned whole there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

Path = tuple[str, ...]
Fields = Mapping[str, Any]  # a fieldsV1 tree: element → tree

# Fields that identify an object, or are the server's; nobody owns them.
UNOWNED = frozenset({"apiVersion", "kind"})
UNOWNED_METADATA = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields"}
)


class Applied(NamedTuple):
    """An apply of ours and the server's reply to it: how it spells what we want, its defaults included."""

    wanted: Mapping[str, Any]
    reply: Mapping[str, Any]


def owned_paths(
    manifest: Mapping[str, Any], manager: str, operation: str | None = None, subresource: str = ""
) -> frozenset[Path]:
    """The fields that `manager` owns, by `operation` ("Apply", "Update"; None: either), in `subresource`."""
    return frozenset(_paths(_owned(manifest, manager, operation, subresource)))


def wanted_paths(manifest: Mapping[str, Any]) -> frozenset[Path]:
    """The fields that an apply of `manifest` asks for. Lists count as one value, for want of the schema."""
    return frozenset(_leaves(_ownable(manifest), ()))


def is_applied(live: Mapping[str, Any], wanted: Mapping[str, Any], manager: str, last: Applied | None = None) -> bool:
    """Whether applying `wanted` as `manager` would change nothing.

    So it is if every wanted field has its value, and every field that `manager` owns is still wanted. Inside a list
    or map that is owned as one value the server may have added defaults, which look like fields we no longer want;
    `last` tells them apart. Without it the answer is False in doubt, which costs one apply that changes nothing.
    """
    fields = _owned(live, manager, None, "")
    asked = _ownable(wanted)
    reply = last.reply if last is not None and last.wanted == wanted else None
    return _holds(live, asked, fields or None, reply) and _all_wanted(asked, fields)


def take_over(live: Mapping[str, Any], from_manager: str, to_manager: str) -> list[dict[str, Any]] | None:
    """The JSON patch that makes `from_manager`'s updates our own applies; None if there are none.

    Without it, fields that the other program wrote would outlive every apply of ours that no longer names them.
    The patch fails (Invalid) if the object has changed since `live`.
    """
    entries = live["metadata"].get("managedFields") or []
    theirs = [each for each in entries if _is(each, from_manager, "Update", "")]
    if not theirs:
        return None
    ours = [each for each in entries if _is(each, to_manager, "Apply", "")]
    rest = [each for each in entries if each not in theirs and each not in ours]
    fields: Fields = {}
    for each in (*ours, *theirs):
        fields = _union(fields, each.get("fieldsV1") or {})
    merged = {**(ours or theirs)[0], "manager": to_manager, "operation": "Apply", "fieldsV1": fields}
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/metadata/managedFields", "value": [merged, *rest]},
    ]


def owners_of(manifest: Mapping[str, Any], path: Path) -> frozenset[str]:
    """The managers that own a field, or something below it: whom to name when it keeps changing."""
    entries = manifest["metadata"].get("managedFields") or []
    return frozenset(each["manager"] for each in entries if _reaches(each.get("fieldsV1") or {}, path))


# -- fieldsV1 trees


def _owned(manifest: Mapping[str, Any], manager: str, operation: str | None, subresource: str) -> Fields:
    fields: Fields = {}
    for each in manifest["metadata"].get("managedFields") or ():
        if _is(each, manager, operation, subresource):
            fields = _union(fields, each.get("fieldsV1") or {})
    return fields


def _is(entry: Mapping[str, Any], manager: str, operation: str | None, subresource: str) -> bool:
    return (
        entry.get("manager") == manager
        and (operation is None or entry.get("operation") == operation)
        and entry.get("subresource", "") == subresource
    )


def _union(one: Fields, other: Fields) -> Fields:
    if not one or not other:
        return one or other
    return {key: _union(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}


def _paths(fields: Fields, above: Path = ()) -> Iterator[Path]:
    for element, below in fields.items():
        if element == ".":
            continue
        if not below or "." in below:
            yield (*above, element)
        yield from _paths(below, (*above, element))


def _reaches(fields: Fields, path: Path) -> bool:
    for element in path:
        if element not in fields:
            return False
        fields = fields[element]
    return True


# -- manifests


def _ownable(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without what no manager owns."""
    kept = {key: value for key, value in manifest.items() if key not in UNOWNED}
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in UNOWNED_METADATA}
    return {**kept, "metadata": metadata}


def _leaves(value: Any, above: Path) -> Iterator[Path]:
    if not isinstance(value, dict) or (not value and above != ("f:metadata",)):
        yield above
        return
    for key, below in value.items():
        yield from _leaves(below, (*above, f"f:{key}"))


def _holds(live: Any, wanted: Any, fields: Fields | None, reply: Any) -> bool:
    """Whether `live` has every value of `wanted`.

    `fields` is what we own there: a tree; empty for a value that is owned whole; None for what is not ours (yet).
    """
    match wanted:
        case dict() if fields != {}:
            return isinstance(live, dict) and all(
                key in live and _holds(live[key], value, (fields or {}).get(f"f:{key}"), _at(reply, key))
                for key, value in wanted.items()
            )
        case list() if fields and any(element.startswith("k:") for element in fields):
            return isinstance(live, list) and all(_holds_item(live, item, fields, reply) for item in wanted)
        case list() if fields and any(element.startswith("v:") for element in fields):
            return isinstance(live, list) and all(item in live for item in wanted)
        case _:
            return bool(live == wanted or (reply is not None and live == reply))


def _holds_item(live: list[Any], wanted: Any, fields: Fields, reply: Any) -> bool:
    return any(
        _holds(_item(live, key), wanted, below, _item(reply, key))
        for key, below in _keyed(fields)
        if _matches(wanted, key)
    )


def _all_wanted(wanted: Any, fields: Fields) -> bool:
    """Whether everything in the tree is in `wanted` still."""
    return all(_is_wanted(wanted, element, below) for element, below in fields.items() if element != ".")


def _is_wanted(wanted: Any, element: str, below: Fields) -> bool:
    sort, _, name = element.partition(":")
    match sort:
        case "f":
            return isinstance(wanted, dict) and name in wanted and _all_wanted(wanted[name], below)
        case "k":
            key = _key(name)
            items = wanted if isinstance(wanted, list) else ()
            return any(_matches(item, key) and _all_wanted(item, below) for item in items)
        case "v":
            return isinstance(wanted, list) and msgspec.json.decode(name) in wanted
        case _:  # "i", a place in a list: server-side apply gives none away
            return isinstance(wanted, list) and int(name) < len(wanted)


def _keyed(fields: Fields) -> Iterator[tuple[Mapping[str, Any], Fields]]:
    for element, below in fields.items():
        if element.startswith("k:"):
            yield _key(element[2:]), below


@lru_cache(256)
def _key(name: str) -> Mapping[str, Any]:
    """The fields by which an item is known: `{"port":80,"protocol":"TCP"}`."""
    key: Mapping[str, Any] = msgspec.json.decode(name)
    return key


def _matches(item: Any, key: Mapping[str, Any]) -> bool:
    """Whether an item goes by `key`; a part of the key that it leaves out is the server's default."""
    if not isinstance(item, dict) or key.keys().isdisjoint(item):
        return False
    return all(item.get(name, value) == value for name, value in key.items())


def _item(items: Any, key: Mapping[str, Any]) -> Any:
    return next((item for item in items or () if _matches(item, key)), None)


def _at(reply: Any, key: str) -> Any:
    return reply.get(key) if isinstance(reply, dict) else None
