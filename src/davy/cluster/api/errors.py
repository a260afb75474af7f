"""The failures the API server answers with, worded and coded as Kubernetes words and codes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from davy.cluster.api.resources import Resource


class ApiError(Exception):
    """A request that ends in a `Status` of failure."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details
        self.metadata: dict[str, Any] = {}

    def status(self) -> dict[str, Any]:
        """The `Status` object that tells it."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return {**body, "code": self.code}


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong with one field: reason as in a Status cause, field path, message without the path."""

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message

    def manifest(self) -> dict[str, str]:
        """As an entry of `details.causes`."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def _details(resource: Resource, name: str) -> dict[str, Any]:
    group = {"group": resource.group} if resource.group else {}
    return {**({"name": name} if name else {}), **group, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> ApiError:
    """404: no such object."""
    return ApiError(404, "NotFound", f'{resource.collection} "{name}" not found', _details(resource, name))


def already_exists(resource: Resource, name: str, *, being_deleted: bool = False) -> ApiError:
    """409: an object of that name is there."""
    ending = "object is being deleted: " if being_deleted else ""
    message = f'{ending}{resource.collection} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(resource, name))


def conflict(resource: Resource, name: str, why: str) -> ApiError:
    """409: the object is not as the writer thought."""
    message = f'Operation cannot be fulfilled on {resource.collection} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(resource, name))


def conflict_of_kind(resource: Resource, name: str, why: str) -> ApiError:
    """409 as deletions tell it: by kind, not by resource."""
    group = {"group": resource.group} if resource.group else {}
    title = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = f'Operation cannot be fulfilled on {title} "{name}": {why}'
    return ApiError(409, "Conflict", message, {"name": name, **group, "kind": resource.kind})


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(resource: Resource, name: str, why: str, causes: Iterable[dict[str, str]] = ()) -> ApiError:
    """403: refused by admission."""
    details = {**_details(resource, name), **({"causes": list(causes)} if causes else {})}
    return ApiError(403, "Forbidden", f'{resource.collection} "{name}" is forbidden: {why}', details)


def bad_request(message: str) -> ApiError:
    """400: the request itself cannot be understood."""
    return ApiError(400, "BadRequest", message)


def invalid_kind(group: str, kind: str, name: str, causes: Iterable[Cause]) -> ApiError:
    """422: the object breaks rules; tells all of them. The kind need not be a served one (`Scale`, `PatchOptions`)."""
    found = list(causes)
    texts = list(dict.fromkeys(str(cause) for cause in found))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    title = f"{kind}.{group}" if group else kind
    details = {"name": name, "group": group, "kind": kind, "causes": [cause.manifest() for cause in found]}
    details = {key: value for key, value in details.items() if value}
    return ApiError(422, "Invalid", f'{title} "{name}" is invalid: {text}', details)


def expired(message: str, metadata: dict[str, Any] | None = None) -> ApiError:
    """410: the asked for revision is no longer in the log; `metadata` may tell how to go on."""
    error = ApiError(410, "Expired", message)
    error.metadata = metadata or {}
    return error


def unsupported_media_type(accepted: Iterable[str]) -> ApiError:
    """415: a body or patch type this resource does not take."""
    message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
    return ApiError(415, "UnsupportedMediaType", message)


def no_such_path() -> ApiError:
    """404 for a path that nothing serves."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> ApiError:
    """405: the path is served, the verb is not."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})
