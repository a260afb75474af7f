"""The group of commands: quick to start, and its table tells the truth."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from davy import __version__
from davy.cli.main import COMMANDS, main


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"davy, version {__version__}\n")


def test_help_lists_every_command_without_loading_any() -> None:
    program = "import sys; from davy.cli.main import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *said, modules = done.stdout.splitlines()
    assert all(any(line.split()[:1] == [name] for line in said) for name in COMMANDS)
    assert not {"aiohttp", "rich", "davy.cli.run", "davy.cli.demo"} & set(modules.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize(
    "words", [["demonstrate"], ["demo", "--kep"], ["demo", "--soak", "0"], ["demo", "--port", "x"]]
)
def test_what_is_not_known_is_refused_with_a_hint(words: list[str]) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "Error:" in result.output
