"""What is wrong with a template, and on which line."""


class TemplateError(ValueError):
    """A template that cannot be parsed or rendered: `words` say why, `line` (from 1) says where."""

    def __init__(self, words: str, line: int) -> None:
        super().__init__(f"line {line}: {words}")
        self.words = words
        self.line = line
