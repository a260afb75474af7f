"""Processes: their own session, their whole group ended, their exit status as a shell says it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from davy.cluster.node.spawn import LIFELINE, Lifeline, Process, spawn


@pytest.fixture
async def lifeline() -> AsyncIterator[Lifeline]:
    made = Lifeline()
    yield made
    made.close()


_started: list[Process] = []


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    while _started:
        _started.pop().close()
    await asyncio.sleep(0)


async def _sh(script: str, lifeline: Lifeline, directory: Path) -> Process:
    process = await spawn(["sh", "-c", script], {"PATH": os.environ["PATH"]}, directory, lifeline)
    _started.append(process)
    return process


async def _first_line(process: Process) -> str:
    return (await process.output.readline()).decode().strip()


def _is_dead(pid: int) -> bool:
    """Gone, or waiting only for whoever inherited it to take note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_both_streams_come_out_as_one(lifeline: Lifeline, tmp_path: Path) -> None:
    process = await _sh("echo out; echo err >&2; pwd", lifeline, tmp_path)
    assert (await process.output.read()).decode().split() == ["out", "err", str(tmp_path)]
    assert await process.wait() == 0


@pytest.mark.parametrize(("script", "expected"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)])
async def test_exit_statuses(lifeline: Lifeline, tmp_path: Path, script: str, expected: int) -> None:
    assert await (await _sh(script, lifeline, tmp_path)).wait() == expected


async def test_what_a_program_leaves_behind_goes_with_it(lifeline: Lifeline, tmp_path: Path) -> None:
    process = await _sh("sleep 1000 & echo $!", lifeline, tmp_path)
    left_behind = int(await _first_line(process))
    await process.wait()
    await process.output.read()  # ends when nobody holds the pipe any more
    assert _is_dead(left_behind)


async def test_the_end_is_seen_while_something_left_behind_still_holds_the_output(
    lifeline: Lifeline, tmp_path: Path
) -> None:
    """asyncio's own wait would hang here if it was called before the program ended."""
    process = await _sh("sleep 1000 & read line < fifo; exit 3", lifeline, _with_fifo(tmp_path))
    waiting = asyncio.create_task(process.wait())
    await asyncio.sleep(0)
    (tmp_path / "fifo").write_text("go\n")
    async with asyncio.timeout(10):
        assert await waiting == 3
        await process.output.read()


def _with_fifo(directory: Path) -> Path:
    os.mkfifo(directory / "fifo")
    return directory


async def test_stop_is_polite_first(lifeline: Lifeline, tmp_path: Path) -> None:
    process = await _sh("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done", lifeline, tmp_path)
    assert await _first_line(process) == "up"
    await process.stop(10)
    assert await process.wait() == 0
    assert b"bye" in await process.output.read()


async def test_stop_is_not_polite_for_ever(lifeline: Lifeline, tmp_path: Path) -> None:
    process = await _sh("trap '' TERM; echo up; while :; do sleep 0.01; done", lifeline, tmp_path)
    assert await _first_line(process) == "up"
    await process.stop(0.05)
    assert await process.wait() == 128 + signal.SIGKILL


async def test_every_process_leads_a_session_of_its_own(lifeline: Lifeline, tmp_path: Path) -> None:
    process = await _sh("echo up; sleep 1000", lifeline, tmp_path)
    await _first_line(process)
    assert os.getsid(process.pid) == process.pid
    await process.stop(0)
    await process.wait()


async def test_the_lifeline_ends_when_the_node_does(tmp_path: Path) -> None:
    lifeline = Lifeline()
    process = await _sh(f"echo up; cat /dev/fd/${LIFELINE}; echo cut", lifeline, tmp_path)
    assert await _first_line(process) == "up"
    lifeline.close()
    async with asyncio.timeout(10):
        assert await _first_line(process) == "cut"
    await process.wait()


async def test_a_program_that_is_not_there(lifeline: Lifeline, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await spawn(["no-such-program"], {"PATH": "/bin"}, tmp_path, lifeline)
