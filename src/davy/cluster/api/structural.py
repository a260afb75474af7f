"""Custom resources under their schemas: pruning, defaulting and validation, worded as Kubernetes words them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from davy.cluster.api.errors import Cause
from davy.cluster.api.patch import copy
from davy.cluster.api.resources import Resource
from davy.cluster.api.schema import Schema

ABSENT: Any = object()
_ROOT = ("apiVersion", "kind", "metadata")
_encode = msgspec.json.Encoder(order="sorted").encode


def join(path: str, name: str) -> str:
    """A field's path."""
    return f"{path}.{name}" if path else name


# -- pruning and defaulting ------------------------------------------------------------------------------------


def prune(schema: Schema, value: Any, path: str = "", *, root: bool = True) -> list[str]:
    """Remove in place what the schema does not know; gives the paths of what was removed."""
    if isinstance(value, dict):
        return _prune_map(schema, value, path, root)
    if isinstance(value, list):
        return [gone for i, item in enumerate(value) for gone in prune(schema.items, item, f"{path}[{i}]", root=False)]
    return []


def _prune_map(schema: Schema, value: dict[str, Any], path: str, whole: bool) -> list[str]:
    gone: list[str] = []
    for name in list(value):
        if whole and name in _ROOT:
            continue
        declared = schema.properties.get(name) or schema.additional
        if declared is not None:
            gone += prune(declared, value[name], join(path, name), root=False)
        elif not schema.open:
            del value[name]
            gone.append(join(path, name))
    return gone


def default(schema: Schema, value: Any, *, root: bool = True, nulls: bool = False) -> None:
    """Fill in defaults in place; nulls that may not be are replaced by the default, or removed unless `nulls`."""
    if isinstance(value, dict):
        _default_map(schema, value, root, nulls)
    elif isinstance(value, list):
        for item in value:
            default(schema.items, item, root=False, nulls=nulls)


def _default_map(schema: Schema, value: dict[str, Any], root: bool, nulls: bool) -> None:
    for name, declared in schema.properties.items():
        if root and name in _ROOT:
            continue
        unwanted = name in value and value[name] is None and not declared.raw.get("nullable")
        if unwanted and (declared.default is not None or not nulls):
            del value[name]
        if name not in value and declared.default is not None:
            value[name] = copy(declared.default)
        if name in value:
            default(declared, value[name], root=False, nulls=nulls)
    if schema.additional is not None:
        for name, item in value.items():
            if name not in schema.properties:
                default(schema.additional, item, root=False, nulls=nulls)


# -- validation ------------------------------------------------------------------------------------------------


def validate(schema: Schema, value: Any, old: Any = ABSENT, path: str = "") -> Iterator[Cause]:
    """What is wrong with the value; what was wrong before and has not changed is let be."""
    if old is not ABSENT and old == value and path:
        return
    if value is None and schema.raw.get("nullable"):
        return
    if (wrong := _wrong_type(schema, value, path)) is not None:
        yield wrong
        return
    yield from _logic(schema, value, path)
    for applies, check in () if isinstance(value, bool) else _CHECKS:
        if isinstance(value, applies):
            yield from check(schema.raw, value, path)
    if "enum" in schema.raw and value not in schema.raw["enum"]:
        yield _unsupported(schema.raw["enum"], value, path)
    if isinstance(value, dict):
        yield from _embedded(schema, value, path)
        yield from _validate_map(schema, value, old, path)
    elif isinstance(value, list):
        yield from _validate_list(schema, value, old, path)


def _embedded(schema: Schema, value: dict[str, Any], path: str) -> Iterator[Cause]:
    if schema.raw.get("x-kubernetes-embedded-resource"):
        for name in ("apiVersion", "kind"):
            if not value.get(name):
                yield Cause("FieldValueRequired", join(path, name), "Required value")


_GO: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def kind(value: Any) -> str:
    """The JSON schema type of a value."""
    return _GO.get(type(value), "null")


def _wrong_type(schema: Schema, value: Any, path: str) -> Cause | None:
    found = kind(value)
    if schema.int_or_string:
        fits, expected = found in ("integer", "string"), "integer,string"
    else:
        expected = schema.type
        fits = not expected or found == expected or (expected == "number" and found == "integer")
        fits = fits or (expected == "integer" and found == "number" and float(value).is_integer())
    if fits:
        return None
    message = f'Invalid value: "{found}": {path} in body must be of type {expected}: "{found}"'
    return Cause("FieldValueTypeInvalid", path, message)


def shown(value: Any, *, sort: bool = True) -> str:
    """A value as field errors show it."""
    return (_encode(value) if sort else msgspec.json.encode(value)).decode()


def _invalid(path: str, value: Any, why: str) -> Cause:
    return Cause("FieldValueInvalid", path, f"Invalid value: {shown(value)}: {path} in body {why}")


def _unsupported(allowed: list[Any], value: Any, path: str) -> Cause:
    listed = ", ".join(f'"{item}"' if isinstance(item, str) else f'"{shown(item)}"' for item in allowed)
    return Cause("FieldValueNotSupported", path, f"Unsupported value: {shown(value)}: supported values: {listed}")


def _text(raw: dict[str, Any], value: str, path: str) -> Iterator[Cause]:
    wrong = _wrong_text(raw, value, path)
    if wrong is not None:
        yield wrong
    name = raw.get("format")
    if name in FORMATS and not FORMATS[name](value):
        why = f"must be of type {name}: {shown(value)}"
        yield Cause("FieldValueTypeInvalid", path, f"Invalid value: {shown(value)}: {path} in body {why}")


def _wrong_text(raw: dict[str, Any], value: str, path: str) -> Cause | None:
    if (most := raw.get("maxLength")) is not None and len(value) > most:
        return Cause("FieldValueTooLong", path, f"Too long: may not be more than {most} bytes")
    if (least := raw.get("minLength")) is not None and len(value) < least:
        return _invalid(path, value, f"should be at least {least} chars long")
    if (pattern := raw.get("pattern")) is not None and not _regex(pattern).search(value):
        return _invalid(path, value, f"should match '{pattern}'")
    return None


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(r"\z", r"\Z").replace("[[:alnum:]]", "[0-9A-Za-z]"))


_DURATION = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)(?:(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*|0")


def _is_moment(text: str) -> bool:
    if not re.match(r"\d{4}-\d\d-\d\d[Tt ]", text):
        return False
    try:
        datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007
    except ValueError:
        return False
    return True


def _whole(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_moment,
    "date": _is_date,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "uuid": _whole(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"),
    "ipv4": _whole(r"((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}"),
    "email": _whole(r"[^@\s]+@[^@\s]+"),
    "uri": _whole(r"[A-Za-z][\w+.-]*:.*|/.*"),
}


def _number(raw: dict[str, Any], value: float, path: str) -> Iterator[Cause]:
    if (step := raw.get("multipleOf")) is not None:
        yield from _multiple(value, step, path)
    if (most := raw.get("maximum")) is not None:
        yield from _bound(value, most, raw.get("exclusiveMaximum"), ("less", value > most), path)
    if (least := raw.get("minimum")) is not None:
        yield from _bound(value, least, raw.get("exclusiveMinimum"), ("greater", value < least), path)


def _multiple(value: float, step: float, path: str) -> Iterator[Cause]:
    if isinstance(value, int) and int(step) < 1:  # whole numbers are divided by the whole part of the step
        why = f"factor MultipleOf declared for {path} must be positive: {int(step)}"
        yield Cause("FieldValueInvalid", path, f"Invalid value: {int(step)}: {why}")
    elif abs(value / step - round(value / step)) > 1e-9:
        yield _invalid(path, value, f"should be a multiple of {shown(step)}")


def _bound(value: float, bound: float, strict: Any, beyond: tuple[str, bool], path: str) -> Iterator[Cause]:
    word, outside = beyond
    limit = shown(bound)
    if strict and (outside or value == bound):
        yield _invalid(path, value, f"should be {word} than {limit}")
    elif outside:
        yield _invalid(path, value, f"should be {word} than or equal to {limit}")


def _list(raw: dict[str, Any], value: list[Any], path: str) -> Iterator[Cause]:
    if (most := raw.get("maxItems")) is not None and len(value) > most:
        yield Cause("FieldValueTooMany", path, f"Too many: {len(value)}: must have at most {_counted(most, 'item')}")
    if (least := raw.get("minItems")) is not None and len(value) < least:
        yield Cause(
            "FieldValueInvalid",
            path,
            f"Invalid value: {len(value)}: {path} in body should have at least {least} items",
        )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _map(raw: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[Cause]:
    if (most := raw.get("maxProperties")) is not None and len(value) > most:
        yield Cause("FieldValueTooMany", path, f"Too many: {len(value)}: must have at most {_counted(most, 'item')}")
    if (least := raw.get("minProperties")) is not None and len(value) < least:
        yield _invalid(path, value, f"should have at least {least} properties")
    for name in raw.get("required") or ():
        if name not in value:
            yield Cause("FieldValueRequired", join(path, name), "Required value")


_CHECKS: tuple[tuple[Any, Callable[[dict[str, Any], Any, str], Iterator[Cause]]], ...] = (
    (str, _text),
    ((int, float), _number),
    (list, _list),
    (dict, _map),
)


def _validate_map(schema: Schema, value: dict[str, Any], old: Any, path: str) -> Iterator[Cause]:
    before = old if isinstance(old, dict) else {}
    for name in sorted(value):
        if not path and name in _ROOT:
            continue
        declared = schema.properties.get(name) or schema.additional
        if declared is not None and not declared.untyped:
            yield from validate(declared, value[name], before.get(name, ABSENT), join(path, name))


def _validate_list(schema: Schema, value: list[Any], old: Any, path: str) -> Iterator[Cause]:
    before = correlated(schema, value, old)
    for index, item in enumerate(value):
        yield from validate(schema.items, item, before[index], f"{path}[{index}]")


def correlated(schema: Schema, value: list[Any], old: Any) -> list[Any]:
    """For each item the old item it is, where the list's kind says which that is."""
    if not schema.keys or not isinstance(old, list):
        return [ABSENT] * len(value)
    known = {_identity(schema, item): item for item in old}
    return [known.get(_identity(schema, item), ABSENT) for item in value]


def _identity(schema: Schema, item: Any) -> bytes:
    if schema.is_set or not isinstance(item, dict):
        return _encode(item)
    return _encode({key: item.get(key, _default_of(schema, key)) for key in schema.keys})


def _default_of(schema: Schema, key: str) -> Any:
    declared = schema.items.properties.get(key)
    return declared.default if declared else None


def duplicates(schema: Schema, value: Any, path: str = "") -> Iterator[Cause]:
    """Items that a list which is a map or a set has twice."""
    if isinstance(value, dict):
        for name in sorted(value):
            declared = schema.properties.get(name) or schema.additional
            if declared is not None and not (not path and name in _ROOT):
                yield from duplicates(declared, value[name], join(path, name))
    elif isinstance(value, list):
        seen: set[bytes] = set()
        for index, item in enumerate(value):
            if schema.keys or schema.is_set:
                identity = _identity(schema, item)
                if identity in seen:
                    yield Cause("FieldValueDuplicate", f"{path}[{index}]", f"Duplicate value: {identity.decode()}")
                seen.add(identity)
            yield from duplicates(schema.items, item, f"{path}[{index}]")


def scale_paths(resource: Resource, manifest: dict[str, Any]) -> Iterator[Cause]:
    """What keeps the scale subresource from finding the replicas."""
    custom = resource.custom
    if custom is None or not custom.replicas_path:
        return
    found: Any = manifest
    for name in custom.replicas_path.strip(".").split("."):
        if found is not None and not isinstance(found, dict):
            why = f"{found} is of the type {kind(found)}, expected map[string]interface{{}}"
            message = f"Invalid value: 0: {custom.replicas_path} accessor error: {why}"
            yield Cause("FieldValueInvalid", custom.replicas_path, message)
            return
        found = (found or {}).get(name)
    if isinstance(found, int) and found < 0:
        message = f"Invalid value: {found}: should be a non-negative integer"
        yield Cause("FieldValueInvalid", custom.replicas_path, message)


# -- allOf, anyOf, oneOf, not ----------------------------------------------------------------------------------


def _logic(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    raw = schema.raw
    if "anyOf" in raw and not schema.int_or_string and not _fitting(schema, raw["anyOf"], value):
        yield _unlogical(path, "must validate at least one schema (anyOf)")
    if "oneOf" in raw and not schema.int_or_string:
        count = _fitting(schema, raw["oneOf"], value)
        if count != 1:
            found = "Found none valid" if not count else f"Found {count} valid alternatives"
            yield _unlogical(path, f"must validate one and only one schema (oneOf). {found}")
            if not count:
                for part in raw["oneOf"][:1]:
                    yield from validate(schema.variant(part), value, ABSENT, path)
    if "not" in raw and _fitting(schema, [raw["not"]], value):
        yield _unlogical(path, "must not validate the schema (not)")
    for part in raw.get("allOf") or ():
        yield from validate(schema.variant(part), value, ABSENT, path)


def _unlogical(path: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", "<nil>", f'Invalid value: "": "{path}" {why}')


def _fitting(schema: Schema, parts: list[dict[str, Any]], value: Any) -> int:
    return sum(next(validate(schema.variant(part), value, ABSENT, "x"), None) is None for part in parts)
