"""Container logs: lines with their time, in files that cannot grow without end, for reading and following."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LONGEST_LINE = 16 * 1024  # bytes; a longer one is cut into several
LARGEST_FILE = 4 * 1024 * 1024  # bytes; then it becomes the one older file that is kept
FOLLOWERS_LAG = 10_000  # lines that a slow follower may lag behind before it misses some


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader wants to see of a log."""

    follow: bool = False
    tail: int | None = None
    timestamps: bool = False
    since: datetime | None = None


class Log:
    """The log of one run of one container. Each stored line is its time, a space, and the text."""

    def __init__(self, path: Path, now: Callable[[], datetime], *, largest: int = LARGEST_FILE) -> None:
        self._path, self._now, self._largest = path, now, largest
        self._older = path.with_suffix(".1.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")
        self._rest = b""
        self._followers: set[asyncio.Queue[bytes | None]] = set()

    def write(self, output: bytes) -> None:
        """Add what the program wrote; a line that is not finished waits for its rest."""
        *lines, self._rest = (self._rest + output).split(b"\n")
        while len(self._rest) > LONGEST_LINE:
            lines.append(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]
        if lines:
            stamp = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ").encode()
            self._store([stamp + line + b"\n" for line in lines])

    def _store(self, lines: list[bytes]) -> None:
        if self._file.tell() > self._largest:
            self._file.close()
            self._path.replace(self._older)
            self._file = self._path.open("wb")
        self._file.writelines(lines)
        self._file.flush()
        for follower in self._followers:
            for line in lines:
                if follower.qsize() < FOLLOWERS_LAG:
                    follower.put_nowait(line)

    def close(self) -> None:
        """The program has ended: followers come to their end."""
        if self._file.closed:
            return
        if self._rest:
            self.write(b"\n")
        self._file.close()
        for follower in self._followers:
            follower.put_nowait(None)

    def remove(self) -> None:
        """Delete the files of a run that has ended."""
        for path in (self._path, self._older):
            path.unlink(missing_ok=True)

    async def read(self, wish: Wish) -> AsyncIterator[bytes]:
        """The lines that the reader wants; with `follow`, until the program ends."""
        new: asyncio.Queue[bytes | None] = asyncio.Queue()
        if wish.follow and not self._file.closed:
            self._followers.add(new)
        else:
            new.put_nowait(None)
        try:
            for line in _last(self._stored(wish.since), wish.tail):
                yield _shown(line, wish)
            while (line_or_end := await new.get()) is not None:
                yield _shown(line_or_end, wish)
        finally:
            self._followers.discard(new)

    def _stored(self, since: datetime | None) -> Iterator[bytes]:
        start = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode() if since else b""
        for path in (self._older, self._path):
            if path.exists():
                with path.open("rb") as file:
                    yield from (line for line in file if line >= start)


def _last(lines: Iterator[bytes], tail: int | None) -> list[bytes]:
    """A list, because nothing may be written between the reading of the files and the following."""
    return list(deque(lines, maxlen=tail))


def _shown(line: bytes, wish: Wish) -> bytes:
    return line if wish.timestamps else line.partition(b" ")[2]
