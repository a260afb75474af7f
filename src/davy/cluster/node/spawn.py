"""Processes of pods: each in a session of its own, and none outlives the node, however that ends."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIFELINE = "DAVY_LIFELINE"  # names the file descriptor that ends when the node does
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Lifeline:
    """A pipe that the children inherit and nobody writes to: it reports its end when the node is gone.

    The kernel's own signal covers direct children on Linux; this is for programs that want to know elsewhere, too.
    """

    def __init__(self) -> None:
        self.children, self._ours = os.pipe()

    def close(self) -> None:
        os.close(self.children)
        os.close(self._ours)


def _die_with(parent: int) -> Callable[[], None]:
    """Runs in the child before the program: the kernel kills it when the parent's thread ends.

    That is the thread that spawned it, which is why `spawn` must be called on the event loop's own thread.
    """

    def in_child() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_child


class _Watched(asyncio.subprocess.SubprocessStreamProtocol):
    """Knows when the program itself has ended.

    asyncio's own `Process.wait` waits for its pipes too, and what the program left behind may hold those for ever.
    """

    def __init__(self) -> None:
        super().__init__(limit=1 << 16, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        self.exited.set()
        super().process_exited()


class Process:
    """One running program with everything it has started."""

    def __init__(self, transport: asyncio.SubprocessTransport, watched: _Watched) -> None:
        self._transport = transport
        self._watched = watched
        self.pid = transport.get_pid()

    @property
    def output(self) -> asyncio.StreamReader:
        """What it writes, both streams in one."""
        assert self._watched.stdout is not None
        return self._watched.stdout

    def close(self) -> None:
        """Read nothing more, whoever still holds the other end."""
        self._transport.close()

    def signal(self, number: signal.Signals) -> None:
        """To the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole group, also to what the program has left behind."""
        self.signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit status (128 + signal, as a shell says it). Whatever it has left behind in its group is ended."""
        await self._watched.exited.wait()
        status = self._transport.get_returncode()
        assert status is not None
        self.signal(signal.SIGKILL)
        return 128 - status if status < 0 else status

    async def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds."""
        if self._watched.exited.is_set():
            return
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                await self._watched.exited.wait()
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self._watched.exited.wait()


async def spawn(
    command: Sequence[str], environment: Mapping[str, str], directory: Path, lifeline: Lifeline, *, quiet: bool = False
) -> Process:
    """Start a program; what a `quiet` one writes is thrown away. Raises OSError if it cannot be executed."""
    transport, watched = await asyncio.get_running_loop().subprocess_exec(
        _Watched,
        *command,
        env={**environment, LIFELINE: str(lifeline.children)},
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL if quiet else asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        pass_fds=[lifeline.children],
        preexec_fn=_die_with(os.getpid()),
    )
    return Process(transport, watched)
