"""What the figures were measured on; nothing that names the machine or where it stands."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def described() -> str:
    """Processor, cores, memory, kernel and interpreter in one line."""
    release = platform.release().partition("-")[0]
    processor = _first(r"model name\s*:\s*(.+)", "/proc/cpuinfo") or platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores, "
        f"{_gibibytes():.0f} GiB, {platform.system()} {release}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def priority() -> str:
    """With what right this process gets the processor, if not with everybody's."""
    real_time = os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
    return (
        " The benchmark ran at real-time priority (`chrt -r 10`), because the machine had other work."
        if real_time
        else ""
    )


def _gibibytes() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def _first(pattern: str, path: str) -> str:
    found = re.search(pattern, Path(path).read_text("utf-8", "replace"))
    return found[1].strip() if found else ""


def resident() -> float:
    """Resident memory of this process in MiB."""
    return int(_first(r"VmRSS:\s+(\d+)", "/proc/self/status")) / 1024
