"""Templates give what Go gives (recorded from Go 1.26), and what is beyond the subset is named."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.api.gotemplate import TemplateError, parse

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "name": lambda: "podinfo",
    "namespace": lambda: "test",
    "target": lambda: "podinfo",
    "service": lambda: "podinfo",
    "ingress": lambda: "ing",
    "route": lambda: "rt",
    "interval": lambda: "1m",
    "variables": lambda: {"dir": "in", "b": "2", "a": "1", "empty": ""},
    "many": lambda: ["x", 2, 2.5, True],
    "texts": lambda: ["p", "q"],
    "none": list,
    "number": lambda: 42,
    "real": lambda: 2.5,
    "yes": lambda: True,
    "nothing": lambda: None,
}


def rendered(template: str) -> str | None:
    """The text, or None for an error of either stage."""
    try:
        return parse(template, FUNCTIONS).render(FUNCTIONS)
    except TemplateError:
        return None


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["template"][:40])
def test_a_template_gives_what_go_gives(case: dict[str, str | None]) -> None:
    assert rendered(case["template"] or "") == case["output"]


REFUSED = [
    ('{{ define "x" }}a{{ end }}', "{{define}} is not supported"),
    ('a\n{{ template "x" }}', "line 2: {{template}} is not supported"),
    ('{{ block "x" . }}a{{ end }}', "{{block}} is not supported"),
    ("{{ call name }}", "the function 'call' is not supported"),
    ('{{ js "a" }}', "the function 'js' is not supported; there are ingress, "),
    ("{{ 1i }}", "'1i' is not a number"),
    ('{{ printf "%[1]d" 3 }}', "%[… is not supported"),
    ('{{ printf "%#v" "a" }}', "%#v is not supported"),
    ('{{ printf "% x" "a" }}', "% x of string is not supported"),
    ('{{ printf "%x" 1.5 }}', "%x of float64 is not supported"),
    ("{{ if true }}a", "line 1: {{if}} has no {{end}}"),
    ("\n{{ if true }}\n{{ else }}\nb", "{{if}} of line 2 has no {{end}} after its else"),
    ("{{ end }}", "unexpected {{end}}: no block is open"),
    ("a\nb {{ name", "line 2: an action is not closed by }}"),
    ('{{ "abc }}', 'a string is not closed by "'),
    ("{{ $x }}", "the variable $x is not defined"),
    ("{{ variables.none }}", "the map has no entry for the key 'none'"),
    ("{{ .foo }}", "there is no 'foo': the value before it is nil"),
    ("{{ eq 1 1.0 }}", "eq: int and float64 cannot be compared"),
    ("{{ range 1000000000 }}{{ end }}", "more than 100000 steps"),
    ('{{ range 100000 }}{{ printf "%1000d" . }}{{ end }}', "the text is longer than"),
    ("{{ " + "(" * 200 + "1" + ")" * 200 + " }}", "more than 100 blocks inside each other"),
]


@pytest.mark.parametrize(("template", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_an_error_names_what_is_wrong_and_where(template: str, words: str) -> None:
    with pytest.raises(TemplateError) as raised:
        parse(template, FUNCTIONS).render(FUNCTIONS)
    assert words in str(raised.value)


def test_a_function_nobody_knows_is_found_when_parsing_or_else_when_rendering() -> None:
    with pytest.raises(TemplateError, match="line 1: the function 'nope' is not supported"):
        parse("{{ nope }}", FUNCTIONS)
    with pytest.raises(TemplateError, match="the function 'nope' is not known here"):
        parse("{{ nope }}").render(FUNCTIONS)


def test_a_template_says_which_functions_it_needs() -> None:
    assert parse('{{ printf "%s" target }}{{ if interval }}{{ end }}').functions == {"target", "interval"}


def test_a_template_can_be_rendered_again_with_other_values() -> None:
    template = parse("{{ $x := target }}{{ $x }}")
    assert [template.render({"target": lambda name=name: name}) for name in ("a", "b")] == ["a", "b"]


MARKS = ["{{", "}}", "{{- ", " -}}", "/*", "*/", ":=", *"abc .|()$,=%'`\"\\\n"]
WORDS = [
    "if",
    "else",
    "end",
    "range",
    "with",
    "$x",
    "name",
    "variables.dir",
    "index",
    "printf",
    "eq",
    "nil",
    "1",
    "2.5",
]
PIECES = st.sampled_from([*MARKS, *(word + " " for word in WORDS)])


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=40).map(lambda text: "{{" + text + "}}"))
def test_whatever_is_written_is_rendered_or_refused(template: str) -> None:
    text = rendered(template)
    assert text is None or isinstance(text, str)


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_actions_is_given_out_as_it_is(text: str) -> None:
    assert parse(text).render({}) == text
