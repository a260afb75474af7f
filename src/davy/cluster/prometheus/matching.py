"""Label matchers: =, !=, =~ and !~, the last two on the whole value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Op = Literal["=", "!=", "=~", "!~"]


class BadMatcher(ValueError):  # noqa: N818 - the matcher is bad, nothing failed
    """A regular expression that cannot be compiled."""


@dataclass(frozen=True)
class Matcher:
    """One condition on one label; a label that is not there has the empty value."""

    name: str
    op: Op
    value: str

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_regex", re.compile(self.value, re.DOTALL) if "~" in self.op else None)
        except re.error as error:
            raise BadMatcher(f"{self.name}{self.op}{self.value!r}: {error}") from error

    _regex: re.Pattern[str] | None = None

    def takes(self, value: str) -> bool:
        if self._regex is None:
            return (value == self.value) == (self.op == "=")
        return (self._regex.fullmatch(value) is not None) == (self.op == "=~")
