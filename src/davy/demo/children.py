"""The demo's own processes, the operator and the load generator: none outlives the demo, however that ends."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from davy.demo.errors import DemoFailed

PR_SET_PDEATHSIG = 1
GRACE = 5.0  # seconds between SIGTERM and SIGKILL
LAST_LINES = 12  # of a log that explain a sudden end

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@asynccontextmanager
async def child(command: Sequence[str], log: Path, *, piped: bool = False) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program as long as this lasts. Its words go into `log`; `piped` keeps its input and output for us.

    It gets a session of its own: Ctrl-C is for the demo alone, which ends its processes in order.
    """
    with log.open("wb") as words:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else words,
            stderr=words,
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid()),
        )
    try:
        yield process
    finally:
        await _end(process)


async def ended(process: asyncio.subprocess.Process, name: str, log: Path) -> None:
    """Wait for the process to end, which it should not. Raises DemoFailed with its last words."""
    status = await process.wait()
    raise DemoFailed(f"the {name} has ended by itself, with status {status}", *last_lines(log))


def last_lines(log: Path) -> tuple[str, ...]:
    """The end of a log."""
    return tuple(log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:])


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _dying_with(parent: int) -> Callable[[], None]:
    """Runs in the child: the kernel ends it with the thread that has started it (the event loop's)."""

    def in_child() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before the line above
            os._exit(1)

    return in_child
