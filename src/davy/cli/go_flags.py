"""Flags as programs in Go take them: one dash or two, `-name=value` or `-name value`, switches only `-name=false`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from davy.api import durations

TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class Switch(click.ParamType[bool]):
    """Go's boolean: what it reads as true and false, and nothing else."""

    name = "true|false"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        if isinstance(value, bool):
            return value
        if value not in TRUE | FALSE:
            self.fail(f"{value!r} is neither true nor false", param, ctx)
        return value in TRUE


class Duration(click.ParamType[timedelta]):
    """A Go duration: 10s, 500ms, 1m30s."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            seconds = durations.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if seconds <= 0:
            self.fail(f"{value!r} is no time at all; write for example 10s", param, ctx)
        return timedelta(seconds=seconds)


class Url(click.ParamType[str]):
    """Where a server is: http or https, and a host."""

    name = "url"

    def __init__(self, example: str) -> None:
        self._example = example

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_url(str(value)):
            self.fail(f"{value!r} is not a URL; write for example {self._example}", param, ctx)
        return str(value)


class Words(click.ParamType[tuple[str, ...]]):
    """A list with commas."""

    name = "list"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


def is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


class Flag(click.Option):
    """One flag, in a section of the help. A variable of the environment that is set wins over it, as in Flagger."""

    def __init__(self, name: str, help: str, *, section: str = "", **attrs: Any) -> None:  # noqa: A002
        default = attrs.pop("default", None)
        shown = default not in (None, "")
        written = str(default).lower() if isinstance(default, bool) else default
        super().__init__([f"--{name}"], help=help, default=written, show_default=shown, show_envvar=True, **attrs)
        self.section = section

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value = self.value_from_envvar(ctx)
        return (value, ParameterSource.ENVIRONMENT) if value else super().consume_value(ctx, opts)


class GoCommand(click.Command):
    """A command whose flags follow Go's rules. What is no flag of its own is an error, never passed over."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._spelled(ctx, args)))

    def _spelled(self, ctx: click.Context, args: list[str]) -> Iterator[str]:
        """The same flags as click reads them: `--name=value`."""
        known = {name.lstrip("-"): param for param in self.get_params(ctx) for name in param.opts}
        words, switch = iter(args), ""
        for word in words:
            name, equals, value = split(word, switch, ctx)
            option = known.get(name)
            if option is None:
                raise click.NoSuchOption(f"--{name}", possibilities=close(name, known), ctx=ctx)
            switch = name if isinstance(option.type, Switch) and not equals else ""
            if isinstance(option, click.Option) and option.is_flag:
                yield f"--{name}" if f"--{name}" in option.opts else f"-{name}"
                continue
            if not equals:
                value = "true" if switch else needed(next(words, None), name, ctx)
            yield f"--{name}={value}"

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", "") or "Other", []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def split(word: str, switch: str, ctx: click.Context) -> tuple[str, bool, str]:
    """Name, whether a value is given with it, and that. `switch`: the one that stands before, without a value."""
    name, equals, value = word.partition("=")
    bare = name[2:] if name.startswith("--") else name[1:]
    if not word.startswith("-") or not bare:
        hint = f" A switch takes its value with `=`: -{switch}={word}." if switch and word in TRUE | FALSE else ""
        raise click.UsageError(f"Got unexpected argument {word!r}; all that can be said is said by flags.{hint}", ctx)
    return bare, bool(equals), value


def close(name: str, known: Mapping[str, click.Parameter]) -> list[str]:
    shown = [each for each, param in known.items() if not getattr(param, "hidden", False)]
    return [f"--{each}" for each in get_close_matches(name, shown)]


def needed(value: str | None, name: str, ctx: click.Context) -> str:
    if value is None:
        raise click.BadOptionUsage(f"--{name}", f"Option '--{name}' needs a value.", ctx)
    return value
