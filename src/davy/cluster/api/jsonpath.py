"""The JSONPath of printer columns: fields, indices, wildcards and equality filters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<field>(?:\\.|[\w-])+|\*)
      | \[(?P<index>-?\d+|\*)\]
      | \[\?\(\s*@\.(?P<key>[\w.]+)\s*(?P<op>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[\w.]+)\s*\)\]
      | \[(?P<quoted>"[^"]+"|'[^']+')\]""",
    re.VERBOSE,
)
Step = dict[str, str | None]


@cache
def _steps(path: str) -> tuple[Step, ...]:
    return tuple(found.groupdict() for found in _STEP.finditer(path.removeprefix("$")))


def valid(path: str) -> bool:
    """Whether the whole text is a path."""
    return bool(path) and _STEP.sub("", path.removeprefix("$")) == ""


def find(value: Any, path: str) -> list[Any]:
    """All values at a path."""
    found = [value]
    for step in _steps(path):
        found = [item for known in found for item in _go(known, step)]
    return found


def _go(value: Any, step: Step) -> Iterator[Any]:
    name = step["field"] or (step["quoted"] or "")[1:-1]
    if name == "*" or step["index"] == "*":
        yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    elif name:
        name = name.replace("\\", "")
        if isinstance(value, dict) and name in value:
            yield value[name]
    elif step["index"] is not None:
        yield from _at(value, int(step["index"]))
    elif isinstance(value, list):
        yield from (item for item in value if _chosen(item, step))


def _at(value: Any, index: int) -> Iterator[Any]:
    if isinstance(value, list) and -len(value) <= index < len(value):
        yield value[index]


def _chosen(item: Any, step: Step) -> bool:
    found: Any = item
    for name in (step["key"] or "").split("."):
        found = found.get(name) if isinstance(found, dict) else None
    text = str(found).lower() if isinstance(found, bool) else str(found)
    return (text == (step["value"] or "").strip("\"'")) is (step["op"] == "==")
