"""Takes every field (path, type, enum, required) out of Flagger's definitions: run it with their file."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Field = dict[str, Any]
FIELDS = Path(__file__).parent / "flagger_fields.json"


def fields(schema: Any, path: str = "", needed: bool = False) -> Iterator[Field]:
    """Every field of a schema; `[]` is an element of a list, `{}` the value of any key."""
    if path:
        kind = "int-or-string" if schema.get("x-kubernetes-int-or-string") else schema["type"]
        enum = {"enum": schema["enum"]} if "enum" in schema else {}
        yield {"path": path, "type": kind} | enum | ({"required": True} if needed else {})
    for name, inner in schema.get("properties", {}).items():
        yield from fields(inner, f"{path}.{name}" if path else name, name in schema.get("required", ()))
    if isinstance(inner := schema.get("items"), dict):
        yield from fields(inner, f"{path}[]")
    if isinstance(inner := schema.get("additionalProperties"), dict):
        yield from fields(inner, path + "{}")


def fields_of(crds: list[Any]) -> dict[str, list[Field]]:
    """The fields of each kind, in the order of their paths."""
    found = {}
    for crd in crds:
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        found[crd["spec"]["names"]["kind"]] = sorted(fields(schema), key=lambda field: str(field["path"]))
    return found


def fields_in(file: Path) -> dict[str, list[Field]]:
    """The fields of each kind that a file of definitions declares."""
    return fields_of([document for document in yaml.safe_load_all(file.read_text()) if document])


def as_text(found: dict[str, list[Field]]) -> str:
    """One field a line."""
    kinds = []
    for kind, listed in found.items():
        lines = ",\n".join("    " + json.dumps(field) for field in listed)
        kinds.append(f'  "{kind}": [\n{lines}\n  ]')
    return "{\n" + ",\n".join(kinds) + "\n}\n"


if __name__ == "__main__":
    FIELDS.write_text(as_text(fields_in(Path(sys.argv[1]))))
