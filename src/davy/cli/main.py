"""`davy`: the group of all commands, each loaded only when it is called, so that every one starts quickly."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

from davy import __version__
from davy.cli.lean import lean

COMMANDS: Mapping[str, str] = {
    "run": "Run the operator against a cluster.",
    "explain": "Tell a failed run of the simulator moment by moment.",
    "demo": "Release good and bad versions on an embedded cluster, under load.",
}
"""Name of each command, and what it does; the command of that name is in the module of that name."""


class Commands(click.Group):
    """A group whose list of commands needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        with lean():
            command: click.Command = getattr(importlib.import_module(f"davy.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="davy")
def main() -> None:
    """Progressive delivery for Kubernetes: releases that are tried on few users before all get them."""
