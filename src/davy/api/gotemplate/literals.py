"""Go's literals: numbers, strings in quotes, raw strings, characters."""

import re

from davy.api.gotemplate.errors import TemplateError

ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
FLOAT = re.compile(r"[+-]?[0-9_]*(?:\.[0-9_]*(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)")
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)


def number(text: str, line: int) -> int | float:
    """An integer, also 0x1f, 0b1, 0o7, 017 and 1_000, or a float."""
    try:
        return float(text) if FLOAT.fullmatch(text) else integer(text)
    except ValueError:
        raise TemplateError(f"{text!r} is not a number", line) from None


def integer(text: str) -> int:
    """An integer in Go's spelling, where a leading 0 means octal. Raises ValueError."""
    digits = text.lstrip("+-").replace("_", "")
    octal = len(digits) > 1 and digits.isdigit() and digits.startswith("0")
    value = int(digits, 8) if octal else int(digits, 0)
    return -value if text.startswith("-") else value


def string(text: str, line: int) -> str:
    """The value of "…" or `…`."""
    return text[1:-1].replace("\r", "") if text.startswith("`") else unescaped(text[1:-1], "'", line)


def character(text: str, line: int) -> int:
    """The number of a character, as 'a' is one in Go."""
    value = unescaped(text[1:-1], '"', line)
    if len(value) != 1:
        raise TemplateError(f"{text} is not one character", line)
    return ord(value)


def unescaped(text: str, foreign: str, line: int) -> str:
    """Text with its escapes resolved; the other quote has none."""

    def resolved(found: re.Match[str]) -> str:
        code = found.group(1)
        if code in ESCAPES and code != foreign:
            return ESCAPES[code]
        if len(code) > 1:
            value = int(code, 8) if code.isdigit() and len(code) == 3 else int(code[1:], 16)
            return chr(value) if value <= 0x10FFFF else "\ufffd"
        raise TemplateError(f"unknown escape \\{code} in a string", line)

    return ESCAPE.sub(resolved, text)
