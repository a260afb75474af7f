"""The load generator as the demo runs it: a process that is spoken to over its pipes."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from davy.demo.load.tally import Progress
from davy.demo.load.target import Target

Serving = Callable[[Callable[[int], str]], AbstractAsyncContextManager[Any]]


async def spawn(*arguments: str) -> asyncio.subprocess.Process:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "davy.demo.load", *arguments, **pipes)  # type: ignore[arg-type]


async def test_it_loads_what_it_is_told_until_its_bound_and_says_what_came_of_it(serving: Serving) -> None:
    async with serving(lambda _: "good") as served:
        load = await spawn("--requests", "40")
        order = msgspec.json.encode(Target("shop", "127.0.0.1", served.port, "shop.local", 400))
        assert load.stdin is not None
        load.stdin.write(order + b"\n")
        await load.stdin.drain()
        assert load.stdout is not None
        lines = [msgspec.json.decode(line, type=Progress) async for line in load.stdout]
        assert await load.wait() == 0
    assert lines[-1].ended
    assert [(count.target, count.version, count.count) for count in lines[-1].counts] == [("shop", "1.0", 40)]


async def test_it_ends_when_whoever_started_it_is_gone() -> None:
    load = await spawn()
    assert load.stdin is not None
    load.stdin.close()
    out, _ = await load.communicate()
    assert load.returncode == 0
    assert msgspec.json.decode(out.splitlines()[-1], type=Progress).ended


async def test_it_refuses_addresses_that_are_not_its_own_machine_s() -> None:
    load = await spawn()
    order = msgspec.json.encode(Target("shop", "192.0.2.1", 80, "shop.local", 400))
    out, complaint = await load.communicate(order + b"\n")
    assert b"only loopback" in complaint
    assert msgspec.json.decode(out.splitlines()[-1], type=Progress).requests == 0
