"""How long it takes until the API server answers and until `davy demo` has its first pod serving."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from .figure import Figure, Goal

ROOT = Path(__file__).resolve().parents[2]
SERVERS, DEMOS = 5, 4
PATIENCE = 60.0
"""Seconds; a demo that has not come that far by then is not measured but broken."""

FIRST_POD = "the first pod serves"
"""What the demo says then, in a line of its own."""


def measure() -> list[Figure]:
    """API server: fresh processes. Demo: the real command, ended once its first pod serves."""
    servers = [_server() for _ in range(SERVERS)]
    return [
        Figure(
            what="API server up",
            unit="s",
            values=tuple(server["up"] for server in servers),
            goal=Goal(0.3),
            note="from its construction until it has answered `/readyz`, in a fresh process whose modules are loaded.",
        ),
        Figure(
            what="API server up, with the start of its process",
            unit="s",
            values=tuple(server["since_start"] for server in servers),
            note="interpreter and imports included; 0.06 s of it aiohttp reads the system's certificates.",
        ),
        Figure(
            what="first pod serving after the start of `davy demo`",
            unit="s",
            values=tuple(_demo() for _ in range(DEMOS)),
            goal=Goal(1.5),
            note="from the start of the process until the demo tells of a ready pod, which it learns by a watch.",
        ),
    ]


def _server() -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.api_server_process"], cwd=ROOT, capture_output=True, check=True
    )
    return msgspec.json.decode(done.stdout, type=dict[str, float])


def _demo() -> float:
    """Seconds until it says so. Raises RuntimeError if it ends before its first pod serves."""
    command = [sys.executable, "-m", "davy", "demo", "--plain"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        told = any(FIRST_POD in line for line in demo.stdout)
        seconds = time.perf_counter() - began
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=PATIENCE)
    if not told:
        raise RuntimeError("davy demo has ended before its first pod served; run it by itself to see why")
    return seconds
