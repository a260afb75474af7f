"""How Go's fmt prints values: print, println, printf and the text of a template's action."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class UnusableError(ValueError):
    """A function cannot use the operands it was given."""


Value = Any
"""What a template works with: str, int, float, bool, None, a mapping with str keys or a sequence of those."""

WIDEST = 1_000_000
ALTERNATE = "vUgGeEfF"
"""Verbs whose form with `#` is not there."""
DIRECTIVE = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.|$)", re.DOTALL)
TYPES: tuple[tuple[type, str], ...] = ((bool, "bool"), (str, "string"), (int, "int"), (float, "float64"))


def text_of(value: Value) -> str:
    """A value as `%v`."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return general(value)
        case Mapping():
            return "map[" + " ".join(f"{text_of(key)}:{text_of(value[key])}" for key in sorted(value)) + "]"
        case list() | tuple():
            return "[" + " ".join(text_of(item) for item in value) + "]"
        case _:
            return str(value)


def general(value: float, precision: int | None = None) -> str:
    """A float as `%g`; without a precision the shortest that reads back the same."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}[str(value)]
    if precision is not None:
        return f"{value:.{max(precision, 1)}g}"
    digits, exponent = shortest(value)
    if not -4 <= exponent < 6:
        return f"{value:.{len(digits) - 1}e}"
    return f"{value:.{max(len(digits) - 1 - exponent, 0)}f}"


def shortest(value: float) -> tuple[str, int]:
    """The fewest digits that read back as the value, and its decimal exponent."""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    return digits.rstrip("0") or "0", int(exponent or 0) + len(whole) - 1 - leading if digits else 0


def sprint(values: Sequence[Value]) -> str:
    """`print`: a blank between two operands of which none is a string."""
    out = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out += " "
        out += text_of(value)
    return out


def sprintln(values: Sequence[Value]) -> str:
    """`println`: blanks between all operands, and a line's end."""
    return " ".join(text_of(value) for value in values) + "\n"


def type_of(value: Value) -> str:
    """The name of a value's type in Go."""
    if value is None:
        return "<nil>"
    if isinstance(value, Mapping):
        return "map[string]string"
    return next((name for kind, name in TYPES if isinstance(value, kind)), "[]interface {}")


def sprintf(layout: str, values: Sequence[Value]) -> str:
    """`printf`; mistakes are printed into the text, as Go does."""
    arguments = list(values)
    out = DIRECTIVE.sub(lambda found: directive(found, arguments), layout)
    if arguments:
        out += "%!(EXTRA " + ", ".join(described(value) for value in arguments) + ")"
    return out


def described(value: Value) -> str:
    """Type and value, for mistakes."""
    return "<nil>" if value is None else f"{type_of(value)}={text_of(value)}"


def directive(found: re.Match[str], arguments: list[Value]) -> str:
    """The text of one directive; takes what it needs off the arguments."""
    flags, width, precision, verb = found.groups()
    check_supported(found.group(), flags, verb)
    if not verb:
        return "%!(NOVERB)"
    if verb == "%":
        return "%"
    size, mistake = taken(width, arguments, "WIDTH")
    digits, wrong = taken(precision, arguments, "PREC")
    if size is not None and size < 0:
        flags, size = flags + "-", -size
    if not arguments:
        return f"{mistake}{wrong}%!{verb}(MISSING)"
    return mistake + wrong + formatted(verb, flags, size, digits, arguments.pop(0))


def check_supported(text: str, flags: str, verb: str) -> None:
    """Refuses what would be printed otherwise than Go prints it."""
    if verb == "[" or (verb in ALTERNATE and "#" in flags):
        raise UnusableError(f"{text}{'…' if verb == '[' else ''} is not supported")


def taken(given: str | None, arguments: list[Value], word: str) -> tuple[int | None, str]:
    """A width or precision: written out, or the next argument for `*`."""
    if given is None:
        return None, ""
    if given != "*":
        return int(given or 0), ""
    if arguments and isinstance(arguments[0], int) and abs(arguments[0]) <= WIDEST:
        return int(arguments.pop(0)), ""
    if arguments:
        arguments.pop(0)
    return None, f"%!(BAD{word})"


def formatted(verb: str, flags: str, width: int | None, precision: int | None, value: Value) -> str:
    """One value in one verb, padded."""
    if verb == "T":
        return padded(type_of(value), flags.replace("0", ""), width)
    if isinstance(value, list | tuple) and verb != "v":
        return "[" + " ".join(formatted(verb, flags, width, precision, item) for item in value) + "]"
    if isinstance(value, Mapping) and verb != "v":
        items = (
            f"{formatted(verb, '', None, None, key)}:{formatted(verb, flags, width, precision, value[key])}"
            for key in sorted(value)
        )
        return "map[" + " ".join(items) + "]"
    check_form(verb, flags, value)
    text = plain(verb, flags, precision, value)
    if text is None:
        return f"%!{verb}({described(value)})"
    return padded(text, flags, min(width or 0, WIDEST))


def check_form(verb: str, flags: str, value: Value) -> None:
    """Refuses hexadecimal forms of strings and floats that are not there."""
    if verb in "xX" and (isinstance(value, float) or (isinstance(value, str) and set(flags) & set("# "))):
        raise UnusableError(f"%{flags}{verb} of {type_of(value)} is not supported")


def padded(text: str, flags: str, width: int | None) -> str:
    """Text of at least that width."""
    missing = (width or 0) - len(text)
    if missing <= 0:
        return text
    if "-" in flags:
        return text + " " * missing
    if "0" in flags:
        sign = text[:1] if text[:1] in ("+", "-", " ") else ""
        return sign + "0" * missing + text[len(sign) :]
    return " " * missing + text


def plain(verb: str, flags: str, precision: int | None, value: Value) -> str | None:
    """One value in one verb without padding; None if the verb is not for such a value."""
    match value:
        case None:
            return "<nil>" if verb == "v" else None
        case bool():
            return text_of(value) if verb in "vt" else None
        case str():
            return STRINGS[verb](value, flags, precision) if verb in STRINGS else None
        case int():
            return signed(verb, INTEGERS[verb](value, flags, precision), value, flags) if verb in INTEGERS else None
        case float():
            return signed(verb, FLOATS[verb](value, flags, precision), value, flags) if verb in FLOATS else None
        case _:
            return text_of(value)


def signed(verb: str, text: str, value: float, flags: str) -> str:
    """A number with the sign that the flags ask for."""
    if "+" in flags and verb != "v" and not text.startswith(("-", "+")):
        return f"+{text}"
    if " " in flags and value >= 0:
        return f" {text.lstrip('+')}"
    return text.lstrip("+") if text != "+Inf" else text


def quoted(value: str, flags: str, mark: str = '"') -> str:
    """A string, or with the other mark a character, as Go source."""
    if "#" in flags and "`" not in value and value.isprintable():
        return f"`{value}`"
    out = ""
    for character in value:
        if character == mark or character in ESCAPES:
            out += ESCAPES.get(character, f"\\{mark}")
        elif character.isprintable():
            out += character
        else:
            out += escaped(ord(character))
    return f"{mark}{out}{mark}"


def escaped(code: int) -> str:
    """The escape of a character that cannot be printed."""
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


ESCAPES = {"\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}

Format = Callable[[Any, str, "int | None"], str]


def integer(base: str, prefix: str = "") -> Format:
    """A verb that prints an integer in a base."""

    def write(value: int, flags: str, precision: int | None) -> str:
        digits = format(abs(value), base)
        digits = digits.rjust(min(precision or 0, WIDEST), "0") if value or precision != 0 else ""
        return ("-" if value < 0 else "") + (prefix if "#" in flags else "") + digits

    return write


def real(style: str) -> Format:
    """A verb that prints a float in C's style."""

    def write(value: float, flags: str, precision: int | None) -> str:
        if value != value or value in (float("inf"), float("-inf")):
            return general(value)
        return format(value, f".{min(6 if precision is None else precision, 1000)}{style}")

    return write


STRINGS: dict[str, Format] = {
    "v": lambda value, _, precision: value[:precision],
    "s": lambda value, _, precision: value[:precision],
    "q": lambda value, flags, precision: quoted(value[:precision], flags),
    "x": lambda value, _, precision: value.encode()[:precision].hex(),
    "X": lambda value, _, precision: value.encode()[:precision].hex().upper(),
}
INTEGERS: dict[str, Format] = {
    "v": integer("d"),
    "d": integer("d"),
    "b": integer("b"),
    "o": integer("o", "0"),
    "x": integer("x", "0x"),
    "X": integer("X", "0X"),
    "c": lambda value, *_: chr(value) if 0 <= value <= 0x10FFFF else "\ufffd",
    "q": lambda value, *_: quoted(chr(value) if 0 <= value <= 0x10FFFF else "\ufffd", "", "'"),
    "U": lambda value, *_: f"U+{value:04X}",
}
FLOATS: dict[str, Format] = {
    "v": lambda value, _, precision: general(value, precision),
    "g": lambda value, _, precision: general(value, precision),
    "G": lambda value, _, precision: general(value, precision).replace("e", "E"),
    "e": real("e"),
    "E": real("E"),
    "f": real("f"),
    "F": real("f"),
}
