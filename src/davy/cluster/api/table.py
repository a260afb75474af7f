"""Tables: what `kubectl get` prints, by the columns of builtin kinds and the printer columns of custom ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from davy.cluster.api.columns import AGE, BUILTIN, NAME, Column, aged
from davy.cluster.api.durations import age
from davy.cluster.api.errors import bad_request
from davy.cluster.api.jsonpath import find
from davy.cluster.api.resources import Resource
from davy.cluster.api.store import Entry
from davy.cluster.api.view import encode, partial

Manifest = dict[str, Any]
_PLAIN = (aged(AGE),)


class Table:
    """meta.k8s.io/v1 Table of one object or many; `include` is Metadata, Object or None."""

    def __init__(
        self, resource: Resource, include: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        if include not in ("Metadata", "Object", "None"):
            why = f"includeObject: Invalid value: \"{include}\": must be 'Metadata', 'Object', 'None', or empty"
            raise bad_request(f"Unable to convert to Table as requested: {why}")
        self._resource, self._include, self._now = resource, include, now
        self._columns = _columns(resource)
        self._headed = False  # a watch tells its columns once

    def one(self, entry: Entry) -> bytes:
        """A table of one row."""
        version = entry.manifest["metadata"].get("resourceVersion", "")
        headed, self._headed = self._headed, True
        return self._table([entry], {"resourceVersion": version}, headed)

    def many(self, entries: list[Entry], metadata: Manifest) -> bytes:
        """A table of all of them."""
        return self._table(entries, metadata, headed=False)

    def bookmark(self, metadata: Manifest) -> bytes:
        """A table with a row that has nothing but metadata."""
        table: Manifest = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
        nothing = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
        return encode({**table, "columnDefinitions": None, "rows": [{"cells": None, "object": nothing}]})

    def _table(self, entries: list[Entry], metadata: Manifest, headed: bool) -> bytes:
        now = self._now()
        return encode(
            {
                "kind": "Table",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "columnDefinitions": None if headed else [column.definition() for column in self._columns],
                "rows": [self._row(entry, now) for entry in entries],
            }
        )

    def _row(self, entry: Entry, now: datetime) -> Manifest:
        cells = [column.cell(entry.manifest, now) for column in self._columns]
        row: Manifest = {"cells": cells}
        if conditions := _conditions(self._resource, entry.manifest):
            row["conditions"] = conditions
        match self._include:
            case "Object":
                return {**row, "object": {**entry.manifest, "apiVersion": self._resource.group_version}}
            case "None":
                return {**row, "object": None}
            case _:
                return {**row, "object": partial(entry)}


def _conditions(resource: Resource, manifest: Manifest) -> list[Manifest]:
    phase = (manifest.get("status") or {}).get("phase")
    if resource.collection != "pods" or phase not in ("Succeeded", "Failed"):
        return []
    why = "The pod has completed successfully." if phase == "Succeeded" else "The pod failed."
    return [{"type": "Completed", "status": "True", "reason": phase, "message": why}]


def _columns(resource: Resource) -> tuple[Column, ...]:
    if resource.custom is None:
        return BUILTIN.get(resource.collection, (NAME, *_PLAIN))
    return (NAME, *(_printer(column) for column in resource.custom.columns or (_DEFAULT,)))


_DEFAULT: Manifest = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": AGE}


def _printer(column: Manifest) -> Column:
    path, kind = column["jsonPath"], column["type"]
    description = column.get("description") or f"Custom resource definition column (in JSONPath format): {path}"

    def cell(manifest: Manifest, now: datetime) -> Any:
        found = find(manifest, path)
        return _printed(found, kind, now) if found else None

    return Column(column["name"], cell, column.get("priority", 0), kind, column.get("format", ""), description)


def _printed(found: list[Any], kind: str, now: datetime) -> Any:
    value = found[0]
    if kind == "date":
        return age(value, now) if isinstance(value, str) else "<unknown>"
    if kind == "string":
        return ",".join(_text(item) for item in found) if len(found) > 1 else _text(value)
    return value if isinstance(value, _FITTING[kind]) else None


_FITTING: dict[str, type | tuple[type, ...]] = {"integer": int, "number": (int, float), "boolean": bool}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return encode(value).decode() if isinstance(value, (dict, list)) else str(value)
