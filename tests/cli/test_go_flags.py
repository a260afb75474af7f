"""Flags as Go takes them: every spelling, and nothing that is passed over without a word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from davy.cli.go_flags import FALSE, TRUE, Duration, Flag, GoCommand, Switch, Url, Words

FLAGS = (
    Flag("text", "A text.", default="a"),
    Flag("on-by-default", "A switch.", type=Switch(), default=True),
    Flag("off", "A switch.", type=Switch(), default=False),
    Flag("every", "A time.", type=Duration(), default="10s"),
    Flag("at", "A place.", type=Url("http://here")),
    Flag("words", "Words.", type=Words(), default="x,y", section="Lists"),
    Flag("v", "", hidden=True, expose_value=False),
    Flag("secret", "A secret.", default="", envvar="THE_SECRET"),
)
DEFAULTS: dict[str, Any] = {
    "text": "a",
    "on_by_default": True,
    "off": False,
    "every": timedelta(seconds=10),
    "at": None,
    "words": ("x", "y"),
    "secret": "",
}


def called(*words: str, **environment: str) -> tuple[dict[str, Any], Result]:
    """What the command was given, and what was printed."""
    given: dict[str, Any] = {}
    command = GoCommand("try", params=list(FLAGS), callback=lambda **values: given.update(values))
    result = CliRunner().invoke(command, words, env=environment)
    return given, result


def changed(*words: str, **environment: str) -> dict[str, Any]:
    given, result = called(*words, **environment)
    assert result.exit_code == 0, result.output
    return {name: value for name, value in given.items() if value != DEFAULTS[name]}


SPELLINGS: dict[tuple[str, ...], dict[str, Any]] = {
    (): {},
    ("-text=b",): {"text": "b"},
    ("--text=b",): {"text": "b"},
    ("-text", "b"): {"text": "b"},
    ("--text", "b"): {"text": "b"},
    ("-text=",): {"text": ""},
    ("-text=b=c",): {"text": "b=c"},
    ("-text", "-off"): {"text": "-off"},
    ("-text", "--"): {"text": "--"},
    ("-text=b", "-text=c"): {"text": "c"},
    ("-off",): {"off": True},
    ("--off",): {"off": True},
    ("-off", "-text=b"): {"off": True, "text": "b"},
    ("-on-by-default=false",): {"on_by_default": False},
    ("--on-by-default=false",): {"on_by_default": False},
    ("-on-by-default", "-off=true"): {"off": True},
    ("-off=true", "-off=false"): {},
    ("-every=1m30s",): {"every": timedelta(seconds=90)},
    ("-at", "https://there:1/x"): {"at": "https://there:1/x"},
    ("-words=",): {"words": ()},
    ("-words", "*"): {"words": ("*",)},
    ("-words=a, b,,c",): {"words": ("a", "b", "c")},
    ("-v=4",): {},
    ("-v", "4"): {},
}


@pytest.mark.parametrize(("words", "expected"), SPELLINGS.items())
def test_a_flag_is_read_in_every_spelling(words: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert changed(*words) == expected


@pytest.mark.parametrize("value", sorted(TRUE | FALSE))
def test_a_switch_reads_what_go_reads(value: str) -> None:
    assert changed(f"-on-by-default={value}") == ({} if value in TRUE else {"on_by_default": False})


REFUSED: dict[tuple[str, ...], str] = {
    ("-of",): "No such option '--of'. Did you mean '--off'?",
    ("-txet=b",): "Did you mean '--text'?",
    ("-nothing-like-it",): "No such option '--nothing-like-it'.",
    ("-off", "false"): "Got unexpected argument 'false'; all that can be said is said by flags. "
    "A switch takes its value with `=`: -off=false.",
    ("-off=no",): "'no' is neither true nor false",
    ("-off=",): "'' is neither true nor false",
    ("-text",): "Option '--text' needs a value.",
    ("text=b",): "Got unexpected argument 'text=b'",
    ("-text=b", "c"): "Got unexpected argument 'c'",
    ("-",): "Got unexpected argument '-'",
    ("--", "-off"): "Got unexpected argument '--'",
    ("-=b",): "Got unexpected argument '-=b'",
    ("---text=b",): "No such option '---text'. Did you mean '--text'?",
    ("-every=10",): "write for example 30s",
    ("-every=0s",): "'0s' is no time at all",
    ("-every=-1s",): "'-1s' is no time at all",
    ("-at=there",): "'there' is not a URL; write for example http://here",
}


@pytest.mark.parametrize(("words", "expected"), REFUSED.items())
def test_what_cannot_be_meant_is_refused_with_a_hint(words: tuple[str, ...], expected: str) -> None:
    given, result = called(*words)
    assert (result.exit_code, given) == (2, {})
    assert expected in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("words", "variable", "expected"),
    [
        ((), "", ""),
        (("-secret=a",), "", "a"),
        ((), "b", "b"),
        (("-secret=a",), "b", "b"),
    ],
)
def test_a_variable_that_is_set_wins_over_its_flag(words: tuple[str, ...], variable: str, expected: str) -> None:
    given, _ = called(*words, THE_SECRET=variable)
    assert given["secret"] == expected


def test_the_help_is_in_sections_and_shows_defaults_but_no_hidden_flag() -> None:
    _, result = called("--help")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "Lists:" in lines
    assert "--words LIST Words. [default: x,y]" in lines
    assert "--secret TEXT A secret. [env var: THE_SECRET]" in lines
    assert "[default: true]" in result.output
    assert "--v" not in result.output


@given(st.text(), st.sampled_from(["-", "--"]), st.booleans())
def test_a_text_arrives_as_it_was_written(text: str, dashes: str, equals: bool) -> None:
    words = [f"{dashes}text={text}"] if equals else [f"{dashes}text", text]
    ctx = click.Context(GoCommand("try", params=list(FLAGS)))
    assert list(GoCommand("try", params=list(FLAGS))._spelled(ctx, words)) == [f"--text={text}"]
