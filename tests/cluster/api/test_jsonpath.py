"""The JSONPath of printer columns."""

from typing import Any

import pytest

from davy.cluster.api.jsonpath import find, valid

THING: dict[str, Any] = {
    "spec": {"a-b": 1, "list": [{"n": "x"}, {"n": "y"}], "dotted": {"a.b/c": 2}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Odd", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".spec.a-b", [1]),
        (".spec.list[0].n", ["x"]),
        (".spec.list[-1].n", ["y"]),
        (".spec.list[*].n", ["x", "y"]),
        (".spec.list[9].n", []),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type!='Ready')].status", ["False"]),
        (r".spec.dotted.a\.b/c", []),
        (".spec.dotted['a.b/c']", [2]),
        (".nothing.here", []),
    ],
)
def test_a_path_finds(path: str, values: list[Any]) -> None:
    assert find(THING, path) == values


def test_what_is_no_path_is_told() -> None:
    assert valid(".spec.a[0]")
    assert not valid("spec")
    assert not valid(".spec[")
