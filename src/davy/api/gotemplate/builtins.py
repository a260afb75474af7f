"""The functions that Go's templates bring with them, apart from the lazy `and` and `or`."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote_plus

from davy.api.gotemplate.printing import UnusableError, Value, sprint, sprintf, sprintln, text_of, type_of

Function = Callable[..., Value]


def truth(value: Value) -> bool:
    """Whether Go takes a value for true: not nil, zero or empty."""
    return bool(value)


def index(item: Value, *keys: Value) -> Value:
    """`index x 1 "a"`: an element of a list or mapping; a key that a mapping lacks gives an empty string."""
    if item is None:
        raise UnusableError("index of nil")
    for key in keys:
        item = element(item, key)
    return item


def element(item: Value, key: Value) -> Value:
    """One step of `index`. Raises UnusableError."""
    match item:
        case Mapping():
            if not isinstance(key, str):
                raise UnusableError(f"the key of a map is a string, not {type_of(key)}")
            return item.get(key, "")
        case str() | list() | tuple():
            position = place(key, len(item.encode()) if isinstance(item, str) else len(item))
            return item.encode()[position] if isinstance(item, str) else item[position]
        case _:
            raise UnusableError(f"index of {type_of(item)}, which has no elements")


def place(key: Value, length: int) -> int:
    """A position in a list of that length. Raises UnusableError."""
    if not isinstance(key, int) or isinstance(key, bool):
        raise UnusableError(f"a list is indexed by a number, not by {type_of(key)}")
    if not 0 <= key < length:
        raise UnusableError(f"index {key} is out of range: there are {length}")
    return key


def part(item: Value, *bounds: Value) -> Value:
    """`slice x 1 2`: part of a string or list."""
    if not isinstance(item, str | list | tuple) or len(bounds) > 2:
        raise UnusableError(f"slice of {type_of(item)} with {len(bounds)} bounds")
    whole = item.encode() if isinstance(item, str) else item
    start, end = (*(place(bound, len(whole) + 1) for bound in bounds), *(0, len(whole))[len(bounds) :])
    if start > end:
        raise UnusableError(f"slice bounds {start} and {end} are in the wrong order")
    cut = whole[start:end]
    return cut.decode(errors="replace") if isinstance(cut, bytes) else cut


def length(item: Value) -> int:
    """`len`: bytes of a string, elements of a list or mapping."""
    if isinstance(item, str):
        return len(item.encode())
    if isinstance(item, Mapping | list | tuple):
        return len(item)
    raise UnusableError(f"len of {type_of(item)}, which has no length")


def kind_of(value: Value) -> str:
    """The kind that comparisons go by. Raises UnusableError for what cannot be compared."""
    if value is None or isinstance(value, bool | str | int | float):
        return type_of(value)
    raise UnusableError(f"{type_of(value)} cannot be compared")


def equal(first: Value, *others: Value) -> bool:
    """`eq a b c`: whether a equals one of the others."""
    if not others:
        raise UnusableError("eq needs something to compare with")
    for other in others:
        kinds = kind_of(first), kind_of(other)
        if kinds[0] != kinds[1] and first is not None and other is not None:
            raise UnusableError(f"{kinds[0]} and {kinds[1]} cannot be compared")
        if kinds[0] == kinds[1] and first == other:
            return True
    return False


def less(first: Value, second: Value) -> bool:
    """`lt`: numbers of one kind, or strings byte by byte."""
    kinds = kind_of(first), kind_of(second)
    if kinds[0] != kinds[1]:
        raise UnusableError(f"{kinds[0]} and {kinds[1]} cannot be compared")
    if kinds[0] in ("bool", "<nil>"):
        raise UnusableError(f"{kinds[0]} has no order")
    return bool(first < second)


def less_or_equal(first: Value, second: Value) -> bool:
    """`le`"""
    return less(first, second) or equal(first, second)


HTML = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}


def joined(values: Sequence[Value]) -> str:
    """The operands of `html` and `urlquery` as one string."""
    return sprint(["<no value>" if value is None else value for value in values])


def printf(layout: Value, *values: Value) -> str:
    """`printf`, whose layout must be a string."""
    if not isinstance(layout, str):
        raise UnusableError(f"the layout of printf is a string, not {type_of(layout)}")
    return sprintf(layout, values)


BUILTINS: Mapping[str, Function] = {
    "and": lambda *values: next((value for value in values if not truth(value)), values[-1]),
    "or": lambda *values: next((value for value in values if truth(value)), values[-1]),
    "not": lambda value: not truth(value),
    "eq": equal,
    "ne": lambda first, second: not equal(first, second),
    "lt": less,
    "le": less_or_equal,
    "gt": lambda first, second: not less_or_equal(first, second),
    "ge": lambda first, second: not less(first, second),
    "len": length,
    "index": index,
    "slice": part,
    "print": lambda *values: sprint(values),
    "println": lambda *values: sprintln(values),
    "printf": printf,
    "html": lambda *values: "".join(HTML.get(character, character) for character in joined(values)),
    "urlquery": lambda *values: quote_plus(joined(values), safe="-_.~"),
}
"""`call` and `js` are left out: there are no functions to hand over, and no query is JavaScript."""

LAZY = ("and", "or")
"""These look at an operand only if the ones before it do not settle the matter."""


def shown(value: Value) -> str:
    """What an action gives out."""
    return "<no value>" if value is None else text_of(value)
