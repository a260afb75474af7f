"""The rules of CustomResourceDefinitions: names, versions, and schemas that are structural."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from davy.cluster.api import cel
from davy.cluster.api.errors import Cause
from davy.cluster.api.structural import shown

Manifest = dict[str, Any]


def broken(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """What is wrong with a definition."""
    spec = new.get("spec") or {}
    names = spec.get("names") or {}
    yield from _name(new, spec, names)
    yield from _missing(spec, names)
    versions = spec.get("versions") or []
    stored = [version for version in versions if version.get("storage")]
    if len(stored) != 1:
        message = f"Invalid value: {_go(versions)}: must have exactly one version marked as storage version"
        yield Cause("FieldValueInvalid", "spec.versions", message)
    if not stored and old is None:
        message = "Invalid value: null: must have at least one stored version"
        yield Cause("FieldValueInvalid", "status.storedVersions", message)
    yield from _schemas(versions)
    if old is not None:
        yield from _dropped(new, versions)
        yield from _frozen(spec, old.get("spec") or {})


def _schemas(versions: list[Manifest]) -> Iterator[Cause]:
    """The schemas; where all versions have the same it is looked at once, under its old place."""
    found = [(version.get("schema") or {}).get("openAPIV3Schema") for version in versions]
    for index, schema in enumerate(found):
        if schema is None:
            yield Cause("FieldValueRequired", f"spec.versions[{index}].schema.openAPIV3Schema", "Required value")
    if None in found:
        return
    if all(schema == found[0] for schema in found):
        found = found[:1]
        places = ["spec.validation.openAPIV3Schema"]
    else:
        places = [f"spec.versions[{index}].schema.openAPIV3Schema" for index in range(len(found))]
    for schema, place in zip(found, places, strict=True):
        yield from _root(schema or {}, place)


def _dropped(new: Manifest, versions: list[Manifest]) -> Iterator[Cause]:
    """Versions that are stored and no longer described."""
    known = {version.get("name") for version in versions}
    for index, name in enumerate((new.get("status") or {}).get("storedVersions") or ()):
        if name not in known:
            why = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                "spec.versions until a storage migration ensures no data remains persisted in "
                f"{name} and removes {name} from status.storedVersions"
            )
            yield Cause("FieldValueInvalid", f"status.storedVersions[{index}]", f'Invalid value: "{name}": {why}')


_GO_VERSION = ("name", "served", "storage", "deprecated", "deprecationWarning")
_GO_REST = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")


def _go(versions: list[Manifest]) -> str:
    """Versions as Go's own types are written out."""
    falses = {"served": False, "storage": False, "deprecated": False}
    listed = [
        {name[0].upper() + name[1:]: version.get(name, falses.get(name)) for name in _GO_VERSION}
        | {name[0].upper() + name[1:]: None for name in _GO_REST}
        for version in versions
    ]
    return shown(listed, sort=False)


def _name(new: Manifest, spec: Manifest, names: Manifest) -> Iterator[Cause]:
    expected = f"{names.get('plural', '')}.{spec.get('group', '')}"
    name = new["metadata"].get("name", "")
    if name != expected:
        message = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
        yield Cause("FieldValueInvalid", "metadata.name", message)


def _missing(spec: Manifest, names: Manifest) -> Iterator[Cause]:
    if not spec.get("group"):
        yield Cause("FieldValueRequired", "spec.group", "Required value")
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        scope = spec.get("scope", "")
        message = f'Unsupported value: "{scope}": supported values: "Cluster", "Namespaced"'
        if scope:
            yield Cause("FieldValueNotSupported", "spec.scope", message)
        else:
            yield Cause("FieldValueRequired", "spec.scope", "Required value")
    for name in ("plural", "kind"):
        if not names.get(name):
            yield Cause("FieldValueRequired", f"spec.names.{name}", "Required value")


def _root(schema: Manifest, path: str) -> Iterator[Cause]:
    if schema.get("type") != "object":
        if schema.get("type"):
            message = f'Invalid value: "{schema["type"]}": must be object at the root'
            yield Cause("FieldValueInvalid", f"{path}.type", message)
        else:
            yield Cause("FieldValueRequired", f"{path}.type", "Required value: must not be empty at the root")
            return
    yield from _node(schema, path)


def _node(schema: Manifest, path: str) -> Iterator[Cause]:
    yield from _typed(schema, path)
    yield from _list_kind(schema, path)
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        if why := cel.problem(rule.get("rule", "")) or _undeclared(schema, rule.get("rule", "")):
            message = f'Invalid value: "{rule.get("rule", "")}": compilation failed: {why}'
            yield Cause("FieldValueInvalid", f"{path}.x-kubernetes-validations[{index}].rule", message)
    for name, part in (schema.get("properties") or {}).items():
        yield from _node(part, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _node(schema[name], f"{path}.{name}")


_FIELDS = re.compile(r"\bself((?:\.\??[A-Za-z_]\w*(?!\w*\())+)")


def _takes_more(schema: Manifest) -> bool:
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource")
    return bool(free or schema.get("additionalProperties")) or schema.get("type") != "object"


def _undeclared(schema: Manifest, rule: str) -> str:
    """The first field of self that a rule names and the schema does not."""
    for found in _FIELDS.finditer(rule):
        part: Any = schema
        for name in found[1].replace("?", "").strip(".").split("."):
            declared = part.get("properties") or {}
            if _takes_more(part):
                break
            if name.replace("__dash__", "-").strip("_") not in {key.strip("_") for key in declared}:
                return f"undefined field '{name}'"
            part = declared.get(name) or {}
    return ""


def _typed(schema: Manifest, path: str) -> Iterator[Cause]:
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
    if not schema.get("type") and not free:
        yield Cause(
            "FieldValueRequired", f"{path}.type", "Required value: must not be empty for specified object fields"
        )
    if schema.get("properties") and schema.get("additionalProperties"):
        message = "Forbidden: additionalProperties and properties are mutual exclusive"
        yield Cause("FieldValueForbidden", f"{path}.additionalProperties", message)


def _list_kind(schema: Manifest, path: str) -> Iterator[Cause]:
    kind = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys")
    if kind not in (None, "atomic", "set", "map"):
        message = f'Unsupported value: "{kind}": supported values: "atomic", "map", "set"'
        yield Cause("FieldValueNotSupported", f"{path}.x-kubernetes-list-type", message)
    if kind == "map" and not keys:
        message = "Required value: must not be empty if x-kubernetes-list-type is map"
        yield Cause("FieldValueRequired", f"{path}.x-kubernetes-list-map-keys", message)
    for index, key in enumerate(keys or ()):
        if key not in ((schema.get("items") or {}).get("properties") or {}):
            message = f'Invalid value: "{key}": entries must all be names of item properties'
            yield Cause("FieldValueInvalid", f"{path}.x-kubernetes-list-map-keys[{index}]", message)


def _frozen(spec: Manifest, old: Manifest) -> Iterator[Cause]:
    for path in ("group", "scope", "names.plural", "names.kind"):
        new_value, old_value = _at(spec, path), _at(old, path)
        if new_value != old_value:
            message = f'Invalid value: "{new_value}": field is immutable'
            yield Cause("FieldValueInvalid", f"spec.{path}", message)


def _at(spec: Manifest, path: str) -> Any:
    found: Any = spec
    for name in path.split("."):
        found = (found or {}).get(name)
    return found
