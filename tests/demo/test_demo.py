"""The demo as a whole, real parts and all, up to its first requests; `make demo` plays it to its end."""

import asyncio
import signal
import sys
from pathlib import Path

LONGEST = 60.0  # seconds; usual are 6


def descendants(pid: int) -> set[int]:
    """The processes that were started by this one, directly or not."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text("ascii").split()):
            found |= {child} | descendants(child)
    return found


def alive(pid: int) -> bool:
    """Whether the process is there and no mere remainder of one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_stopped_demo_has_served_requests_and_leaves_nothing_behind() -> None:
    demo = await asyncio.create_subprocess_exec(sys.executable, "-m", "davy", "demo", stdout=asyncio.subprocess.PIPE)
    assert demo.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(LONGEST):
        async for line in demo.stdout:
            lines.append(line.decode())
            if "release 2.0 of shop" in lines[-1]:
                break
        family = descendants(demo.pid)
        demo.send_signal(signal.SIGTERM)
        await demo.stdout.read()
        assert await demo.wait() == 128 + signal.SIGTERM
    assert any("Initialized: primary 1.0 2/2" in line for line in lines)
    assert not any("that should not have" in line for line in lines)  # as the feed says of failed requests
    assert len(family) >= 2 + 1 + 4, "the operator, the load, Envoy, two pods of each app"
    assert not any(map(alive, family))
