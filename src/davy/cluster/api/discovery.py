"""Discovery documents: which groups, versions and resources are served."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from davy.cluster.api.resources import VERBS, Registry, Resource

Manifest = dict[str, Any]
VERSION: Manifest = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0+davy",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "python",
    "compiler": "cpython",
    "platform": "linux/amd64",
}
_SUB_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"),
}
_SUB_VERBS = {"log": ["get"], "eviction": ["create"], "binding": ["create"], "finalize": ["update"]}


_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


def _storage_hash(resource: Resource) -> str:
    """Tells clients whether objects are stored otherwise than before."""
    name = f"{resource.group}/{resource.storage_version or resource.version}/{resource.kind}"
    return b64encode(sha256(name.encode()).digest()[:8]).decode()


def core(address: str) -> Manifest:
    """/api."""
    served = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": served}


def group(name: str, versions: list[str]) -> Manifest:
    """One group, as in /apis and /apis/<group>."""
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def groups(registry: Registry) -> Manifest:
    """/apis."""
    named = {name: versions for name, versions in registry.groups().items() if name}
    listed = [group(name, versions) for name, versions in _extra(named).items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def _extra(named: dict[str, list[str]]) -> dict[str, list[str]]:
    return {**named, "authorization.k8s.io": ["v1"]}


def one_group(registry: Registry, name: str) -> Manifest | None:
    """/apis/<group>."""
    versions = _extra(registry.groups()).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **group(name, versions)} if versions else None


def resources(registry: Registry, group_: str, version: str) -> Manifest | None:
    """/apis/<group>/<version>, /api/v1."""
    group_version = f"{group_}/{version}" if group_ else version
    rows = [row for r in registry if r.group_version == group_version for row in _rows(r)]
    if group_version == "authorization.k8s.io/v1":
        rows = [_review()]
    if not rows:
        return None
    kind = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version}
    if not any(r.custom for r in registry if r.group_version == group_version):
        rows = sorted(rows, key=lambda row: str(row["name"]))
    return {**kind, "resources": rows}


def _review() -> Manifest:
    return {
        "name": "selfsubjectaccessreviews",
        "singularName": "selfsubjectaccessreview",
        "namespaced": False,
        "kind": "SelfSubjectAccessReview",
        "verbs": ["create"],
    }


def _rows(resource: Resource) -> Iterator[Manifest]:
    row: Manifest = {
        "name": resource.plural,
        "singularName": resource.singular_name,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(_CUSTOM_VERBS if resource.custom else VERBS),
    }
    if resource.short:
        row["shortNames"] = list(resource.short)
    if resource.categories:
        row["categories"] = list(resource.categories)
    row["storageVersionHash"] = _storage_hash(resource)
    yield row
    for name in sorted(resource.subresources, reverse=True):
        yield _sub_row(resource, name)


def _sub_row(resource: Resource, name: str) -> Manifest:
    kind = _SUB_KINDS.get(name)
    row: Manifest = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced}
    if kind is not None:
        row.update(group=kind[0], version=kind[1])
    row["kind"] = kind[2] if kind else resource.kind
    return {**row, "verbs": _SUB_VERBS.get(name, ["get", "patch", "update"])}


def aggregated(registry: Registry, *, core_only: bool) -> Manifest:
    """/api and /apis as apidiscovery.k8s.io/v2: everything at once."""
    known = registry.groups()
    named = {"": known[""]} if core_only else _extra({name: v for name, v in known.items() if name})
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
            "versions": [_version(registry, name, version) for version in versions],
        }
        for name, versions in named.items()
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _version(registry: Registry, name: str, version: str) -> Manifest:
    found = [r for r in registry if r.group == name and r.version == version]
    rows = [_discovered(resource) for resource in sorted(found, key=lambda r: r.plural)]
    if name == "authorization.k8s.io":
        rows = [_discovered_review()]
    return {"version": version, "resources": rows, "freshness": "Current"}


def _discovered(resource: Resource) -> Manifest:
    row: Manifest = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular_name,
        "verbs": list(VERBS),
    }
    if resource.short:
        row["shortNames"] = list(resource.short)
    if resource.categories:
        row["categories"] = list(resource.categories)
    if resource.subresources:
        row["subresources"] = [_discovered_sub(resource, name) for name in sorted(resource.subresources)]
    return row


def _discovered_sub(resource: Resource, name: str) -> Manifest:
    group_, version, kind = _SUB_KINDS.get(name, (resource.group, resource.version, resource.kind))
    return {
        "subresource": name,
        "responseKind": {"group": group_, "version": version, "kind": kind},
        "verbs": _SUB_VERBS.get(name, ["get", "patch", "update"]),
    }


def _discovered_review() -> Manifest:
    kind = "SelfSubjectAccessReview"
    return {
        "resource": "selfsubjectaccessreviews",
        "responseKind": {"group": "authorization.k8s.io", "version": "v1", "kind": kind},
        "scope": "Cluster",
        "singularResource": "selfsubjectaccessreview",
        "verbs": ["create"],
    }
