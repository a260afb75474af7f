"""HTTP/1.1 off the wire: cuts a stream of bytes into requests, keep-alive and pipelining included."""

from __future__ import annotations

from .app import Request

LONGEST_HEAD = 64 * 1024  # bytes
LONGEST_BODY = 16 * 1024 * 1024  # bytes; bodies are read and thrown away


class MalformedError(ValueError):
    """Bytes that are no HTTP/1.x request we read; the connection cannot go on."""


class Reader:
    """Collects bytes and gives back whole requests."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, received: bytes) -> list[Request]:
        """Add bytes; return the requests that are now complete. Raises MalformedError."""
        self._pending += received
        requests = []
        while (request := self._next()) is not None:
            requests.append(request)
        return requests

    def _next(self) -> Request | None:
        head, separator, rest = self._pending.partition(b"\r\n\r\n")
        if not separator:
            if len(head) > LONGEST_HEAD:
                raise MalformedError("the request's head is too long")
            return None
        request, length = parse_head(head.decode("latin-1"))
        if len(rest) < length:
            return None
        self._pending = rest[length:]
        return request


def parse_head(head: str) -> tuple[Request, int]:
    """Read the request line and the headers; returns the request and its body's length. Raises MalformedError."""
    first, *lines = head.split("\r\n")
    match first.split(" "):
        case [method, target, version] if version.startswith("HTTP/1."):
            headers = dict(_header(line) for line in lines)
        case _:
            raise MalformedError("the first line is not an HTTP/1.x request line")
    if "transfer-encoding" in headers:
        raise MalformedError("chunked bodies are not read here")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > LONGEST_BODY:
        raise MalformedError("content-length is not a number we accept")
    connection = headers.get("connection", "").lower()
    keep = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
    return Request(method, target.partition("?")[0], keep), int(length)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()
