"""JSON for people: whatever fits into one line stands in one."""

import json
from collections.abc import Iterator

from tests.oracle.kinds import Json

WIDTH = 150


def laid_out(value: Json, indent: int = 0) -> str:
    """The value as text, without a line break at its end."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    body = ",\n".join(" " * (indent + 1) + each for each in _items(value, indent + 1))
    return f"{opening}\n{body}\n{' ' * indent}{closing}"


def _items(value: Json, indent: int) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{json.dumps(key, ensure_ascii=False)}: {laid_out(each, indent)}"
    else:
        for each in value:
            yield laid_out(each, indent)
