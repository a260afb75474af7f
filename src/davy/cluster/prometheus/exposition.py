"""Reads the text that a /metrics page is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from davy.cluster.prometheus.labels import NAME

_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_ESCAPE = re.compile(r'\\[\\"n]')


class BadExposition(ValueError):  # noqa: N818 - it is the page that is bad
    """A line that is not in the text format; the message quotes it."""


def samples(page: str) -> Iterator[tuple[str, float]]:
    """Pairs of the series as it is spelled (`name{labels}`) and the value. Raises BadExposition.

    The spelling is not parsed: from one scrape to the next it stays the same, and the reader remembers what it means.
    """
    for line in page.splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            yield _split(text)


def _split(line: str) -> tuple[str, float]:
    end = line.rfind("}") + 1 or line.find(" ")
    fields = line[end:].split()
    if end > 0 and 1 <= len(fields) <= 2:  # the second one is a timestamp, which we do not honour
        try:
            return line[:end], float(fields[0])
        except ValueError:
            pass
    raise BadExposition(f"not a sample: {line[:200]!r}")


def parse_series(spelling: str) -> dict[str, str]:
    """The labels of `name{a="b"}`, the name among them. Raises BadExposition."""
    name, brace, rest = spelling.partition("{")
    name = name.strip()
    if not _METRIC.fullmatch(name):
        raise BadExposition(f"not a metric name: {name!r}")
    return {NAME: name, **(_parse_labels(rest[:-1], spelling) if brace else {})}


def _parse_labels(text: str, spelling: str) -> dict[str, str]:
    found, position = {}, 0
    while position < len(text.rstrip()):
        match = _LABEL.match(text, position)
        if match is None:
            raise BadExposition(f"labels not understood: {spelling[:200]!r}")
        found[match[1]] = _ESCAPE.sub(lambda escape: _ESCAPES[escape[0]], match[2])
        position = match.end()
    return found
