"""Tables: what `kubectl get` prints, for builtin kinds and by the printer columns of custom ones."""

from __future__ import annotations

from typing import Any

from davy.cluster.api.resources import Resource
from davy.cluster.api.store import Entry
from davy.cluster.api.view import encode, partial

Manifest = dict[str, Any]


class Table:
    """meta.k8s.io/v1 Table of one object or many."""

    def __init__(self, resource: Resource, include: str) -> None:
        self.resource, self.include = resource, include

    def one(self, entry: Entry) -> bytes:
        """A table of one row."""
        return self.many([entry], {"resourceVersion": entry.manifest["metadata"].get("resourceVersion", "")})

    def many(self, entries: list[Entry], metadata: Manifest) -> bytes:
        """A table of all of them."""
        return encode(
            {
                "kind": "Table",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "columnDefinitions": [
                    {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}
                ],
                "rows": [{"cells": [e.manifest["metadata"]["name"]], "object": partial(e)} for e in entries],
            }
        )

    def bookmark(self, metadata: Manifest) -> bytes:
        """A table without rows."""
        return self.many([], metadata)
