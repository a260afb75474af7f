"""Runs the load generator: `python -m davy.demo.load`; targets come in as JSON lines, counts go out as JSON lines."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time

import msgspec
import uvloop

from davy.demo.load.generator import Generator
from davy.demo.load.target import BadTarget, read_target

REPORT_EVERY = 0.25  # seconds


def main() -> int:
    """Load what standard input names until it ends or a bound is reached; returns the exit status."""
    parser = argparse.ArgumentParser(prog="davy.demo.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="stop after so many seconds")
    parser.add_argument("--requests", type=int, default=1_000_000, help="stop after so many requests")
    parser.add_argument("--began", type=float, default=time.monotonic(), help="when elapsed was 0 (monotonic clock)")
    bounds = parser.parse_args()
    uvloop.run(load(bounds.began, bounds.seconds, bounds.requests))
    return 0


async def load(began: float, seconds: float, requests: int) -> None:
    """Send, count and report; the last line has `ended`. Ends with standard input: it outlives nobody."""
    generator = Generator(most_requests=requests, clock=lambda: time.monotonic() - began)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks = [
        asyncio.ensure_future(generator.run()),
        asyncio.ensure_future(_take_orders(generator)),
        asyncio.ensure_future(stop.wait()),
        asyncio.ensure_future(asyncio.sleep(seconds)),
    ]
    reports = asyncio.ensure_future(_report(generator))
    await asyncio.wait([*tasks, reports], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await generator.settle()
    reports.cancel()
    _print(msgspec.json.encode(generator.progress(ended=True)))


async def _take_orders(generator: Generator) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            generator.aim(read_target(line))
        except BadTarget as error:
            sys.stderr.write(f"load generator: {error}\n")


async def _report(generator: Generator) -> None:
    while _print(msgspec.json.encode(generator.progress())):
        await asyncio.sleep(REPORT_EVERY)


def _print(line: bytes) -> bool:
    try:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
