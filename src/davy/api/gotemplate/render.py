"""Walks a parsed template and gives out its text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from davy.api.gotemplate.builtins import BUILTINS, LAZY, Function, shown, truth
from davy.api.gotemplate.errors import TemplateError
from davy.api.gotemplate.nodes import (
    Call,
    Chain,
    Command,
    Constant,
    Dot,
    If,
    Jump,
    Node,
    Operand,
    Output,
    Pipeline,
    Range,
    Text,
    Variable,
    With,
)
from davy.api.gotemplate.printing import UnusableError, Value, type_of

MOST_STEPS = 100_000
"""A query needs a few dozen; a template that counts to a thousand million must not hold up everybody else."""
LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template. `functions` names those that it calls beyond the built-in ones."""

    nodes: tuple[Node, ...]
    functions: frozenset[str]

    def render(self, functions: Mapping[str, Function]) -> str:
        """The template's text; the functions raise UnusableError for operands they cannot use. Raises TemplateError."""
        walk = Walk({**BUILTINS, **functions})
        walk.all(self.nodes, None)
        return "".join(walk.out)


class Jumped(Exception):  # noqa: N818 – it is no error
    """`break` or `continue` on its way to its range."""

    def __init__(self, word: str) -> None:
        self.word = word


class Walk:
    """One rendering."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.functions = functions
        self.scope: list[tuple[str, Value]] = [("$", None)]
        self.out: list[str] = []
        self.steps = 0
        self.length = 0

    # Nodes

    def all(self, nodes: tuple[Node, ...], dot: Value) -> None:
        """Nodes in order; variables they declare end with them."""
        known = len(self.scope)
        for node in nodes:
            self.node(node, dot)
        del self.scope[known:]

    def node(self, node: Node, dot: Value) -> None:
        """One node."""
        match node:
            case Text(text):
                self.write(text, 0)
            case Output(pipeline):
                value = self.pipeline(pipeline, dot)
                if not pipeline.variables:
                    self.write(shown(value), pipeline.line)
            case Jump(word):
                raise Jumped(word)
            case If() | With():
                self.choose(node, dot)
            case Range():
                self.repeat(node, dot)
            case _:
                assert_never(node)

    def write(self, text: str, line: int) -> None:
        """Gives out text, up to a bound."""
        self.length += len(text)
        if self.length > LONGEST:
            raise TemplateError(f"the text is longer than {LONGEST} characters", line)
        self.out.append(text)

    def choose(self, node: If | With, dot: Value) -> None:
        """One of the two branches."""
        known = len(self.scope)
        if isinstance(node, If):
            chosen, inner = node.then, dot
            value = self.pipeline(node.condition, dot)
        else:
            value = self.pipeline(node.subject, dot)
            chosen, inner = node.then, value
        if truth(value):
            self.all(chosen, inner)
        else:
            self.all(node.otherwise, dot)
        del self.scope[known:]

    def repeat(self, node: Range, dot: Value) -> None:
        """Once for each element, or the other branch if there is none."""
        known = len(self.scope)
        subject = node.subject
        value = self.commands(subject, dot)
        if isinstance(value, int) and len(subject.variables) > 1:
            raise TemplateError("a range over a number has one variable", subject.line)
        if subject.declares:
            self.scope.extend((name, None) for name in subject.variables)
        inside = len(self.scope)
        empty = True
        for key, item in elements(value, subject.line):
            empty = False
            self.assign_element(subject.variables, key, item)
            if not self.once(node, item, inside):
                break
        if empty:
            self.all(node.otherwise, dot)
        del self.scope[known:]

    def assign_element(self, names: tuple[str, ...], key: Value, item: Value) -> None:
        """The variables of a range: the element, or its key and itself."""
        values = (item,) if len(names) == 1 else (key, item)
        for name, value in zip(names, values, strict=False):
            self.assign(name, value)

    def once(self, node: Range, item: Value, inside: int) -> bool:
        """One turn; whether there is to be another."""
        self.step(node.subject.line)
        try:
            self.all(node.then, item)
        except Jumped as jumped:
            del self.scope[inside:]
            return jumped.word == "continue"
        return True

    def step(self, line: int) -> None:
        """Counts the work, up to a bound."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TemplateError(f"the template takes more than {MOST_STEPS} steps", line)

    # Variables

    def assign(self, name: str, value: Value) -> None:
        """Changes the innermost variable of that name; the parser saw that there is one."""
        for place in range(len(self.scope) - 1, -1, -1):
            if self.scope[place][0] == name:
                self.scope[place] = (name, value)
                return

    def variable(self, name: str) -> Value:
        """The innermost variable of that name."""
        return next(value for known, value in reversed(self.scope) if known == name)

    # Values

    def pipeline(self, pipeline: Pipeline, dot: Value) -> Value:
        """The value of a pipeline, which its variables take."""
        value = self.commands(pipeline, dot)
        for name in pipeline.variables:
            if pipeline.declares:
                self.scope.append((name, value))
            else:
                self.assign(name, value)
        return value

    def commands(self, pipeline: Pipeline, dot: Value) -> Value:
        """The value of the last command, each getting the one before as its last operand."""
        self.step(pipeline.line)
        handed: tuple[Value, ...] = ()
        for command in pipeline.commands:
            handed = (self.command(command, dot, handed),)
        return handed[0]

    def command(self, command: Command, dot: Value, handed: tuple[Value, ...]) -> Value:
        """A function with its operands, or a lone value."""
        first, *rest = command.operands
        if isinstance(first, Call):
            return self.call(first, rest, dot, handed)
        if rest or handed:
            raise TemplateError("operands are given to something that is not a function", command.line)
        if isinstance(first, Constant) and first.value is None:
            raise TemplateError("nil alone is not a value to give out", command.line)
        return self.operand(first, dot)

    def call(self, call: Call, operands: list[Operand], dot: Value, handed: tuple[Value, ...]) -> Value:
        """The value of a function."""
        function = self.functions.get(call.name)
        if function is None:
            raise TemplateError(f"the function {call.name!r} is not known here", call.line)
        arguments = [*self.arguments(call, operands, dot), *handed]
        try:
            return function(*arguments)
        except (TypeError, IndexError):
            words = f"{call.name} cannot be called with {len(arguments)} operands"
            raise TemplateError(words, call.line) from None
        except UnusableError as error:
            raise TemplateError(f"{call.name}: {error}", call.line) from None

    def arguments(self, call: Call, operands: list[Operand], dot: Value) -> Iterator[Value]:
        """The operands' values; `and` and `or` stop at the one that settles the matter."""
        for operand in operands:
            value = self.operand(operand, dot)
            yield value
            if call.name in LAZY and truth(value) == (call.name == "or"):
                return

    def operand(self, operand: Operand, dot: Value) -> Value:
        """The value of one operand."""
        match operand:
            case Constant(value):
                return value
            case Dot():
                return dot
            case Variable(name):
                return self.variable(name)
            case Call():
                return self.call(operand, [], dot, ())
            case Chain():
                return self.fields(operand, dot)
            case Pipeline():
                return self.pipeline(operand, dot)
            case _:
                assert_never(operand)

    def fields(self, chain: Chain, dot: Value) -> Value:
        """Fields of a value; one that is not there is an error."""
        value = self.operand(chain.of, dot)
        for name in chain.fields:
            if value is None:
                raise TemplateError(f"there is no {name!r}: the value before it is nil", chain.line)
            if not isinstance(value, Mapping):
                raise TemplateError(f"there is no field {name!r} in a {type_of(value)}", chain.line)
            if name not in value:
                raise TemplateError(f"the map has no entry for the key {name!r}", chain.line)
            value = value[name]
        return value


def elements(value: Value, line: int) -> Iterator[tuple[Value, Value]]:
    """Keys and elements of what a range goes over."""
    match value:
        case None:
            return iter(())
        case bool():
            raise TemplateError("range cannot go over bool", line)
        case int():
            return ((number, number) for number in range(value))
        case Mapping():
            return ((key, value[key]) for key in sorted(value))
        case list() | tuple():
            return iter(list(enumerate(value)))
        case _:
            raise TemplateError(f"range cannot go over {type_of(value)}", line)
