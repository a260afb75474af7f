"""HTTP/1.1 answers off the wire, as the demo's servers send them: with a length, in chunks, or until the end."""

from __future__ import annotations

from typing import NamedTuple

LONGEST_HEAD = 64 * 1024  # bytes
VERSION_HEADER = "x-app-version"


class Malformed(ValueError):  # noqa: N818
    """Bytes that are no HTTP/1.x answer."""


class Answer(NamedTuple):
    """An answer; `kept` says whether its connection can be used again."""

    status: int
    version: str
    kept: bool
    body: bytes


class _Head(NamedTuple):
    status: int
    headers: dict[str, str]

    @property
    def kept(self) -> bool:
        return "close" not in self.headers.get("connection", "").lower()

    def answer(self, body: bytes, *, kept: bool) -> Answer:
        return Answer(self.status, self.headers.get(VERSION_HEADER, ""), kept, body)


class Reader:
    """Collects the bytes of one answer."""

    def __init__(self) -> None:
        self._pending = b""
        self._head: _Head | None = None

    def feed(self, received: bytes) -> Answer | None:
        """Add bytes; return the answer once it is complete. Raises Malformed."""
        self._pending += received
        if self._head is None:
            self._head = self._cut_head()
        return None if self._head is None else _complete(self._head, self._pending)

    def end(self) -> Answer | None:
        """The connection has ended: the answer, if its end was to be told so."""
        head = self._head
        if head is None or "content-length" in head.headers or "transfer-encoding" in head.headers:
            return None
        return head.answer(self._pending, kept=False)

    def _cut_head(self) -> _Head | None:
        head, found, rest = self._pending.partition(b"\r\n\r\n")
        if not found:
            if len(head) > LONGEST_HEAD:
                raise Malformed("the answer's head is too long")
            return None
        self._pending = rest
        return _parse_head(head.decode("latin-1"))


def _parse_head(text: str) -> _Head:
    first, *lines = text.split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise Malformed(f"not an HTTP/1.x answer: {first[:60]!r}")
    pairs = (line.partition(":") for line in lines)
    return _Head(int(rest[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs})


def _complete(head: _Head, pending: bytes) -> Answer | None:
    if head.status in (204, 304):
        return head.answer(b"", kept=head.kept)
    if "chunked" in head.headers.get("transfer-encoding", ""):
        body = _unchunked(pending)
        return None if body is None else head.answer(body, kept=head.kept)
    length = head.headers.get("content-length")
    if length is None:
        return None
    if not length.isdigit():
        raise Malformed(f"content-length is {length[:20]!r}")
    return head.answer(pending[: int(length)], kept=head.kept) if len(pending) >= int(length) else None


def _unchunked(pending: bytes) -> bytes | None:
    body = b""
    while True:
        line, found, rest = pending.partition(b"\r\n")
        if not found:
            return None
        try:
            length = int(line.split(b";")[0], 16)
        except ValueError:
            raise Malformed(f"not the length of a chunk: {line[:20]!r}") from None
        if len(rest) < length + 2:
            return None
        if length == 0:
            return body
        body, pending = body + rest[:length], rest[length + 2 :]
