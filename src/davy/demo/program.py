"""`davy demo` from its flags to its exit code: looks whether it can run here, and cleans up however it ends."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec
import uvloop
from rich.console import Console

from davy.demo import logs
from davy.demo.errors import DemoFailed
from davy.demo.options import Options
from davy.demo.performance import perform
from davy.demo.ports import free_port
from davy.demo.screen import WIDTH
from davy.demo.stopping import Stopping

PARTS = {  # modules of the extra `demo`: what they are for
    "envoy": "Envoy, the proxy",
    "cel": "CEL rules",
    "jsonpatch": "JSON patches",
    "promql_parser": "PromQL",
}


def run(options: Options) -> int:
    """Run the demo; returns the exit code. One red line where it cannot be run at all."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    options = msgspec.structs.replace(options, plain=options.plain or not console.is_terminal)
    try:
        possible(options)
        return uvloop.run(_run(options, console))
    except DemoFailed as failed:
        _complain(console, failed)
        return 1


def possible(options: Options, platform: str = sys.platform) -> None:
    """Raises DemoFailed if the demo cannot be run here."""
    if platform != "linux":
        raise DemoFailed("runs on Linux only: each pod gets an address of its own in 127.0.0.0/8")
    missing = [f"{module} ({what})" for module, what in PARTS.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise DemoFailed(f"not installed: {', '.join(missing)}. Run `make demo` in a clone, which installs them")
    if options.record and options.record.suffix not in (".svg", ".txt"):
        raise DemoFailed(f"cannot record into {options.record}: the name must end in .svg or .txt")
    if options.record and not options.record.parent.is_dir():
        raise DemoFailed(f"cannot record into {options.record}: there is no directory {options.record.parent}")


async def _run(options: Options, console: Console) -> int:
    """All of it, in a directory that is kept only if there is something to be found in it."""
    stopping = Stopping()
    port = free_port(options.port)
    directory = Path(tempfile.mkdtemp(prefix="davy-demo-"))
    code = 1
    try:
        with logs.into(directory / "demo.log"):
            performance = perform(options, console, stopping, port=port, directory=directory)
            code = await stopping.run(asyncio.ensure_future(performance))
    except DemoFailed as failed:
        _complain(console, failed)
    finally:
        _tidy(directory, console, keep=code == 1)
    if stopping.number:
        console.print("Stopped; all processes have ended.", style="dim")
    return code


def _tidy(directory: Path, console: Console, *, keep: bool) -> None:
    if keep and any(directory.glob("operator.log")):
        console.print(f"The logs are in {directory}", style="dim", highlight=False, soft_wrap=True)
    else:
        shutil.rmtree(directory, ignore_errors=True)


def _complain(console: Console, failed: DemoFailed) -> None:
    console.print(f"davy demo: {failed}", style="bold red", markup=False, highlight=False, soft_wrap=True)
    for line in failed.details:
        console.print(f"  {line}", style="red", markup=False, highlight=False, soft_wrap=True)
