"""`davy demo`: the main job on the embedded cluster, in one command."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from davy.cli.lean import aiohttp_for_loopback, lean


@click.command()
@click.option("--keep", is_flag=True, help="Leave the cluster up afterwards, until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port of the Gateway on 127.0.0.1; any by default."
)
@click.option(
    "--soak", type=click.IntRange(1), default=None, metavar="N", help="Promote N good releases in a row instead."
)
@click.option(
    "--record", type=click.Path(dir_okay=False, path_type=Path), help="Write the run into a .txt or .svg file."
)
@click.option("--plain", is_flag=True, help="Lines instead of a live screen, as when the output is no terminal.")
def demo(*, keep: bool, port: int, soak: int | None, record: Path | None, plain: bool) -> None:
    """Release good and bad versions on an embedded cluster, under load.

    Needs only this machine: the API server, the node, the gateway (Envoy) and the Prometheus are part of it. The exit
    code is 0 only if the good releases were promoted, the bad ones taken back by what was measured, and no request
    failed that the bad release did not fail itself.
    """
    with lean():
        aiohttp_for_loopback()
        from davy.demo.options import Options
        from davy.demo.program import run

    sys.exit(run(Options(port=port, keep=keep, soak=soak or 0, record=record, plain=plain)))
