"""Which differences are on purpose: rules, each about one part of the record, with a predicate on both values.

They stand in docs/differences.toml; each belongs to a row of docs/differences.md.
"""

import fnmatch
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tests.oracle.differences import Difference
from tests.oracle.predicates import PREDICATES, words

FILE = Path(__file__).parents[2] / "docs" / "differences.toml"
PARTS = {
    "ended": (),
    "status": ("field",),
    "event": ("message",),
    "hook": ("hook",),
    "query": ("text",),
    "object": ("kind", "pointer"),
}
"""What a rule must name besides its part: never a whole part."""
NOT_SELECTIVE = {"", "*", "**", ".*"}


class RuleError(Exception):
    """A rule that cannot be read, or that would excuse a whole part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A difference that is on purpose.

    `field`, `hook`, `kind` and `pointer` are globs, several with a `|`; `message` and `text` are regular expressions
    that match the whole of it.
    """

    id: str
    row: tuple[str, ...]
    """The first cells of the rows of docs/differences.md that say why."""
    part: str
    predicate: str
    field: str = "*"
    message: str = ".*"
    hook: str = "*"
    text: str = ".*"
    kind: str = "*"
    pointer: str = "*"
    parts_ways: bool = False
    """For a step that only one has: from there on the two are not compared, for they are in different states."""

    def excuses(self, difference: Difference) -> bool:
        """Whether the difference is one of those that this rule is about."""
        return difference.part == self.part and self._names(difference) and PREDICATES[self.predicate](difference)

    def _names(self, difference: Difference) -> bool:
        match self.part:
            case "status":
                return fits(difference.at, self.field)
            case "event":
                return matches(self.message, words(difference))
            case "query":
                return matches(self.text, words(difference))
            case "hook":
                found = fits(difference.at, self.hook) and fits(difference.pointer, self.pointer)
                return found and matches(self.message, words(difference))
            case "object":
                return fits(difference.at.split("/")[0], self.kind) and fits(difference.pointer, self.pointer)
        return True


def fits(text: str, globs: str) -> bool:
    return any(fnmatch.fnmatchcase(text, glob) for glob in globs.split("|"))


def matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def load(path: Path = FILE) -> tuple[Rule, ...]:
    """The rules of a file. Raises RuleError."""
    rules = tuple(rule(each) for each in tomllib.loads(path.read_text()).get("rule", ()))
    twice = {each.id for each in rules if sum(each.id == other.id for other in rules) > 1}
    if twice:
        raise RuleError(f"{path.name}: more than one rule is called {', '.join(sorted(twice))}")
    return rules


def rule(entry: Mapping[str, Any]) -> Rule:
    """A rule from its table in the file. Raises RuleError."""
    name = entry.get("id", "?")
    known = {each.name for each in fields(Rule)}
    if unknown := entry.keys() - known:
        raise RuleError(f"rule {name}: unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    if missing := {"id", "row", "part", "predicate"} - entry.keys():
        raise RuleError(f"rule {name}: needs {', '.join(sorted(missing))}")
    _expect_narrow(name, entry)
    row = entry["row"]
    return Rule(**dict(entry) | {"row": (row,) if isinstance(row, str) else tuple(row)})


def _expect_narrow(name: str, entry: Mapping[str, Any]) -> None:
    if entry["part"] not in PARTS:
        raise RuleError(f"rule {name}: no part {entry['part']}; there are {', '.join(PARTS)}")
    if entry["predicate"] not in PREDICATES:
        raise RuleError(f"rule {name}: no predicate {entry['predicate']}; there are {', '.join(PREDICATES)}")
    for needed in PARTS[entry["part"]]:
        if entry.get(needed, "") in NOT_SELECTIVE:
            raise RuleError(f"rule {name}: a rule about {entry['part']} must name its {needed}")
    if entry.get("parts_ways") and entry.get("field") != "step":
        raise RuleError(f"rule {name}: ways part at a step of the status only")


def first(rules: Iterable[Rule], difference: Difference) -> Rule | None:
    """The first rule that excuses a difference."""
    return next((each for each in rules if each.excuses(difference)), None)
