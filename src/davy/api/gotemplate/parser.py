"""Turns tokens into a template; whatever Go's language has beyond the subset is named in the error."""

from collections.abc import Callable, Collection

from davy.api.gotemplate.builtins import BUILTINS
from davy.api.gotemplate.errors import TemplateError
from davy.api.gotemplate.lexer import Kind, Token, tokens
from davy.api.gotemplate.literals import character, number, string
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
from davy.api.gotemplate.render import Template

KEYWORDS = ("if", "with", "range", "else", "end", "define", "template", "block", "break", "continue")
UNSUPPORTED = ("define", "template", "block")
DEEPEST = 100
LITERALS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}


def parse(text: str, known: Collection[str] | None = None) -> Template:
    """The template of a text.

    With `known`, a function that is neither among them nor built in is an error now rather than when rendering.
    Raises TemplateError.
    """
    parser = Parser(tokens(text), known)
    return Template(parser.body(), frozenset(parser.called))


class Parser:
    """Reads tokens once, from left to right."""

    def __init__(self, stream: list[Token], known: Collection[str] | None) -> None:
        self.tokens = stream
        self.at = 0
        self.known = known
        self.called: set[str] = set()
        self.variables = ["$"]
        self.blocks: list[str] = []

    # The stream

    def peek(self) -> Token:
        """The next token; behind the last one a closing one, so that no caller need ask for the end."""
        if self.at < len(self.tokens):
            return self.tokens[self.at]
        return Token(Kind.CLOSE, "", self.tokens[-1].line if self.tokens else 1)

    def take(self) -> Token:
        """The next token, which is then behind us."""
        token = self.peek()
        self.at += 1
        return token

    def spaces(self) -> None:
        """Steps over blanks."""
        while self.peek().kind is Kind.SPACE:
            self.at += 1

    def mark(self, *texts: str) -> str:
        """Steps over one of these marks, if it is next; says which, or "" for none."""
        token = self.peek()
        if token.kind is Kind.MARK and token.text in texts:
            self.at += 1
            return token.text
        return ""

    def close(self, after: str) -> None:
        """Steps over the end of an action."""
        self.spaces()
        token = self.take()
        if token.kind is not Kind.CLOSE:
            raise TemplateError(f"unexpected {token.text!r} after {after}", token.line)

    def keyword(self) -> str:
        """The keyword that the next action begins with, or ""."""
        if self.peek().kind is not Kind.OPEN:
            return ""
        at = self.at + 1
        while at < len(self.tokens) and self.tokens[at].kind is Kind.SPACE:
            at += 1
        word = self.tokens[at] if at < len(self.tokens) else None
        return word.text if word and word.kind is Kind.WORD and word.text in KEYWORDS else ""

    def open(self) -> Token:
        """Steps over the opening of an action and its keyword; gives the keyword's token."""
        self.take()
        self.spaces()
        return self.take()

    # Nodes

    def body(self) -> tuple[Node, ...]:
        """The whole template."""
        nodes = self.nodes()
        if self.at < len(self.tokens):
            word = self.open()
            raise TemplateError(f"unexpected {{{{{word.text}}}}}: no block is open", word.line)
        return nodes

    def nodes(self) -> tuple[Node, ...]:
        """Nodes up to the end of the block they stand in."""
        found: list[Node] = []
        while self.at < len(self.tokens) and self.keyword() not in ("else", "end"):
            found.append(self.node())
        return tuple(found)

    def node(self) -> Node:
        """The next text or action."""
        token = self.peek()
        if token.kind is Kind.TEXT:
            return Text(self.take().text)
        match self.keyword():
            case "":
                return self.output()
            case "break" | "continue":
                return self.jump()
            case "if" | "with" | "range":
                return self.block(self.open())
            case word:
                raise TemplateError(f"{{{{{word}}}}} is not supported in queries", token.line)

    def output(self) -> Output:
        """An action that gives out a value."""
        self.take()
        pipeline = self.pipeline("an action")
        self.close("the value")
        return Output(pipeline)

    def jump(self) -> Jump:
        """`break` or `continue`."""
        word = self.open()
        if "range" not in self.blocks:
            raise TemplateError(f"{{{{{word.text}}}}} outside of {{{{range}}}}", word.line)
        self.close(word.text)
        return Jump(word.text)

    def block(self, word: Token) -> Node:
        """`if`, `with` or `range`, from behind the keyword to behind its `end`."""
        self.enter(word)
        seen = len(self.variables)
        subject = self.pipeline(word.text, ranges=word.text == "range")
        self.close(f"the condition of {{{{{word.text}}}}}")
        then = self.nodes()
        otherwise = self.otherwise(word)
        del self.variables[seen:]
        self.blocks.pop()
        match word.text:
            case "if":
                return If(subject, then, otherwise)
            case "with":
                return With(subject, then, otherwise)
            case _:
                return Range(subject, then, otherwise)

    def enter(self, word: Token) -> None:
        """Notes that a block is open."""
        self.blocks.append(word.text)
        if len(self.blocks) > DEEPEST:
            raise TemplateError(f"more than {DEEPEST} blocks inside each other", word.line)

    def otherwise(self, opened: Token) -> tuple[Node, ...]:
        """What stands between `else` and `end`; `else if` and `else with` share the `end`."""
        if self.at >= len(self.tokens):
            raise TemplateError(f"{{{{{opened.text}}}}} has no {{{{end}}}}", opened.line)
        word = self.open()
        if word.text == "end":
            self.close("end")
            return ()
        self.spaces()
        again = self.peek()
        if again.kind is Kind.WORD and again.text == opened.text and opened.text != "range":
            return (self.block(self.take()),)
        self.close("else")
        return self.last(opened)

    def last(self, opened: Token) -> tuple[Node, ...]:
        """What stands behind a plain `else`."""
        nodes = self.nodes()
        if self.keyword() != "end":
            line = self.peek().line
            raise TemplateError(f"{{{{{opened.text}}}}} of line {opened.line} has no {{{{end}}}} after its else", line)
        self.open()
        self.close("end")
        return nodes

    # Values

    def pipeline(self, where: str, *, ranges: bool = False) -> Pipeline:
        """`$x := command | command`, up to what closes it."""
        self.spaces()
        line = self.peek().line
        names, declares = self.targets(ranges)
        commands = [self.command(where)]
        while self.mark("|") and not self.ends():
            commands.append(self.command(where))
            self.check_stage(commands[-1])
        if declares:
            self.variables.extend(names)
        return Pipeline(names, declares, tuple(commands), line)

    def ends(self) -> bool:
        """Whether the action ends here; Go forgives a `|` before that."""
        self.spaces()
        return self.peek().kind is Kind.CLOSE

    def check_stage(self, command: Command) -> None:
        """A value can only be handed on to a function or a field."""
        if isinstance(command.operands[0], Constant | Dot):
            raise TemplateError("a value cannot be handed on to something that is not a function", command.line)

    def targets(self, ranges: bool) -> tuple[tuple[str, ...], bool]:
        """The variables in front of `:=` or `=`, and whether they are new."""
        back = self.at
        names = self.names(2 if ranges else 1)
        self.spaces()
        sign = self.mark(":=", "=") if names else ""
        if not sign:
            self.at = back
            return (), False
        if sign == "=":
            for name in names:
                self.defined(name, self.peek().line)
        return names, sign == ":="

    def names(self, most: int) -> tuple[str, ...]:
        """Variables with commas between them."""
        found: list[str] = []
        while self.peek().kind is Kind.VARIABLE and len(found) < most:
            found.append(self.take().text)
            self.spaces()
            if not self.mark(","):
                break
            self.spaces()
        return tuple(found)

    def command(self, where: str) -> Command:
        """Operands with blanks between them."""
        self.spaces()
        line = self.peek().line
        operands: list[Operand] = []
        while (operand := self.operand()) is not None:
            operands.append(operand)
            if self.peek().kind is not Kind.SPACE:
                break
            self.spaces()
        self.check_end()
        if not operands:
            raise TemplateError(f"a value is missing in {where}", line)
        return Command(tuple(operands), line)

    def check_end(self) -> None:
        """A command ends with its action, its parentheses or a `|`."""
        token = self.peek()
        if token.kind is Kind.CLOSE or (token.kind is Kind.MARK and token.text in "|)"):
            return
        if token.kind is Kind.MARK and token.text in (":=", "="):
            raise TemplateError(f"{token.text} needs a variable such as $x on its left", token.line)
        raise TemplateError(f"unexpected {token.text!r}", token.line)

    def operand(self) -> Operand | None:
        """A term with the fields that follow it without a blank."""
        line = self.peek().line
        term = self.term()
        fields: list[str] = []
        while term is not None and self.peek().kind is Kind.FIELD:
            fields.append(self.take().text[1:])
        if not fields or term is None:
            return term
        if isinstance(term, Constant | Dot):
            raise TemplateError(f"unexpected .{fields[0]} after a value that has no fields", line)
        if isinstance(term, Chain):
            return Chain(term.of, term.fields + tuple(fields), line)
        return Chain(term, tuple(fields), line)

    def term(self) -> Operand | None:
        """A literal, a variable, a function, the dot, a field of the dot or a pipeline in parentheses."""
        token = self.peek()
        read = TERMS.get(token.kind)
        if token.kind is Kind.MARK:
            return self.marked()
        if read is None:
            return None
        self.at += 1
        return read(self, token)

    def marked(self) -> Operand | None:
        """The dot, or a pipeline in parentheses."""
        line = self.peek().line
        if self.mark("."):
            return Dot(line)
        if not self.mark("("):
            return None
        self.enter(Token(Kind.MARK, "(", line))
        inner = self.pipeline("parentheses")
        self.blocks.pop()
        self.spaces()
        if not self.mark(")"):
            raise TemplateError("a parenthesis is not closed", line)
        return inner

    def word(self, token: Token) -> Operand:
        """A literal by name, or a function."""
        if token.text in LITERALS:
            return Constant(LITERALS[token.text], token.line)
        if token.text in KEYWORDS:
            raise TemplateError(f"{token.text!r} stands where a value is expected", token.line)
        if token.text not in BUILTINS:
            self.check_known(token)
            self.called.add(token.text)
        return Call(token.text, token.line)

    def check_known(self, token: Token) -> None:
        """A function that nobody knows."""
        if self.known is not None and token.text not in self.known:
            known = ", ".join(sorted(self.known))
            raise TemplateError(f"the function {token.text!r} is not supported; there are {known}", token.line)

    def defined(self, name: str, line: int) -> None:
        """A variable must have been declared in an open block."""
        if name not in self.variables:
            raise TemplateError(f"the variable {name} is not defined", line)

    def variable(self, token: Token) -> Operand:
        """A variable that is in reach."""
        self.defined(token.text, token.line)
        return Variable(token.text, token.line)


TERMS: dict[Kind, Callable[[Parser, Token], Operand]] = {
    Kind.WORD: Parser.word,
    Kind.VARIABLE: Parser.variable,
    Kind.FIELD: lambda _, token: Chain(Dot(token.line), (token.text[1:],), token.line),
    Kind.NUMBER: lambda _, token: Constant(number(token.text, token.line), token.line),
    Kind.STRING: lambda _, token: Constant(string(token.text, token.line), token.line),
    Kind.CHARACTER: lambda _, token: Constant(character(token.text, token.line), token.line),
}
