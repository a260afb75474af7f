"""Label selectors and claims."""

from __future__ import annotations

from typing import Any

import pytest

from davy.cluster.workloads.selectors import claim, matches


def _expression(operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "tier", "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({}, {"a": "b"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "b", "c": "d"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "c"}, False),
        (_expression("In", "x", "y"), {"tier": "y"}, True),
        (_expression("In", "x"), {}, False),
        (_expression("NotIn", "x"), {}, True),
        (_expression("NotIn", "x"), {"tier": "x"}, False),
        (_expression("Exists"), {"tier": ""}, True),
        (_expression("Exists"), {}, False),
        (_expression("DoesNotExist"), {}, True),
        ({"matchLabels": {"a": "b"}, **_expression("Exists")}, {"a": "b"}, False),
    ],
)
def test_selectors(selector: dict[str, Any], labels: dict[str, str], expected: bool) -> None:
    assert matches(selector, labels) is expected


def test_an_unknown_operator_names_itself() -> None:
    with pytest.raises(ValueError, match="'Near' for key 'tier'"):
        matches(_expression("Near"), {})


def _object(name: str, labels: dict[str, str], owner: str | None = None, *, leaving: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": name, "labels": labels}
    if owner:
        metadata["ownerReferences"] = [{"uid": owner, "controller": True}]
    if leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata}


OWNER: dict[str, Any] = {"metadata": {"uid": "me"}, "spec": {"selector": {"matchLabels": {"app": "a"}}}}
FITS, ELSE = {"app": "a"}, {"app": "b"}


def test_an_owner_keeps_adopts_and_releases() -> None:
    found = claim(
        OWNER,
        [
            _object("mine", FITS, "me"),
            _object("stray", ELSE, "me"),
            _object("orphan", FITS),
            _object("leaving-orphan", FITS, leaving=True),
            _object("stranger", ELSE),
            _object("others", FITS, "you"),
        ],
    )
    assert [[each["metadata"]["name"] for each in group] for group in found] == [["mine"], ["orphan"], ["stray"]]


def test_an_owner_that_is_leaving_adopts_nothing() -> None:
    leaving = {**OWNER, "metadata": {"uid": "me", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert claim(leaving, [_object("orphan", FITS)]).adopt == ()
