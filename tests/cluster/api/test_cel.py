"""CEL rules: which are broken, and what they say."""

from typing import Any

import pytest

from davy.cluster.api import cel
from davy.cluster.api.schema import custom
from davy.cluster.api.structural import ABSENT


def broken(rule: dict[str, Any], value: Any, *old: Any) -> list[tuple[str, str]]:
    spec = {
        "type": "object",
        "x-kubernetes-validations": [rule],
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}, "s": {"type": "string"}},
    }
    schema = custom({"properties": {"spec": spec}})
    before = {"spec": old[0]} if old else ABSENT
    return [(cause.reason, str(cause)) for cause in cel.check(schema, {"spec": value}, before)]


def test_a_rule_that_holds_says_nothing() -> None:
    assert broken({"rule": "self.a <= self.b"}, {"a": 1, "b": 2}) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"rule": "self.a < 1"}, 'spec: Invalid value: "object": failed rule: self.a < 1'),
        ({"rule": "self.a < 1", "message": "too big"}, 'spec: Invalid value: "object": too big'),
        (
            {"rule": "self.a < 1", "messageExpression": "'a is ' + string(self.a)"},
            'spec: Invalid value: "object": a is 5',
        ),
        ({"rule": "self.a < 1", "fieldPath": ".a", "message": "m"}, 'spec.a: Invalid value: "object": m'),
        ({"rule": "self.a < 1", "reason": "FieldValueForbidden", "message": "m"}, "spec: Forbidden: m"),
        ({"rule": "self.a < 1", "reason": "FieldValueRequired", "message": "m"}, "spec: Required value: m"),
    ],
)
def test_a_broken_rule_says_why(rule: dict[str, Any], text: str) -> None:
    assert [found[1] for found in broken(rule, {"a": 5})] == [text]


def test_a_transition_rule_looks_at_updates_only() -> None:
    rule = {"rule": "self.a >= oldSelf.a", "message": "never less"}
    assert broken(rule, {"a": 1}) == []
    assert broken(rule, {"a": 2}, {"a": 1}) == []
    assert len(broken(rule, {"a": 1}, {"a": 2})) == 1


@pytest.mark.parametrize(
    ("rule", "value", "holds"),
    [
        ("self.?a.orValue(7) == 7", {}, True),
        ("self.?a.orValue(7) == 7", {"a": 1}, False),
        ("!has(self.a) || self.a > 0", {}, True),
        ("self.s.split(',').size() == 2", {"s": "x,y"}, True),
        ("isURL(self.s)", {"s": "http://x/y"}, True),
        ("isQuantity(self.s)", {"s": "lots"}, False),
        ("self.s.find('[0-9]+') == '12'", {"s": "a12b"}, True),
    ],
)
def test_kubernetes_functions_and_optionals(rule: str, value: Any, holds: bool) -> None:
    assert (broken({"rule": rule}, value) == []) is holds


def test_an_expression_that_is_none_has_a_problem() -> None:
    assert cel.problem("self.a >") != ""
    assert cel.problem("self.a > 1") == ""
