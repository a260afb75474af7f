"""The three CustomResourceDefinitions, made from the types, and what a served one must keep."""

from collections.abc import Iterator
from typing import Any

import msgspec

from davy.api.alert_provider import AlertProvider
from davy.api.canary import API_VERSION, Canary
from davy.api.metric_template import MetricTemplate
from davy.api.ref import Manifest
from davy.api.schema.generate import described, schema_of, sentence

COLUMNS: dict[str, tuple[tuple[str, str, str, int], ...]] = {
    "Canary": (
        ("Status", "string", ".status.phase", 0),
        ("Weight", "string", ".status.canaryWeight", 0),
        ("Suspended", "boolean", ".spec.suspend", 1),
        ("FailedChecks", "string", ".status.failedChecks", 1),
        ("Interval", "string", ".spec.analysis.interval", 1),
        ("Mirror", "boolean", ".spec.analysis.mirror", 1),
        ("StepWeight", "string", ".spec.analysis.stepWeight", 1),
        ("StepWeights", "string", ".spec.analysis.stepWeights", 1),
        ("MaxWeight", "string", ".spec.analysis.maxWeight", 1),
        ("LastTransitionTime", "string", ".status.lastTransitionTime", 0),
    ),
    "MetricTemplate": (("Provider", "string", ".spec.provider.type", 0),),
    "AlertProvider": (("Type", "string", ".spec.type", 0),),
}
"""What `kubectl get` shows: name, type, where it is found, priority (1: only with -o wide)."""

ADDED_SPEC = ("spec.service.drainSeconds", "spec.analysis.metrics[].onNoData", "spec.analysis.metrics[].onError")
"""Fields of the spec that Flagger does not have."""


def crds() -> list[Manifest]:
    """The three definitions, ready to be applied."""
    kinds: dict[str, type] = {"canaries": Canary, "metrictemplates": MetricTemplate, "alertproviders": AlertProvider}
    # Through JSON, so that what the tables share is nobody else's in the result.
    made = [definition(kind, plural) for plural, kind in kinds.items()]
    return msgspec.json.decode(msgspec.json.encode(made), type=list[Manifest])


def definition(kind: type, plural: str) -> Manifest:
    """The definition of one kind."""
    group, version = API_VERSION.split("/")
    name = kind.__name__
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": {"helm.sh/resource-policy": "keep"}},
        "spec": {
            "group": group,
            "names": {
                "kind": name,
                "listKind": f"{name}List",
                "plural": plural,
                "singular": name.lower(),
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column(*entry) for entry in COLUMNS[name]],
                    "schema": {"openAPIV3Schema": root(kind)},
                }
            ],
        },
    }


def column(name: str, kind: str, path: str, priority: int) -> Manifest:
    """A column of `kubectl get`."""
    return {"name": name, "type": kind, "jsonPath": path} | ({"priority": priority} if priority else {})


def root(kind: type) -> Manifest:
    """The schema of a whole object; its metadata belongs to the API server."""
    schema = schema_of(kind)
    about = described(kind)
    schema["properties"] |= {
        "apiVersion": {"description": sentence(about["api_version"]), "type": "string"},
        "kind": {"description": sentence(about["kind"]), "type": "string"},
        "metadata": {"type": "object"},
    }
    return schema


def schema_in(crd: Manifest) -> Manifest:
    """The schema of the version that a definition serves; empty if it does not serve ours."""
    version = API_VERSION.split("/")[1]
    serving = (each for each in crd["spec"]["versions"] if each["name"] == version and each.get("served", True))
    found: Manifest = next(serving, {})
    schema: Manifest = found.get("schema", {}).get("openAPIV3Schema", {})
    return schema


def paths(schema: Any, path: str = "") -> Iterator[str]:
    """Every field that a schema declares; `[]` is an element of a list, `{}` the value of any key."""
    if path:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from paths(inner, f"{path}.{name}" if path else name)
    if isinstance(inner := schema.get("items"), dict):
        yield from paths(inner, f"{path}[]")
    if isinstance(inner := schema.get("additionalProperties"), dict):
        yield from paths(inner, path + "{}")


def required_fields() -> tuple[str, ...]:
    """What a served Canary definition must keep: the whole status, which is the operator's only memory, and the fields
    of the spec that only Davy has."""
    declared = paths(root(Canary))
    return tuple(path for path in declared if path.startswith("status") or path in ADDED_SPEC)


def missing(served_crd: Manifest) -> tuple[str, ...]:
    """The fields that the API server would prune without a word, given the Canary definition that it serves."""
    schema = schema_in(served_crd)
    return tuple(path for path in required_fields() if not keeps(schema, path))


def keeps(schema: Any, path: str) -> bool:
    """Whether a schema keeps the field at that path."""
    for step in path.replace("[]", ".[]").replace("{}", ".{}").split("."):
        if schema.get("x-kubernetes-preserve-unknown-fields") is True:
            return True
        match step:
            case "[]":
                schema = schema.get("items")
            case "{}":
                schema = schema.get("additionalProperties")
            case _:
                schema = schema.get("properties", {}).get(step)
        if not isinstance(schema, dict):
            return schema is True
    return True
