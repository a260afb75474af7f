"""What listing and watching cost davy.kube, beside aiohttp and json used plainly in the same run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from .figure import Figure
from .following import Cost
from .objects import COUNT
from .starting import ROOT

ROUNDS = 5


def measure() -> list[Figure]:
    with server() as url:
        pairs = [(cost("davy", url), cost("plain", url)) for _ in range(ROUNDS)]
    return [
        Figure(
            what="list, per object",
            unit="µs",
            values=tuple(ours.list for ours, _ in pairs),
            note=f"CPU of the client's process, {COUNT:,} Deployments of 6 kB in pages of 500, into the cache.",
        ),
        Figure(
            what="list: davy.kube as a share of aiohttp and json",
            unit="ratio",
            values=tuple(ours.list / plain.list for ours, plain in pairs),
            note="the same server, one after the other; below 1 is cheaper.",
        ),
        Figure(what="watch, per event", unit="µs", values=tuple(ours.watch for ours, _ in pairs)),
        Figure(
            what="watch: davy.kube as a share of aiohttp and json",
            unit="ratio",
            values=tuple(ours.watch / plain.watch for ours, plain in pairs),
        ),
        Figure(
            what="memory of a cached Deployment",
            unit="kB",
            values=tuple(ours.held / 1000 for ours, _ in pairs),
            note="growth of the resident memory while listing, divided by the objects; it is kept as its bytes. "
            f"As json's dicts: {sorted(plain.held for _, plain in pairs)[ROUNDS // 2] / 1000:.0f} kB.",
        ),
    ]


def cost(way: str, url: str) -> Cost:
    command = [sys.executable, "-m", "tests.bench.following", way, url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=Cost)


@contextmanager
def server() -> Iterator[str]:
    """The address of a server of its own process, as long as this lasts."""
    command = [sys.executable, "-m", "tests.bench.objects"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()
