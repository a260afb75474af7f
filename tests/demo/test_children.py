"""Processes of the demo: ended in order, ended with the demo however that dies, and heard when they end too early."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from davy.demo.children import child, ended
from davy.demo.errors import DemoFailed

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def alive(pid: int) -> bool:
    """Whether the process is there and no mere remainder of one."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_child_ends_with_its_block(tmp_path: Path) -> None:
    async with child(SLEEPER, tmp_path / "log", piped=True) as process:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
    assert process.returncode == -signal.SIGTERM


async def test_a_child_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.demo.children.GRACE", 0.1)
    deaf = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    async with child([sys.executable, "-c", deaf], tmp_path / "log", piped=True) as process:
        assert process.stdout is not None
        await process.stdout.readline()
    assert process.returncode == -signal.SIGKILL


async def test_a_sudden_end_is_told_with_the_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with child([sys.executable, "-c", "raise SystemExit('no cluster there')"], log) as process:
        with pytest.raises(DemoFailed, match="the operator has ended by itself, with status 1") as failed:
            await ended(process, "operator", log)
    assert failed.value.details == ("no cluster there",)


def test_kill_9_leaves_no_orphan(tmp_path: Path) -> None:
    script = f"""
        import asyncio
        from pathlib import Path
        from davy.demo.children import child

        async def main():
            async with child({SLEEPER!r}, Path({str(tmp_path / "log")!r})) as process:
                print(process.pid, flush=True)
                await asyncio.sleep(600)

        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        assert alive(orphan)
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while alive(orphan) and time.monotonic() < deadline:
        os.sched_yield()
    assert not alive(orphan)


async def test_ctrl_c_is_for_the_demo_alone(tmp_path: Path) -> None:
    async with child(SLEEPER, tmp_path / "log") as process:
        assert os.getsid(process.pid) == process.pid
        await asyncio.sleep(0)
