"""Schemas of objects, builtin and custom, in one shape: what is declared where, and how it merges."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Any

import msgspec

Raw = dict[str, Any]
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_TEXT: Raw = {"type": "string"}


class Schema:
    """One node of a schema. `raw` is its JSON; references are followed when they are first looked at."""

    def __init__(self, raw: Raw, resolve: Callable[[str], Raw]) -> None:
        reference = raw.get("$ref")
        self.name: str = reference or ""
        self.raw: Raw = {**resolve(reference), **raw} if reference else raw
        self._resolve = resolve

    def _node(self, raw: Raw) -> Schema:
        return Schema(raw, self._resolve)

    @cached_property
    def type(self) -> str:
        """object, array, string, integer, number, boolean; "" for what may be anything."""
        return str(self.raw.get("type", ""))

    @cached_property
    def open(self) -> bool:
        """Whether fields it does not declare are kept, and of any type."""
        return bool(self.raw.get("x-kubernetes-preserve-unknown-fields")) or self.untyped

    @cached_property
    def untyped(self) -> bool:
        """Whether it says nothing about the value: then maps merge by key and lists are one value."""
        return not self.type and not self.scalar and "properties" not in self.raw

    @cached_property
    def scalar(self) -> bool:
        """Whether the value is a single one (also: number or text)."""
        single = self.type not in ("object", "array", "")
        return single or self.int_or_string or self.name == QUANTITY

    @cached_property
    def int_or_string(self) -> bool:
        """Whether both 1 and "1" will do."""
        return bool(self.raw.get("x-kubernetes-int-or-string")) or self.raw.get("format") == "int-or-string"

    @cached_property
    def properties(self) -> Mapping[str, Schema]:
        """The declared fields."""
        declared = self.raw.get("properties") or {}
        if self.raw.get("x-kubernetes-embedded-resource"):
            declared = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": {"$ref": META}, **declared}
        return {name: self._node(raw) for name, raw in declared.items()}

    @cached_property
    def additional(self) -> Schema | None:
        """What the values of undeclared keys are, if there may be any."""
        raw = self.raw.get("additionalProperties")
        if isinstance(raw, dict):
            return self._node(raw)
        return ANYTHING if raw is True or self.open or self._free else None

    @cached_property
    def _free(self) -> bool:
        """An object of which nothing is declared (builtin kinds have a few)."""
        return self.type == "object" and "properties" not in self.raw and bool(self.name)

    @cached_property
    def items(self) -> Schema:
        """What the elements of a list are."""
        raw = self.raw.get("items")
        return self._node(raw) if isinstance(raw, dict) else ANYTHING

    def variant(self, raw: Raw) -> Schema:
        """A schema that belongs to this one: a branch of its anyOf and the like."""
        return self._node(raw)

    def field(self, name: str) -> Schema:
        """What a key's value is."""
        return self.properties.get(name) or self.additional or ANYTHING

    @cached_property
    def atomic(self) -> bool:
        """Whether a map is owned and replaced as one value."""
        return self.raw.get("x-kubernetes-map-type") == "atomic"

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The key fields of a list that is a map; empty for other lists."""
        kind = self.raw.get("x-kubernetes-list-type")
        if kind == "map":
            return tuple(self.raw.get("x-kubernetes-list-map-keys") or ())
        return (self.merge_key,) if kind is None and self.merges and self.merge_key else ()

    @cached_property
    def is_set(self) -> bool:
        """Whether a list is a set of scalars."""
        kind = self.raw.get("x-kubernetes-list-type")
        return kind == "set" or (kind is None and self.merges and not self.merge_key)

    @cached_property
    def merge_key(self) -> str:
        """The key of a strategic merge."""
        return str(self.raw.get("x-kubernetes-patch-merge-key", ""))

    @cached_property
    def merges(self) -> bool:
        """Whether a strategic merge patch merges this list instead of replacing it."""
        return "merge" in self.raw.get("x-kubernetes-patch-strategy", "").split(",")

    @cached_property
    def retains_keys(self) -> bool:
        """Whether a strategic merge patch names the keys that stay (as in a Deployment's strategy)."""
        return "retainKeys" in self.raw.get("x-kubernetes-patch-strategy", "").split(",")

    @cached_property
    def default(self) -> Any:
        """The default of the field that has this schema; None for none."""
        return self.raw.get("default")

    @cached_property
    def nothing(self) -> Raw:
        """A new object as the server's own code writes it: fields that are always there, with nothing in them."""
        required = self.raw.get("required") or ()
        found: Raw = {}
        for name, schema in self.properties.items():
            if schema.default == {} and schema.type != "array":
                found[name] = schema.nothing if schema.properties else {}
            elif name in required:
                found[name] = schema.default
        return found


def _no_reference(name: str) -> Raw:
    raise KeyError(name)


ANYTHING = Schema({}, _no_reference)


@cache
def _document() -> dict[str, Raw]:
    """The builtin schemas by name, read when the first one is asked for."""
    data = resources.files(__package__).joinpath("builtin.json.gz").read_bytes()
    found: dict[str, Raw] = msgspec.json.decode(gzip.decompress(data))["schemas"]
    return found


@cache
def named(name: str) -> Schema:
    """A builtin schema by its full name."""
    return Schema({"$ref": name}, _document().__getitem__)


@cache
def _kinds() -> dict[tuple[str, str, str], str]:
    return {
        (gvk["group"], gvk["version"], gvk["kind"]): name
        for name, raw in _document().items()
        for gvk in raw.get("x-kubernetes-group-version-kind") or ()
    }


def type_name(group: str, version: str, kind: str) -> str:
    """The full name of a builtin kind's schema; "" if there is none."""
    return _kinds().get((group, version, kind), "")


def reached(names: list[str]) -> dict[str, Raw]:
    """The builtin schemas with these names and all that they refer to."""
    found: dict[str, Raw] = {}
    waiting = [name for name in names if name in _document()]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _document()[name]
            waiting += _references(found[name])
    return found


def _references(raw: Any) -> list[str]:
    if isinstance(raw, list):
        return [name for item in raw for name in _references(item)]
    if not isinstance(raw, dict):
        return []
    own = [raw["$ref"]] if isinstance(raw.get("$ref"), str) else []
    return own + [name for item in raw.values() for name in _references(item)]


@cache
def builtin(group: str, version: str, kind: str) -> Schema:
    """The schema of a builtin kind; anything goes for kinds nothing is known of."""
    name = _kinds().get((group, version, kind))
    return named(name) if name else ANYTHING


_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_OF_ALL: Raw = {
    "apiVersion": {
        **_TEXT,
        "description": (
            "APIVersion defines the versioned schema of this representation of an object. Servers should convert "
            "recognized schemas to the latest internal value, and may reject unrecognized values. More info: "
            f"{_CONVENTIONS}#resources"
        ),
    },
    "kind": {
        **_TEXT,
        "description": (
            "Kind is a string value representing the REST resource this object represents. Servers may infer this from "
            "the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
            f"{_CONVENTIONS}#types-kinds"
        ),
    },
    "metadata": {"$ref": META, "description": f"Standard object's metadata. More info: {_CONVENTIONS}#metadata"},
}


def custom(raw: Raw) -> Schema:
    """The schema of a custom resource, with the fields every object has."""
    properties = {**(raw.get("properties") or {}), **_OF_ALL}
    return Schema({"type": "object", **raw, "properties": properties}, _document().__getitem__)
