"""Cuts a template into text and tokens."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from davy.api.gotemplate.errors import TemplateError


class Kind(Enum):
    """What a token is."""

    TEXT = auto()
    OPEN = auto()
    CLOSE = auto()
    SPACE = auto()
    WORD = auto()
    FIELD = auto()
    VARIABLE = auto()
    NUMBER = auto()
    STRING = auto()
    CHARACTER = auto()
    MARK = auto()


class Token(NamedTuple):
    """A piece of a template and the line it begins on."""

    kind: Kind
    text: str
    line: int


SPACE = " \t\r\n"
OPEN = "{{"
CLOSE = "}}"

NUMBER = (
    r"[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+"
    r"|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)"
)
TOKEN = re.compile(
    "|".join(
        (
            r"(?P<SPACE>[ \t\r\n]+)",
            rf"(?P<NUMBER>{NUMBER}(?![\w.]))",
            r"(?P<FIELD>\.[^\W\d]\w*)",
            r"(?P<VARIABLE>\$\w*)",
            r"(?P<WORD>[^\W\d]\w*)",
            r'(?P<STRING>"(?:[^"\\\n]|\\.)*"|`[^`]*`)',
            r"(?P<CHARACTER>'(?:[^'\\\n]|\\.)+')",
            r"(?P<MARK>:=|[=|(),.])",
        )
    )
)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def tokens(template: str) -> list[Token]:
    """All tokens of a template. Raises TemplateError."""
    return list(Lexer(template).run())


class Lexer:
    """Walks through a template once."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.at = 0
        self.trim_next = False
        self.counted = 0
        self.lines = 1

    def run(self) -> Iterator[Token]:
        """Text and actions in turn."""
        while True:
            start = self.template.find(OPEN, self.at)
            end = start if start >= 0 else len(self.template)
            trims = start >= 0 and self.is_trim_after(start)
            yield from self.text(end, trims)
            if start < 0:
                return
            self.at = start + 2 + 2 * trims
            yield from self.action(start)

    def is_trim_after(self, start: int) -> bool:
        """Whether `{{` is followed by a dash and a blank."""
        return self.template[start + 2 : start + 3] == "-" and self.template[start + 3 : start + 4] in tuple(SPACE)

    def text(self, end: int, trims: bool) -> Iterator[Token]:
        """The text up to an action, without the blanks that trim markers take away."""
        line = self.line()
        text = self.template[self.at : end]
        if self.trim_next:
            text = text.lstrip(SPACE)
        if trims:
            text = text.rstrip(SPACE)
        if text:
            yield Token(Kind.TEXT, text, line)

    def action(self, start: int) -> Iterator[Token]:
        """The tokens of one action, from behind its `{{` to behind its `}}`; a comment has none."""
        line = self.line(start)
        if self.template.startswith("/*", self.at):
            self.comment(line)
            return
        yield Token(Kind.OPEN, OPEN, line)
        while not self.closes():
            yield self.token(line)
        yield Token(Kind.CLOSE, CLOSE, line)

    def comment(self, line: int) -> None:
        """Steps over a comment, which must fill its action."""
        found = COMMENT.match(self.template, self.at)
        if found is None:
            raise TemplateError("a comment is not closed by */", line)
        self.at = found.end()
        if not self.closes():
            raise TemplateError("a comment must end right before }}", line)

    def closes(self) -> bool:
        """Steps over `}}` or ` -}}` if it is next."""
        rest = self.template[self.at : self.at + 4]
        self.trim_next = rest[1:4] == "-}}" and rest[0] in SPACE
        if self.trim_next:
            self.at += 4
            return True
        if rest.startswith(CLOSE):
            self.at += 2
            return True
        return False

    def token(self, opened: int) -> Token:
        """The next token inside an action."""
        found = TOKEN.match(self.template, self.at)
        if found is None:
            raise self.unexpected(opened)
        line = self.line()
        self.at = found.end()
        text = found.group()
        if found.lastgroup == "SPACE" and self.template.startswith("-}}", self.at):
            self.at -= 1
            text = text[:-1]
        return Token(Kind[found.lastgroup or ""], text, line)

    def unexpected(self, opened: int) -> TemplateError:
        """Why there is no token here."""
        if self.at >= len(self.template):
            return TemplateError("an action is not closed by }}", opened)
        character = self.template[self.at]
        if character in "\"'`":
            return TemplateError(f"a string is not closed by {character}", self.line())
        if number := re.match(r"[+-]?[\d.][\w.]*", self.template[self.at :]):
            return TemplateError(f"{number.group()!r} is not a number", self.line())
        return TemplateError(f"unexpected {character!r} in an action", self.line())

    def line(self, at: int | None = None) -> int:
        """The line of a position that is not before the last one asked for."""
        at = self.at if at is None else at
        self.lines += self.template.count("\n", self.counted, at)
        self.counted = at
        return self.lines
