"""Request bodies: JSON or YAML in, JSON values out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from davy.cluster.api import protobuf
from davy.cluster.api.errors import Cause, bad_request, invalid_kind, unsupported_media_type
from davy.cluster.api.resources import Resource

Manifest = dict[str, Any]
_decode = msgspec.json.Decoder().decode
_YAML = ("application/yaml", "application/apply-patch+yaml", "text/yaml")
_JSON = (
    "application/json",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/octet-stream",  # what a client library says that was told nothing
)
_ACCEPTED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


def decode(raw: bytes, media: str) -> Any:
    """The value of a body; None if there is none. Raises 400 for a broken one, 415 for a type not understood."""
    if not raw:
        return None
    if media in _JSON:
        return _json(raw)
    if media in _YAML:
        return _yaml(raw)
    if media == protobuf.MEDIA:
        return protobuf.decode(raw)
    raise unsupported_media_type(_ACCEPTED)


class BrokenError(ValueError):
    """A body that is no JSON; the text is Go's, as far as its reason is told here."""


def _json(raw: bytes) -> Any:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BrokenError(_why(raw)) from None


_LITERALS = {"n": "null", "t": "true", "f": "false"}


def _why(raw: bytes) -> str:
    """Why Go's decoder would refuse it."""
    text = raw.decode("utf-8", "replace").lstrip()
    literal = _LITERALS.get(text[:1])
    if literal is not None and not text.startswith(literal):
        for found, expected in zip(text[1:], literal[1:], strict=False):
            if found != expected:
                return f"invalid character '{found}' in literal {literal} (expecting '{expected}')"
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            return "unexpected end of JSON input"
        return f"invalid character '{text[error.pos]}' looking for beginning of value"
    return "invalid JSON"


def _yaml(raw: bytes) -> Any:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return yaml.load(raw, Loader=_Loader)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as JSON would have it: times stay texts."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _loader, node: node.value)


def _summary(raw: bytes) -> str:
    if not raw:
        return "<empty>"
    more = " ..." if len(raw) > 30 else ""
    return (raw[:30].decode("utf-8", "replace") if raw.startswith(b"{") else raw[:30].hex()) + more


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        found[_TWICE] = [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
    return found


_TWICE = "\0twice"


def duplicates(raw: bytes, media: str) -> list[str]:
    """The paths of fields that a JSON body has twice."""
    if media not in _JSON or not raw:
        return []
    return list(_duplicates(json.loads(raw, object_pairs_hook=_unique), ""))


def _duplicates(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key in value.get(_TWICE, ()):
            yield f"{path}.{key}" if path else key
        for key, item in value.items():
            if key != _TWICE:
                yield from _duplicates(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _duplicates(item, f"{path}[{index}]")


def manifest(raw: bytes, media: str, resource: Resource) -> Manifest:
    """The body as an object of this resource; raises 400 for what is none, 422 for another custom kind."""
    title = f"the object provided is unrecognized (must be of type {resource.kind})"
    try:
        value = decode(raw, media)
    except BrokenError as error:
        raise bad_request(f"{title}: couldn't get version/kind; json parse error: {error} ({_summary(raw)})") from None
    if value is None:
        raise bad_request(
            f"{title}: couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"
        )
    if not isinstance(value, dict):
        raise bad_request(f"{title}: couldn't get version/kind; json parse error: cannot unmarshal ({_summary(raw)})")
    if resource.custom is not None and not value.get("kind"):
        text = raw.decode("utf-8", "replace")
        raise bad_request(f"{title}: Object 'Kind' is missing in '{text}' ({_summary(raw)})")
    _check_kind(value, resource)
    return value


def _check_kind(value: Manifest, resource: Resource) -> None:
    kind, version = value.get("kind") or resource.kind, value.get("apiVersion") or resource.group_version
    title = f'{kind} in version "{version.rpartition("/")[2]}" cannot be handled as a {resource.kind}'
    if resource.custom is not None:
        _check_custom_kind(value, resource, kind, version)
    elif version != resource.group_version:
        known = f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:110"'
        raise bad_request(f"{title}: {known}")
    elif kind != resource.kind:
        short = version.rpartition("/")[2]
        group = resource.group.partition(".")[0] or "core"
        conversion = f"converting ({short}.{kind}) to ({group}.{resource.kind}): unknown conversion"
        raise bad_request(f"{title}: {conversion}")


def _check_custom_kind(value: Manifest, resource: Resource, kind: str, version: str) -> None:
    causes = []
    if version != resource.group_version:
        text = f'Invalid value: "{version}": must be {resource.group_version}'
        causes.append(Cause("FieldValueInvalid", "apiVersion", text))
    if kind != resource.kind:
        causes.append(Cause("FieldValueInvalid", "kind", f'Invalid value: "{kind}": must be {resource.kind}'))
    if causes:
        raise invalid_kind(resource.group, kind, (value.get("metadata") or {}).get("name", ""), causes)


def configuration(raw: bytes, media: str, resource: Resource) -> Manifest:
    """The body of an apply; raises 400 for what is no object of this resource."""
    value = decode(raw, media)
    if not isinstance(value, dict):
        raise bad_request("error decoding YAML: the body must be an object")
    group, _, version = str(value.get("apiVersion") or "").rpartition("/")
    if value.get("kind") != resource.kind or (group, version) != (resource.group, resource.version):
        raise bad_request(f"invalid object type: {group}/{version}, Kind={value.get('kind') or ''}")
    return value
