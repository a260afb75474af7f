"""Bodies of builtin kinds made what the server's own types would hold: unknown fields found, empty ones dropped."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from davy.cluster.api.quantity import QuantityError, canonical
from davy.cluster.api.schema import QUANTITY, Schema

_JSON_NAMES = ((bool, "bool"), (int, "number"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


class MismatchError(ValueError):
    """A value that its field's type cannot hold; the text is that of Go's JSON decoder."""


# Where in an object the walk is: (place above, "." or "key" or "item", name or index, schema above). Told on errors.
_Place = tuple[Any, str, Any, Schema | None]


def _path(place: _Place | None) -> str:
    """The path for people: spec.containers[0].name."""
    if place is None:
        return ""
    above, kind, name, _ = place
    return f"{_path(above)}[{name}]" if kind == "item" else _join(_path(above), name)


def _go_path(place: _Place | None) -> str:
    """The path as Go tells it: without indices and keys."""
    if place is None:
        return ""
    above, kind, name, _ = place
    return _join(_go_path(above), name) if kind == "." else _go_path(above)


def _owner(place: _Place) -> str:
    """The struct whose field it is."""
    above, _, _, schema = place
    named = _struct(schema) if schema is not None else ""
    return named or (_owner(above) if above is not None else "")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _struct(schema: Schema) -> str:
    return schema.name.rpartition(".")[2]


@dataclass(slots=True)
class Settled:
    """An object as the types hold it, and the paths of the fields they do not have."""

    value: Any
    unknown: list[str] = field(default_factory=list)


def settle(schema: Schema, value: dict[str, Any]) -> Settled:
    """The body as its type holds it; raises MismatchError."""
    settled = Settled(None)
    settled.value = _struct_value(schema, value, None, settled.unknown)
    return settled


def _value(schema: Schema, value: Any, place: _Place | None, unknown: list[str]) -> Any:
    _check_type(schema, value, place)
    if schema.name == QUANTITY:
        return _quantity(value)
    if isinstance(value, str):
        return _text(schema, value)
    if isinstance(value, dict) and schema.properties:
        return _struct_value(schema, value, place, unknown)
    if isinstance(value, dict) and schema.additional is not None and not schema.additional.untyped:
        return _map_value(schema.additional, value, place, unknown)
    if isinstance(value, list):
        items = schema.items
        return [_value(items, _zero(items, item), (place, "item", i, None), unknown) for i, item in enumerate(value)]
    return value


def _text(schema: Schema, value: str) -> str:
    if schema.raw.get("format") == "byte":
        try:
            b64decode(value, validate=True)
        except ValueError:
            raise MismatchError("illegal base64 data at input byte 0") from None
    return value


def _quantity(value: Any) -> str:
    try:
        return canonical(value)
    except QuantityError as error:
        raise MismatchError(str(error)) from None


def _zero(schema: Schema, value: Any) -> Any:
    if value is not None:
        return value
    return "" if schema.type == "string" else value


def _map_value(schema: Schema, value: dict[str, Any], place: _Place | None, unknown: list[str]) -> dict[str, Any]:
    return {key: _value(schema, _zero(schema, item), (place, "key", key, None), unknown) for key, item in value.items()}


def _struct_value(schema: Schema, value: dict[str, Any], place: _Place | None, unknown: list[str]) -> dict[str, Any]:
    properties = schema.properties
    settled: dict[str, Any] = {}
    for name, item in value.items():
        declared = properties.get(name)
        if declared is None:
            unknown.append(_join(_path(place), name))
        elif item is not None:
            found = _value(declared, item, (place, ".", name, schema), unknown)
            if not _omitted(schema, name, declared, found):
                settled[name] = found
    for name, zero in _always(schema).items():
        if name not in settled:
            settled[name] = _value(properties[name], {}, place, []) if isinstance(zero, dict) else zero
    return settled


# Numbers and switches that Go's types hold by value: their zeros are left out.
_VALUES = frozenset(
    """
    minReadySeconds hostPort nodePort initialDelaySeconds observedGeneration replicas updatedReplicas readyReplicas
    availableReplicas unavailableReplicas currentReplicas count deprecatedCount active failed succeeded
    paused hostNetwork hostPID hostIPC stdin stdinOnce tty readOnly publishNotReadyAddresses
    """.split()  # noqa: SIM905  (a column of names reads better than thirty quoted ones)
)
_POINTERS = {("DeploymentSpec", "replicas"), ("ReplicaSetSpec", "replicas"), ("StatefulSetSpec", "replicas")}
_POINTERS |= {
    ("EndpointPort", "name"),
    ("HostPathVolumeSource", "type"),
    ("PersistentVolumeClaimSpec", "storageClassName"),
}
_POINTERS |= {("ScaleSpec", "replicas"), ("GRPCAction", "service")}


def _omitted(owner: Schema, name: str, schema: Schema, value: Any) -> bool:
    """Whether Go's `omitempty` leaves it out: empty lists, maps and texts, some zeros, but not empty structs."""
    if value == [] or (value == {} and schema.type == "object" and not schema.properties and not schema.name):
        return True
    if value in ("", 0) and name not in (owner.raw.get("required") or ()) and (_struct(owner), name) not in _POINTERS:
        return value == "" or name in _VALUES
    return False


@cache
def _always(schema: Schema) -> dict[str, Any]:
    """The fields that are written even when nothing is in them."""
    found = {name: value for name, value in schema.nothing.items() if value is not None}
    return {**_NEVER_OMITTED.get(_struct(schema), {}), **_OF_EVENTS.get(schema.name, {}), **found}


_NEVER_OMITTED: dict[str, dict[str, Any]] = {
    "DeploymentCondition": {"lastTransitionTime": None, "lastUpdateTime": None},
    "ReplicaSetCondition": {"lastTransitionTime": None},
    "PodCondition": {"lastProbeTime": None, "lastTransitionTime": None},
}
_OF_EVENTS: dict[str, dict[str, Any]] = {
    "io.k8s.api.core.v1.Event": {
        "eventTime": None,
        "firstTimestamp": None,
        "lastTimestamp": None,
        "reportingComponent": "",
        "reportingInstance": "",
        "source": {},
    },
    "io.k8s.api.events.v1.Event": {
        "eventTime": None,
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
        "deprecatedSource": {},
    },
}


def _check_type(schema: Schema, value: Any, place: _Place | None) -> None:
    expected = _TYPES.get(schema.type)
    if value is None or expected is None or schema.int_or_string or schema.raw.get("format") == "date-time":
        return
    if isinstance(value, expected) and not (isinstance(value, bool) and schema.type != "boolean"):
        return
    kind = next(name for type_, name in _JSON_NAMES if isinstance(value, type_))
    if isinstance(value, float):
        kind = f"number {value}"
    where = f"Go struct field {_owner(place)}.{_go_path(place)}" if place is not None else "Go value"
    raise MismatchError(f"json: cannot unmarshal {kind} into {where} of type {_go_type(schema)}")


def _go_type(schema: Schema) -> str:
    match schema.type:
        case "integer":
            return str(schema.raw.get("format", "int64"))
        case "number":
            return "float64"
        case "boolean":
            return "bool"
        case "array":
            return f"[]{_go_type(schema.items)}"
        case "object" if schema.name:
            version, name = schema.name.split(".")[-2:]
            return f"{version}.{name}"
        case "object" if schema.additional is not None:
            return f"map[string]{_go_type(schema.additional)}"
        case _:
            return schema.type or "interface {}"
