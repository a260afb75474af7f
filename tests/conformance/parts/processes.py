"""Start the programs that the suite needs as children that cannot outlive it, and end exactly those."""

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
GRACE = 10.0


class PartFailedError(Exception):
    """A part ended or did not become ready in time; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Part:
    """One running program, its name for messages and where it logs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, ready: Callable[[], bool], within: float = 60.0) -> None:
        """Blocks until `ready`; raises PartFailedError when the program ends first or `within` seconds pass."""
        deadline = time.monotonic() + within
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise PartFailedError(f"{self.name} is not ready; the end of its log:\n{self._last_words()}")
            time.sleep(0.05)

    def end(self) -> None:
        """SIGTERM, then SIGKILL after GRACE seconds; always reaps."""
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


def start(
    command: Sequence[str | Path], directory: Path, *, stdin: int | IO[bytes] | None = subprocess.DEVNULL
) -> Part:
    """Runs `command` with its output in `directory`/NAME.log; the child dies with the thread that called."""
    name = Path(command[0]).name
    log = directory / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=stdin, stdout=out, stderr=out, preexec_fn=_die_with_parent
        )
    return Part(name, process, log)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
