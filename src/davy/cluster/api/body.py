"""Request bodies: JSON or YAML in, JSON values out."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from davy.cluster.api.errors import bad_request, unsupported_media_type

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
    raise unsupported_media_type(_ACCEPTED)


def _json(raw: bytes) -> Any:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(f"error decoding: {error}") from None


def _yaml(raw: bytes) -> Any:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from None


def manifest(raw: bytes, media: str) -> Manifest:
    """The body as an object; raises 400 if it is none."""
    value = decode(raw, media)
    if not isinstance(value, dict):
        raise bad_request("the request body must be an object")
    return value
