"""The reference of one kind's fields as a page of Markdown."""

from collections.abc import Iterator
from typing import Any

from davy.api.ref import Manifest
from davy.api.schema import ADDED_SPEC, schema_in

NOTE = "<!-- Made from the types in src/davy/api by `make docs`; changes here are lost. -->"


def page(crd: Manifest) -> str:
    """All fields of spec and status: path, type, limits, meaning."""
    kind, schema = crd["spec"]["names"]["kind"], schema_in(crd)
    lines = [f"# {kind}", "", NOTE, "", schema["description"]]
    for part in ("spec", "status"):
        if part in schema["properties"]:
            lines += ["", f"## {part}", "", "| field | type | meaning |", "|---|---|---|"]
            lines += rows(schema["properties"][part], part)
    return "\n".join(lines) + "\n"


def rows(schema: Any, path: str) -> Iterator[str]:
    """One row for each field, those of objects and lists after them."""
    for name, field in schema.get("properties", {}).items():
        place = f"{path}.{name}"
        needed = " **Required.**" if name in schema.get("required", ()) else ""
        ours = " *(Davy's own)*" if place in ADDED_SPEC else ""
        yield f"| `{place}` | {kind_of(field)} | {field['description']}{limits(field)}{needed}{ours} |"
        inner, place = field, place
        while inner := inner.get("items") or inner.get("additionalProperties") or {}:
            place += "[]" if field.get("items") else ".*"
            yield from rows(inner, place)
        yield from rows(field, place) if "properties" in field else ()


def kind_of(field: Any) -> str:
    """The type of a field in a word or two."""
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if field["type"] == "array":
        return f"list of {kind_of(field['items'])}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"map of {kind_of(field['additionalProperties'])}"
    return str(field["type"])


def limits(field: Any) -> str:
    """The values that a field may have, and its default."""
    words = ""
    if "enum" in field:
        words += " One of " + ", ".join(f"`{value}`" for value in field["enum"] if value) + "."
    if "default" in field:
        words += f" Default: `{field['default']}`." if field["default"] != "" else ""
    return words
