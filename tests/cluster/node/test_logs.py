"""Logs: whole lines, bounded files, tails, times and followers."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.node.logs import LONGEST_LINE, Log, Wish

START = datetime(2026, 1, 1, tzinfo=UTC)


def _clock() -> Callable[[], datetime]:
    moments = iter(range(10**9))
    return lambda: START + timedelta(seconds=next(moments))


async def _read(log: Log, wish: Wish | None = None) -> list[str]:
    return [line.decode().rstrip("\n") async for line in log.read(wish or Wish())]


async def test_a_tail_and_times_and_since(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log", _clock())
    for text in (b"one\n", b"two\n", b"three\n"):
        log.write(text)
    assert await _read(log) == ["one", "two", "three"]
    assert await _read(log, Wish(tail=1)) == ["three"]
    assert await _read(log, Wish(tail=0)) == []
    assert await _read(log, Wish(tail=1, timestamps=True)) == ["2026-01-01T00:00:02.000000Z three"]
    assert await _read(log, Wish(since=START + timedelta(seconds=1))) == ["two", "three"]
    log.close()


async def test_a_follower_sees_what_is_there_and_what_comes_once_each(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log", _clock())
    log.write(b"before\n")
    reading = asyncio.create_task(_read(log, Wish(follow=True)))
    await asyncio.sleep(0)
    log.write(b"after\nunfinished")
    log.close()
    assert await reading == ["before", "after", "unfinished"]


async def test_following_a_log_that_has_ended_ends(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log", _clock())
    log.write(b"last\n")
    log.close()
    assert await _read(log, Wish(follow=True)) == ["last"]


async def test_files_do_not_grow_without_end(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log", _clock(), largest=1000)
    for number in range(500):
        log.write(b"line %d\n" % number)
    log.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2200
    kept = await _read(log)
    assert kept == [f"line {n}" for n in range(500 - len(kept), 500)]
    assert len(kept) > 20


async def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log", _clock())
    log.write(b"x" * (LONGEST_LINE + 5))
    log.close()
    assert [len(line) for line in await _read(log)] == [LONGEST_LINE, 5]


@given(st.lists(st.sampled_from([b"a", b"\n", b"bc", b"\n\n"]), max_size=30))
def test_lines_are_the_same_however_they_come_in(chunks: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        log = Log(Path(directory) / "0.log", _clock())
        for chunk in chunks:
            log.write(chunk)
        log.close()
        expected = b"".join(chunks).decode().split("\n")
        expected = expected if expected[-1] else expected[:-1]
        assert asyncio.run(_read(log)) == expected
