"""OpenAPI documents: v3 per group and version, from which kubectl explains and validates; a stub of v2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from davy.cluster.api.resources import Registry, Resource
from davy.cluster.api.schema import META, reached, type_name

Raw = dict[str, Any]
_REF = "#/components/schemas/"
# Swagger {swagger: "2.0", info: {title: "Kubernetes", version: "v1"}} in protobuf: all that old kubectl looks at.
V2 = b"\x0a\x032.0\x12\x10\x0a\x0aKubernetes\x12\x02v1"
V2_MEDIA = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def index(registry: Registry, age: int) -> Raw:
    """/openapi/v3: where the document of each group and version is; `age` makes clients ask again after a change."""
    paths = sorted({_path(resource) for resource in registry})
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={age}"} for path in paths}}


def _path(resource: Resource) -> str:
    return f"apis/{resource.group_version}" if resource.group else f"api/{resource.version}"


def document(registry: Registry, path: str) -> Raw | None:
    """The document of one group and version; None if nothing of it is served."""
    found = [resource for resource in registry if _path(resource) == path]
    if not found:
        return None
    schemas: Raw = {}
    paths: Raw = {}
    for resource in found:
        schemas |= _schemas(resource)
        paths |= _paths(resource)
    info = {"title": "Kubernetes CRD Swagger" if found[0].custom else "Kubernetes", "version": "v1.34.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _gvk(resource: Resource) -> Raw:
    return {"group": resource.group, "kind": resource.kind, "version": resource.version}


def _name(resource: Resource) -> str:
    if resource.custom is None:
        return type_name(resource.group, resource.version, resource.kind) or f"{resource.version}.{resource.kind}"
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def _schemas(resource: Resource) -> Raw:
    name, gvk = _name(resource), [_gvk(resource)]
    listed = _list_name(name)
    schema = {"properties": {"items": {"type": "array", "items": {"$ref": _REF + name}}}, "type": "object"}
    list_gvk = [{**gvk[0], "kind": resource.list_name}]
    found = {listed: {**schema, "x-kubernetes-group-version-kind": list_gvk}}
    if resource.custom is None:
        builtin = {key: _pointing(raw) for key, raw in reached([name]).items()}
        return {**builtin, **found, name: {**builtin.get(name, {}), "x-kubernetes-group-version-kind": gvk}}
    raw = _pointing(resource.schema.raw)
    metadata = {key: _pointing(part) for key, part in reached([META]).items()}
    return {**metadata, **found, name: {**raw, "x-kubernetes-group-version-kind": gvk}}


def _list_name(name: str) -> str:
    return f"{name}List"


def _pointing(raw: Any) -> Any:
    """The schema with its references as the document writes them."""
    if isinstance(raw, list):
        return [_pointing(item) for item in raw]
    if not isinstance(raw, dict):
        return raw
    pointed = {key: _pointing(value) for key, value in raw.items()}
    reference = pointed.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        rest = {key: value for key, value in pointed.items() if key != "$ref"}
        return {**rest, "allOf": [{"$ref": _REF + reference}]} if rest else {"$ref": _REF + reference}
    return pointed


_PARAMETERS = {
    "patch": ("dryRun", "fieldManager", "fieldValidation", "force"),
    "put": ("dryRun", "fieldManager", "fieldValidation"),
    "post": ("dryRun", "fieldManager", "fieldValidation"),
    "get": (),
    "delete": ("dryRun",),
}


def _operation(resource: Resource, verb: str, content: Iterable[str], action: str = "") -> Raw:
    reference = {"schema": {"$ref": _REF + _name(resource)}}
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _PARAMETERS[verb]]
    operation: Raw = {
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        "x-kubernetes-action": action or verb,
        "x-kubernetes-group-version-kind": _gvk(resource),
    }
    if verb in ("put", "post", "patch"):
        operation["requestBody"] = {"content": dict.fromkeys(content, reference)}
    return operation


_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
_STRATEGIC = "application/strategic-merge-patch+json"


def _paths(resource: Resource) -> Raw:
    place = "namespaces/{namespace}/" if resource.namespaced else ""
    base = f"/{_path(resource)}/{place}{resource.plural}"
    return dict(_operations(resource, base))


def _operations(resource: Resource, base: str) -> Iterator[tuple[str, Raw]]:
    plain = ("application/json", "application/yaml")
    patches = _PATCHES if resource.custom else (*_PATCHES, _STRATEGIC)
    yield base, {"get": _operation(resource, "get", plain, "list"), "post": _operation(resource, "post", plain)}
    yield (
        base + "/{name}",
        {
            "get": _operation(resource, "get", plain),
            "put": _operation(resource, "put", plain),
            "patch": _operation(resource, "patch", patches),
            "delete": _operation(resource, "delete", plain),
        },
    )
