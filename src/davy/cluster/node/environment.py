"""A container's environment, command and args: values, references and $(NAMES) resolved."""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

Manifest = Mapping[str, Any]
REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


class ConfigError(Exception):
    """Something that the environment refers to is not there; the message says what and where."""


class Source(NamedTuple):
    """A ConfigMap or Secret: `kind` ("ConfigMap" or "Secret") and name."""

    kind: str
    name: str


Found = Mapping[Source, Mapping[str, str] | None]


def sources(container: Manifest) -> frozenset[Source]:
    """The ConfigMaps and Secrets that must be read for a container's environment."""
    found = set()
    for each in container.get("env") or ():
        origin = each.get("valueFrom") or {}
        found |= {Source(kind, origin[field]["name"]) for field, kind in KEY_REFS.items() if field in origin}
    for each in container.get("envFrom") or ():
        found |= {Source(kind, each[field]["name"]) for field, kind in ALL_REFS.items() if field in each}
    return frozenset(found)


KEY_REFS = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}
ALL_REFS = {"configMapRef": "ConfigMap", "secretRef": "Secret"}


def content(manifest: Manifest) -> dict[str, str]:
    """The keys of a ConfigMap or Secret as text."""
    if manifest["kind"] == "ConfigMap":
        return dict(manifest.get("data") or {})
    values = {key: base64.b64decode(value) for key, value in (manifest.get("data") or {}).items()}
    return {key: value.decode(errors="replace") for key, value in values.items()}


def environment(pod: Manifest, container: Manifest, address: str, found: Found) -> dict[str, str]:
    """The whole environment of a container. Raises ConfigError."""
    variables = dict(_all_from(container, found))
    for each in container.get("env") or ():
        value = _value(each, pod, container, address, found)
        if value is not None:
            variables[each["name"]] = expand(value, variables) if "value" in each else value
    return {**_given(pod, container, address), **variables}


def _given(pod: Manifest, container: Manifest, address: str) -> dict[str, str]:
    """What every pod finds in its environment; `python` is the interpreter that Davy itself runs on."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    ports = [port["containerPort"] for port in container.get("ports") or ()]
    return {
        **inherited,
        "PATH": path,
        "HOSTNAME": pod["metadata"]["name"],
        "POD_NAME": pod["metadata"]["name"],
        "POD_NAMESPACE": pod["metadata"]["namespace"],
        "POD_IP": address,
        "PYTHONUNBUFFERED": "1",
        **({"PORT": str(ports[0])} if ports else {}),
    }


def _all_from(container: Manifest, found: Found) -> dict[str, str]:
    variables: dict[str, str] = {}
    for each in container.get("envFrom") or ():
        for field, kind in ALL_REFS.items():
            if field in each:
                values = _content(Source(kind, each[field]["name"]), found, optional=bool(each[field].get("optional")))
                variables |= {each.get("prefix", "") + key: value for key, value in values.items()}
    return variables


def _value(each: Manifest, pod: Manifest, container: Manifest, address: str, found: Found) -> str | None:
    """A variable's value; None for an optional one that is not there."""
    origin = each.get("valueFrom")
    if not origin:
        return str(each.get("value") or "")
    for field, kind in KEY_REFS.items():
        if field in origin:
            return _key(kind, origin[field], found)
    if "fieldRef" in origin:
        return _field(origin["fieldRef"]["fieldPath"], pod, address, each["name"])
    if "resourceFieldRef" in origin:
        return _resource(origin["resourceFieldRef"], container)
    raise ConfigError(f"env {each['name']}: unknown valueFrom {', '.join(origin)}")


def _key(kind: str, ref: Manifest, found: Found) -> str | None:
    optional = bool(ref.get("optional"))
    values = _content(Source(kind, ref["name"]), found, optional=optional)
    if ref["key"] not in values and not optional:
        raise ConfigError(f'couldn\'t find key {ref["key"]} in {kind} "{ref["name"]}"')
    return values.get(ref["key"])


def _content(source: Source, found: Found, *, optional: bool) -> Mapping[str, str]:
    values = found.get(source)
    if values is None and not optional:
        raise ConfigError(f'{source.kind.lower()} "{source.name}" not found')
    return values or {}


def _field(path: str, pod: Manifest, address: str, variable: str) -> str:
    metadata, spec = pod["metadata"], pod["spec"]
    fields = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": "127.0.0.1",
    }
    if path in fields:
        return str(fields[path])
    of_map = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if of_map is None:
        raise ConfigError(f"env {variable}: fieldPath {path!r} is not one of {', '.join(fields)}")
    return str((metadata.get(of_map[1]) or {}).get(of_map[2], ""))


def _resource(ref: Manifest, container: Manifest) -> str:
    section, _, name = str(ref["resource"]).partition(".")
    return str(((container.get("resources") or {}).get(section) or {}).get(name, "0"))


def expand(text: str, variables: Mapping[str, str]) -> str:
    """$(NAME) becomes the variable's value, $$ a single $; a name that is not there stays as it is."""
    return REFERENCE.sub(lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]), text)
