"""`davy explain`: replays a failed run of the simulator and tells it moment by moment."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click
import msgspec


@click.command()
@click.argument("file", type=click.File("rb"))
def explain(file: BinaryIO) -> None:
    """Tell a simulated release moment by moment: what others did, what Davy asked, wrote and said.

    FILE is the JSON that a failed run of the simulator has left; - reads it from standard input. The exit code is 1 if
    the run breaks a property again, and the last line names it.
    """
    from davy.sim.cases import Case
    from davy.sim.telling import told

    try:
        case = msgspec.json.decode(file.read(), type=Case)
    except msgspec.MsgspecError as error:
        raise click.UsageError(f"this is no case of the simulator (a scenario and its faults): {error}") from error
    broken = told(case, click.echo)
    if broken is not None:
        click.echo(f"broken: {type(broken).__name__}: {broken}")
        sys.exit(1)
