"""Which view of an object the client accepts, read from the Accept header."""

from __future__ import annotations

from davy.cluster.api.errors import ApiError
from davy.cluster.api.resources import Resource
from davy.cluster.api.table import Table
from davy.cluster.api.view import MetadataOnly, View, Whole

Query = dict[str, str]
_ANY = ("*/*", "application/*", "application/json", "application/yaml")


def view(resource: Resource, accept: str, query: Query, *, many: bool = False) -> View:
    """The first view in the header that the server has; raises 406 if there is none."""
    message = _REPRESENTATIONS
    for clause in accept.split(",") if accept else ["*/*"]:
        media, parameters = _parse(clause)
        if media not in _ANY:
            continue
        shape = parameters.get("as", "")
        if shape == "Table":
            return Table(resource, query.get("includeObject") or "Metadata")
        if shape in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            _check_shape(resource, shape, many)
            return MetadataOnly()
        if not shape:
            return Whole(resource)
        message = _ACCEPTED
    raise ApiError(406, "NotAcceptable", message, {} if message == _REPRESENTATIONS else None)


_REPRESENTATIONS = (
    "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
    "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
    "application/vnd.kubernetes.protobuf;stream=watch"
)
_ACCEPTED = (
    "only the following media types are accepted: application/json, application/yaml, "
    "application/vnd.kubernetes.protobuf"
)


def _check_shape(resource: Resource, shape: str, many: bool) -> None:
    if many and not shape.endswith("List"):
        kind = "*unstructured.UnstructuredList" if resource.custom else f"*core.{resource.list_name}"
        raise ApiError(406, "NotAcceptable", f"you requested {shape}, but the requested object is a list ({kind})")


def _parse(clause: str) -> tuple[str, dict[str, str]]:
    media, *rest = (part.strip() for part in clause.split(";"))
    pairs = (part.partition("=") for part in rest)
    return media, {key.strip(): value.strip() for key, _, value in pairs}
