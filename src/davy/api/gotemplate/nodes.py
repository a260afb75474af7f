"""The parts of a parsed template."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: str | int | float | bool | None
    line: int


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`"""

    line: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`, and `$` for the data that rendering began with."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function, whose arguments are the other operands of its command."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Fields of something: `.a`, `$x.a.b`, `variables.key`, `(index …).a`."""

    of: "Operand"
    fields: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands whose results are handed on, and the variables that take the last one."""

    variables: tuple[str, ...]
    declares: bool
    commands: "tuple[Command, ...]"
    line: int


Operand = Constant | Dot | Variable | Call | Chain | Pipeline


@dataclass(frozen=True, slots=True)
class Command:
    """One or more operands: a value, or a function and its arguments."""

    operands: tuple[Operand, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is given out as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """An action that gives out its value, unless it assigns it."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class If:
    """`if`, with its `else`; `else if` is an If inside otherwise."""

    condition: Pipeline
    then: "tuple[Node, ...]"
    otherwise: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class With:
    """`with`: as `if`, and the value becomes the dot."""

    subject: Pipeline
    then: "tuple[Node, ...]"
    otherwise: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Range:
    """`range`: once for each element, which becomes the dot; `else` when there is none."""

    subject: Pipeline
    then: "tuple[Node, ...]"
    otherwise: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    word: str


Node = Text | Output | If | With | Range | Jump
