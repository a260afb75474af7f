"""What can go wrong when talking to the API server, in Kubernetes' own words."""
# ruff: noqa: N818 - the names are Kubernetes' own

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Cause(msgspec.Struct, frozen=True):
    """One of the reasons a Status gives, with the path of the field at fault (`spec.replicas`)."""

    field: str = ""
    reason: str = ""
    message: str = ""


class _Details(msgspec.Struct, frozen=True, rename="camel"):
    causes: tuple[Cause, ...] | None = None
    retry_after_seconds: float | None = None


class Status(msgspec.Struct, frozen=True):
    """The body with which the API server explains a refusal."""

    kind: str
    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None


class KubeError(Exception):
    """A request that did not succeed. `status` is the HTTP code, 0 where there was no answer."""

    status: int
    reason: str
    message: str
    causes: tuple[Cause, ...]

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.reason, self.causes = message, status, reason, causes
        self.retry_after = retry_after  # seconds; None if the server named none


class BadRequest(KubeError):
    """400: the server did not understand the request."""


class Unauthorized(KubeError):
    """401: the credentials are missing, wrong or out of date."""


class Forbidden(KubeError):
    """403: RBAC or an admission plugin says no."""


class NotFound(KubeError):
    """404: no such object, or no such path."""


class KindNotServed(NotFound):
    """The cluster does not know the kind; its CRD is not installed."""


class Conflict(KubeError):
    """409: somebody else wrote in between, or (server-side apply without force) owns the field."""


class AlreadyExists(KubeError):
    """409 with reason AlreadyExists: an object of that name is there already."""


class Expired(KubeError):
    """410: the resourceVersion or continue token is too old; list again."""


class Invalid(KubeError):
    """422: the object breaks its schema or a rule; `causes` name the fields."""


class TooManyRequests(KubeError):
    """429: the server asks for patience."""


class ServerError(KubeError):
    """5xx: the server failed; a write may or may not have happened."""


class Unreachable(KubeError):
    """No answer: connection refused, cut or timed out."""

    def __init__(self, message: str, *, maybe_applied: bool = False) -> None:
        super().__init__(message, reason="Unreachable")
        self.maybe_applied = maybe_applied  # the request had left us, so a write may be in force


class Untrusted(Unreachable):
    """The server's certificate is not the expected one; trying again does not help."""


BY_CODE: Mapping[int, type[KubeError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
    429: TooManyRequests,
}
_STATUS = msgspec.json.Decoder(Status)


def error_of(code: int, body: bytes, *, request: str, retry_after: str | None = None) -> KubeError:
    """The error for an answer with HTTP status `code`; the Status in the body may name another one.

    `request` ("GET /api/v1/pods") stands in for the message when the body is not a Status: a proxy's page or an object
    with secrets must not end up in logs.
    """
    status = _status(body) or Status("", message=f"{request}: the server answered {code} without saying why")
    details, code = status.details or _Details(), status.code or code
    return _class_of(code, status.reason)(
        status.message or f"the server answered {code} {status.reason}".rstrip(),
        status=code,
        reason=status.reason,
        causes=details.causes or (),
        retry_after=_seconds(retry_after, details.retry_after_seconds),
    )


def _status(body: bytes) -> Status | None:
    try:
        status = _STATUS.decode(body)
    except msgspec.DecodeError:
        return None
    return status if status.kind == "Status" else None


def _class_of(code: int, reason: str) -> type[KubeError]:
    if code == 409 and reason == "AlreadyExists":
        return AlreadyExists
    return BY_CODE.get(code, ServerError if code >= 500 else KubeError)


def _seconds(header: str | None, detail: float | None) -> float | None:
    if header is None or not header.isdigit():
        return detail
    return float(header)
