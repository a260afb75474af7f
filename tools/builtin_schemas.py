"""Write the embedded API server's schemas of builtin kinds from Kubernetes' own OpenAPI documents.

The documents come with the Go module k8s.io/kubernetes, which the Go module proxy hands out:

    python tools/builtin_schemas.py [VERSION]

Only what the served kinds reach is kept, and of that only what validation, merging and defaults need.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from davy.cluster.api.resources import BUILTIN

OUT = Path(__file__).parent.parent / "src/davy/cluster/api/builtin.json.gz"
DROPPED = {"description", "x-kubernetes-unions", "externalDocs", "title"}
REF = "#/components/schemas/"
EXTRA = (
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.policy.v1.Eviction",
    "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
)


def documents(version: str) -> Path:
    """The folder of the OpenAPI v3 documents of a Kubernetes version."""
    command = ["go", "mod", "download", "-json", f"k8s.io/kubernetes@{version}"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return Path(found["Dir"]) / "api/openapi-spec/v3"


def slim(node: Any) -> Any:
    """The schema without prose; `allOf` of one reference becomes the reference."""
    if isinstance(node, list):
        return [slim(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: slim(value) for key, value in node.items() if key not in DROPPED or not isinstance(value, str)}
    if len(kept.get("allOf", ())) == 1 and set(kept["allOf"][0]) == {"$ref"}:
        kept["$ref"] = kept.pop("allOf")[0]["$ref"]
    if isinstance(kept.get("$ref"), str):
        kept["$ref"] = kept["$ref"].removeprefix(REF)
    return kept


def reached(schemas: dict[str, Any], roots: list[str]) -> dict[str, Any]:
    """The schemas that the roots refer to, directly or not."""
    found: dict[str, Any] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = slim(schemas[name])
            waiting += references(found[name])
    return dict(sorted(found.items()))


def references(node: Any) -> list[str]:
    """The names a schema refers to."""
    if isinstance(node, list):
        return [name for item in node for name in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [name for value in node.values() for name in references(value)]


def main(version: str = "v1.34.4") -> None:
    """Write the data file."""
    schemas: dict[str, Any] = {}
    for path in sorted(documents(version).glob("*.json")):
        schemas.update(json.loads(path.read_text()).get("components", {}).get("schemas", {}))
    kinds = {(row.group, row.version, row.kind) for row in BUILTIN}
    roots = [
        name
        for name, schema in schemas.items()
        for gvk in schema.get("x-kubernetes-group-version-kind", ())
        if (gvk["group"], gvk["version"], gvk["kind"]) in kinds
    ]
    kept = reached(schemas, [*roots, *EXTRA])
    for name in kept:
        gvks = kept[name].get("x-kubernetes-group-version-kind", ())
        if len(gvks) > 1:  # DeleteOptions and the like are of every group
            del kept[name]["x-kubernetes-group-version-kind"]
    raw = json.dumps({"version": version, "schemas": kept}, separators=(",", ":"), sort_keys=True).encode()
    OUT.write_bytes(gzip.compress(raw, 9, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
