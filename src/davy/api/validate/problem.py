"""One thing that is wrong, in words that say what would be right."""

from collections.abc import Iterable
from difflib import get_close_matches

from msgspec import Struct


class Problem(Struct, frozen=True):
    """What is wrong with which field.

    `path` is the field as Kubernetes writes it, `reason` one word for programs, `message` a sentence without its full
    stop for people; `severity` is error or
    warning: an error keeps the canary from being acted upon, a warning does not.
    """

    path: str
    reason: str
    message: str
    severity: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def error(path: str, reason: str, message: str) -> Problem:
    """A problem that keeps the canary from being acted upon."""
    return Problem(path, reason, message, "error")


def warning(path: str, reason: str, message: str) -> Problem:
    """A problem that people should know of."""
    return Problem(path, reason, message, "warning")


def unknown(path: str, reason: str, what: str, name: str, names: Iterable[str]) -> Problem:
    """A name that is not there, with those that are, and the one that may be meant."""
    known = sorted(names)
    close = get_close_matches(name, known, 1, 0.6)
    hint = f"; did you mean {close[0]}?" if close else ""
    return error(path, reason, f"unknown {what} {name!r}{hint} (known: {', '.join(known)})")
