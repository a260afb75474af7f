"""The command lines of the processes beside the cluster."""

from __future__ import annotations

import sys
import time

LONGEST_LOAD = 24 * 3600  # seconds
MOST_REQUESTS = 20_000_000


def operator(*, kubeconfig: str, metrics_server: str, port: int) -> list[str]:
    """`davy run`, as it would run in a cluster, with the one flag that the demo is allowed."""
    flags = {
        "--kubeconfig": kubeconfig,
        "--metrics-server": metrics_server,
        "--minimum-interval": "1s",
        "--listen": "127.0.0.1",
        "--port": str(port),
    }
    return [sys.executable, "-m", "davy", "run", *(word for pair in flags.items() for word in pair)]


def load(elapsed: float) -> list[str]:
    """The load generator, on the demo's clock: `elapsed` seconds have passed."""
    began = time.monotonic() - elapsed
    bounds = ["--seconds", str(LONGEST_LOAD), "--requests", str(MOST_REQUESTS), "--began", str(began)]
    return [sys.executable, "-m", "davy.demo.load", *bounds]
