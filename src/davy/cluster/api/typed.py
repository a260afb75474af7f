"""Objects under a schema: which fields they have, how two differ, how one is merged into or cut out of another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from davy.cluster.api.fields import MEMBER, Fields, below, key_element, member, node, shown, union, value_element
from davy.cluster.api.schema import Schema

_ABSENT: Any = object()


class UntypedError(ValueError):
    """An object does not fit its schema so far that fields of it cannot be named; the text says where and why."""


def _kind(schema: Schema, value: Any) -> str:
    """How a value is treated: as a "leaf", by its keys ("map"), by its items ("list")."""
    if isinstance(value, dict):
        return "leaf" if schema.scalar or (schema.type == "object" and schema.atomic) else "map"
    if isinstance(value, list):
        return "list" if schema.keys or schema.is_set else "leaf"
    if value is None and not schema.scalar:
        return _declared(schema)
    return "leaf"


def _declared(schema: Schema) -> str:
    if schema.type == "object":
        return "leaf" if schema.atomic else "map"
    if schema.type == "array" and (schema.keys or schema.is_set):
        return "list"
    return "leaf"


def element(schema: Schema, item: Any) -> str:
    """The path element of a list item; raises UntypedError if its keys are not there."""
    if schema.is_set:
        if isinstance(item, (dict, list)) or item is None:
            what = "an explicit null" if item is None else f"a {'map' if isinstance(item, dict) else 'list'} type"
            raise UntypedError(f"associative list without keys has an element that's {what}")
        return value_element(item)
    if not isinstance(item, dict):
        kind = "a null element" if item is None else "non-map elements"
        raise UntypedError(f"associative list with keys may not have {kind}")
    keys: dict[str, Any] = {}
    for name in schema.keys:
        found = item[name] if name in item else _key_default(schema, name)
        if found is not None:
            keys[name] = found
    if not keys:
        quoted = " ".join(f'"{name}"' for name in schema.keys)
        raise UntypedError(
            f"associative list with keys has an element that omits all key fields [{quoted}] "
            "(and doesn't have default values for any key fields)"
        )
    return key_element(keys)


def _key_default(schema: Schema, name: str) -> Any:
    declared = schema.items.properties.get(name)
    return declared.default if declared is not None else None


def check(schema: Schema, value: Any, *, duplicates: bool = True, path: str = "") -> Iterator[str]:
    """What keeps the object from being typed: undeclared fields, wrong types, list items with no or double keys."""
    if isinstance(value, dict):
        yield from _check_map(schema, value, duplicates, path)
    elif isinstance(value, list):
        yield from _check_list(schema, value, duplicates, path)
    elif value is not None:
        yield from _check_scalar(schema, value, path)


def _check_map(schema: Schema, value: dict[str, Any], duplicates: bool, path: str) -> Iterator[str]:
    if schema.scalar:
        expected = {"integer": "numeric (int or float)", "number": "numeric (int or float)", "": "any scalar"}
        name = expected.get(schema.type, schema.type)
        yield f"{path}: expected {name}, got {_go(value, name)}"
        return
    if schema.type == "array":
        yield f"{path}: expected list, got {_go(value, 'list')}"
        return
    for name, item in value.items():
        below_it = f"{path}.{name}"
        if name not in schema.properties and schema.additional is None:
            if schema.type or schema.properties:
                yield f"{below_it}: field not declared in schema"
            continue
        yield from check(schema.field(name), item, duplicates=duplicates, path=below_it)


def _check_list(schema: Schema, value: list[Any], duplicates: bool, path: str) -> Iterator[str]:
    if schema.scalar or schema.type == "object":
        name = "map" if schema.type == "object" else schema.type
        yield f"{path}: expected {name}, got {_go(value, name)}"
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        name = f"[{index}]"
        if schema.keys or schema.is_set:
            try:
                key = element(schema, item)
            except UntypedError as error:
                yield f"{path}: element {index}: {error}"
                return
            name = shown((key,))
            if key in seen and duplicates:
                yield f"{path}: duplicate entries for key {name}"
            seen.add(key)
        yield from check(schema.items, item, duplicates=duplicates, path=path + name)


_EXPECTED: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "string"),
    "integer": ((int, float), "numeric (int or float)"),
    "number": ((int, float), "numeric (int or float)"),
    "boolean": ((bool,), "boolean"),
    "object": ((dict,), "map"),
    "array": ((list,), "list"),
}


def _check_scalar(schema: Schema, value: Any, path: str) -> Iterator[str]:
    if schema.int_or_string or schema.type not in _EXPECTED:
        return
    types, name = _EXPECTED[schema.type]
    if not isinstance(value, types) or (isinstance(value, bool) and schema.type != "boolean"):
        yield f"{path}: expected {name}, got {_go(value, name)}"


_GO_TYPES = ((bool, "bool"), (str, "string"), (dict, "map[string]interface {}"), (list, "[]interface {}"))


def _go(value: Any, expected: str) -> str:
    """What was got, as the words for what was expected print it."""
    if expected.startswith("numeric"):
        return next((name for kind, name in _GO_TYPES if isinstance(value, kind)), "float64")
    if expected == "string":
        text = f'"{value}"' if isinstance(value, str) else _plain(value)
        return f"&value.valueUnstructured{{Value:{text}}}"
    return f"&{{{_plain(value)}}}"


def _plain(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return "map[" + " ".join(f"{key}:{_plain(item)}" for key, item in sorted(value.items())) + "]"
        case list():
            return "[" + " ".join(_plain(item) for item in value) + "]"
        case _:
            return str(value)


# -- which fields ----------------------------------------------------------------------------------------------


def fieldset(schema: Schema, value: Any) -> Fields:
    """The fields an applied configuration claims."""
    match _kind(schema, value):
        case "map":
            return _map_fields(schema, value or {})
        case "list":
            return _list_fields(schema, value or [])
        case _:
            return MEMBER


def _map_fields(schema: Schema, value: dict[str, Any]) -> Fields:
    found: Fields = {}
    for name, item in value.items():
        declared = schema.field(name)
        leaf = _kind(declared, item) == "leaf"
        children = MEMBER if leaf else fieldset(declared, item)
        own = leaf or item is None or item == {} or name not in schema.properties
        if own or children:
            found[f"f:{name}"] = node(own, children)
    return found


def _list_fields(schema: Schema, value: list[Any]) -> Fields:
    groups = _grouped(schema, value)
    return {
        key: node(True, MEMBER if len(items) > 1 or schema.is_set else fieldset(schema.items, items[0]))
        for key, items in groups.items()
    }


def _grouped(schema: Schema, value: Any) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for item in value or ():
        groups.setdefault(element(schema, item), []).append(item)
    return groups


# -- how two differ --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """The fields that one object has and the other has not, or not alike."""

    added: Fields
    removed: Fields
    modified: Fields

    @property
    def changed(self) -> Fields:
        """Added or modified."""
        return union(self.added, self.modified)


class _Marks:
    """Gathers a comparison while two objects are walked."""

    def __init__(self) -> None:
        self.added: Fields = {}
        self.removed: Fields = {}
        self.modified: Fields = {}


def compare(schema: Schema, old: Any, new: Any) -> Comparison:
    """What was added, removed and modified from old to new."""
    marks = _compare(schema, old, new)
    return Comparison(marks.added, marks.removed, marks.modified)


def _compare(schema: Schema, old: Any, new: Any) -> _Marks:
    """The differences strictly below a value that both have (or one has: then everything below it)."""
    marks = _Marks()
    if old is new:
        return marks
    kinds = {_kind(schema, value) for value in (old, new) if value is not _ABSENT and value is not None}
    if "map" in kinds:
        a, b = (value if isinstance(value, dict) else {} for value in (old, new))
        for name in (*a, *(name for name in b if name not in a)):
            _mark(marks, f"f:{name}", schema.field(name), a.get(name, _ABSENT), b.get(name, _ABSENT))
    elif "list" in kinds:
        _compare_lists(marks, schema, *(value if isinstance(value, list) else [] for value in (old, new)))
    return marks


def _compare_lists(marks: _Marks, schema: Schema, old: list[Any], new: list[Any]) -> None:
    a, b = _grouped(schema, old), _grouped(schema, new)
    for key in (*a, *(key for key in b if key not in a)):
        left, right = a.get(key, []), b.get(key, [])
        if len(left) <= 1 and len(right) <= 1:
            _mark(marks, key, schema.items, left[0] if left else _ABSENT, right[0] if right else _ABSENT)
        elif len(left) > 1 and len(right) > 1:
            if left != right:
                _put(marks.modified, key, True, {})
        else:
            _compare_duplicates(marks, key, schema, left, right)


def _compare_duplicates(marks: _Marks, key: str, schema: Schema, left: list[Any], right: list[Any]) -> None:
    if len(left) > 1:
        if right:
            _mark(marks, key, schema.items, _ABSENT, right[0])
        _put(marks.removed, key, True, {})
    else:
        if left:
            _mark(marks, key, schema.items, left[0], _ABSENT)
        _put(marks.added, key, True, {})


def _put(fields: Fields, key: str, own: bool, children: Fields) -> None:
    known = fields.get(key)
    if known is not None:
        own, children = own or member(known), union(below(known), children)
    if own or children:
        fields[key] = node(own, children)


def _empty(value: Any) -> bool:
    return value is _ABSENT or value is None or value in ({}, [])


def _mark(marks: _Marks, key: str, schema: Schema, old: Any, new: Any) -> None:
    """Note at `key` and below how old and new differ there."""
    if old is new or (old is not _ABSENT and old == new and _same(old, new)):
        return
    inner = _compare(schema, old, new)
    leaf = (_empty(old) and _empty(new)) or all(
        _kind(schema, value) == "leaf" for value in (old, new) if value is not _ABSENT and value is not None
    )
    modified = leaf and old is not _ABSENT and new is not _ABSENT and not _same(old, new)
    _put(marks.added, key, old is _ABSENT, inner.added)
    _put(marks.removed, key, new is _ABSENT, inner.removed)
    _put(marks.modified, key, modified, inner.modified)


def _same(old: Any, new: Any) -> bool:
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


# -- merging and cutting ---------------------------------------------------------------------------------------


def merge(schema: Schema, live: Any, config: Any) -> Any:
    """The live object with an applied configuration merged in."""
    if config is _ABSENT:
        return live
    if live is _ABSENT:
        return config
    if _empty(live) and _empty(config):
        return config
    kind = _kind(schema, config if config is not None else live)
    if kind == "map" and not (live is not None and not isinstance(live, dict)):
        return _merge_maps(schema, live or {}, config or {})
    if kind == "list" and not (live is not None and not isinstance(live, list)):
        return _merge_lists(schema, live or [], config or [])
    return config


def _merge_maps(schema: Schema, live: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    merged = dict(live)
    for name, item in config.items():
        merged[name] = merge(schema.field(name), live.get(name, _ABSENT), item)
    return merged


def _merge_lists(schema: Schema, live: list[Any], config: list[Any]) -> list[Any]:
    left, right = [element(schema, item) for item in live], [element(schema, item) for item in config]
    known, wanted = _grouped(schema, live), dict(zip(right, config, strict=True))
    merged: list[Any] = []
    for place, key in _interleaved(left, right):
        if place >= 0:
            merged.append(live[place])
        else:
            single = known.get(key, ())
            merged.append(merge(schema.items, single[0] if len(single) == 1 else _ABSENT, wanted[key]))
    return merged


def _interleaved(left: list[str], right: list[str]) -> Iterator[tuple[int, str]]:
    """The order of a merged list: what both have as the right says, what one has near where it was.

    Gives the place of items that only the left has, -1 for all of the right.
    """
    on_left, on_right = set(left), set(right)
    shared = deque(key for key in right if key in on_left)
    i = j = 0
    while i < len(left) and j < len(right):
        key = left[i]
        if key not in on_right:
            yield i, key
        elif key != right[j] and shared and shared[0] == key:
            yield -1, right[j]
            j += 1
            continue
        elif key == right[j] or not shared:
            yield -1, right[j]
            if right[j] in shared:
                shared.remove(right[j])
            j += 1
        i += 1
    yield from ((place, key) for place, key in enumerate(left[i:], i) if key not in on_right)
    yield from ((-1, key) for key in right[j:])


def cut(schema: Schema, value: Any, gone: Fields) -> Any:
    """The object without these fields (and what is below them); None when nothing is left of a map or list."""
    match _kind(schema, value):
        case "map" if value:
            kept = {
                name: _cut_item(schema.field(name), item, gone.get(f"f:{name}"))
                for name, item in value.items()
                if not _gone(gone, f"f:{name}")
            }
            return kept or None
        case "list" if value:
            items = [
                _cut_item(schema.items, item, gone.get(key))
                for item, key in ((item, element(schema, item)) for item in value)
                if not _gone(gone, key)
            ]
            return items or None
        case "map" | "list":
            return None
        case _:
            return value


def _gone(gone: Fields, key: str) -> bool:
    return key in gone and member(gone[key])


def _cut_item(schema: Schema, item: Any, gone: Fields | None) -> Any:
    if not gone or _kind(schema, item) == "leaf":
        return item
    return cut(schema, item, below(gone))


def named(schema: Schema, fields: Fields) -> Fields:
    """The set with every declared field that has members below it made a member too."""
    found: Fields = {}
    for key, child in fields.items():
        if key.startswith("f:"):
            inner, declared = schema.field(key[2:]), key[2:] in schema.properties
        else:
            inner, declared = schema.items, False
        children = named(inner, below(child))
        found[key] = node(member(child) or (declared and bool(children)), children)
    return found
