"""Figures that the kernel knows: since when this process runs, and how much memory processes hold."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path


def process_age() -> float:
    """Seconds since this process was started, the interpreter's own start included."""
    fields = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def memory(pid: int) -> float:
    """Resident memory of a process in MiB; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return 0.0
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
