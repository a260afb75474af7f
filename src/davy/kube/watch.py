"""One watch request, as a stream of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable

import msgspec
import structlog

from davy.kube.errors import error_of

log = structlog.get_logger("davy.kube")


class WatchEvent(msgspec.Struct, frozen=True):
    """What happened (ADDED, MODIFIED, DELETED, BOOKMARK), and the object as the server sent it.

    `object` is a view into the line it came in: copy it (`bytes(event.object)`) to keep it.
    """

    type: str
    object: msgspec.Raw


_EVENT = msgspec.json.Decoder(WatchEvent)


def warn(line: bytes, error: Exception) -> None:
    """Tells of a line that is no event, without its content: it may be a Secret."""
    log.warning("undecodable watch line skipped", size=len(line), error=str(error))


async def events(
    chunks: AsyncIterable[bytes], undecodable: Callable[[bytes, Exception], None] = warn
) -> AsyncGenerator[WatchEvent, None]:
    """The events in a watch's body. An ERROR event is raised, as Expired for code 410."""
    async for line in lines(chunks):
        try:
            event = _EVENT.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            undecodable(line, error)
            continue
        if event.type == "ERROR":
            raise error_of(500, bytes(event.object), request="watch")
        yield event


async def lines(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The non-empty lines in a stream of chunks. A line cut off by the end of the stream is not one."""
    parts: list[bytes] = []  # of a line that has not ended yet; joined once, however many chunks it takes
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            line = b"".join([*parts, piece]) if parts else piece
            parts.clear()
            if line.strip():
                yield line
        if rest:
            parts.append(rest)
