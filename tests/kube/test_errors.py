"""Errors speak Kubernetes' words, and never leak a body."""

import json
from typing import Any

import pytest

from davy.kube.errors import (
    AlreadyExists,
    BadRequest,
    Cause,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
    error_of,
)


def status(code: int, reason: str = "", message: str = "it says why", **details: Any) -> bytes:
    return json.dumps(
        {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    ).encode()


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", BadRequest),
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (409, "", Conflict),
        (410, "Expired", Expired),
        (410, "Gone", Expired),
        (415, "UnsupportedMediaType", KubeError),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", TooManyRequests),
        (500, "InternalError", ServerError),
        (503, "ServiceUnavailable", ServerError),
        (504, "Timeout", ServerError),
    ],
)
def test_each_code_has_its_error(code: int, reason: str, expected: type[KubeError]) -> None:
    error = error_of(code, status(code, reason), request="GET /x")
    assert type(error) is expected
    assert (error.status, error.reason, str(error)) == (code, reason, "it says why")


def test_causes_name_the_fields() -> None:
    causes = [
        {"field": "spec.replicas", "reason": "FieldValueInvalid", "message": "must be positive"},
        {"message": "x"},
    ]
    error = error_of(422, status(422, "Invalid", causes=causes), request="PUT /x")
    assert error.causes == (Cause("spec.replicas", "FieldValueInvalid", "must be positive"), Cause(message="x"))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hunter2</html>",
        b'{"kind":"Secret","data":{"password":"hunter2"}}',
        b'{"kind":"Status","message":["hunter2"]}',
        b'["hunter2"]',
        b"\xff\xfe hunter2",
        b"",
    ],
)
def test_a_body_that_is_no_status_is_never_shown(body: bytes) -> None:
    error = error_of(502, body, request="GET /api/v1/secrets")
    assert type(error) is ServerError
    assert str(error) == "GET /api/v1/secrets: the server answered 502 without saying why"
    assert "hunter2" not in repr(error.__dict__)


def test_a_status_without_a_message_still_makes_a_sentence() -> None:
    assert str(error_of(409, status(409, "Conflict", message=""), request="")) == "the server answered 409 Conflict"


@pytest.mark.parametrize(
    ("header", "details", "expected"),
    [
        ("7", {}, 7.0),
        (None, {"retryAfterSeconds": 3}, 3.0),
        (None, {}, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", {}, None),
    ],
)
def test_patience_that_the_server_asks_for(header: str | None, details: dict[str, Any], expected: float | None) -> None:
    error = error_of(429, status(429, **details), request="", retry_after=header)
    assert error.retry_after == expected


def test_a_lost_answer_says_whether_the_write_may_be_in_force() -> None:
    assert Unreachable("x").maybe_applied is False
    assert Unreachable("x", maybe_applied=True).maybe_applied is True
