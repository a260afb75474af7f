"""Label and field selectors."""

from typing import Any

import pytest

from davy.cluster.api.errors import ApiError
from davy.cluster.api.selectors import Selector, from_selector, parse_fields, parse_labels

LABELS = {"a": "1", "b": "", "n": "5"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", True),
        ("a", True),
        ("!a", False),
        ("z", False),
        ("!z", True),
        ("a=1", True),
        ("a==1", True),
        ("a!=1", False),
        ("z!=1", True),
        ("b=", True),
        ("a in (1, 2)", True),
        ("a in (2)", False),
        ("a notin (1)", False),
        ("z notin (1)", True),
        ("n>4", True),
        ("n<5", False),
        ("a=1,!z,b", True),
        ("a=1,z", False),
        ("x.io/y", False),
    ],
)
def test_a_label_selector_means(text: str, meant: bool) -> None:
    assert all(term.matches(LABELS) for term in parse_labels(text)) is meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x in 1", "found '1' expected: '('"),
        ("x===1", "found '=', expected: identifier"),
        ("bad key=1", "found 'key', expected: in, notin, =, ==, !=, gt, lt"),
        ("a,", "expected: identifier after ','"),
        ("a in (1", "expected: ',', ')' or identifier"),
    ],
)
def test_what_is_no_selector_is_refused(text: str, why: str) -> None:
    with pytest.raises(ApiError) as raised:
        parse_labels(text)
    assert (raised.value.code, raised.value.message.endswith(why)) == (400, True), raised.value.message


def test_a_selector_of_a_manifest() -> None:
    selector = {
        "matchLabels": {"a": "1"},
        "matchExpressions": [{"key": "z", "operator": "DoesNotExist"}, {"key": "n", "operator": "In", "values": ["5"]}],
    }
    assert all(term.matches(LABELS) for term in from_selector(selector))
    assert not all(term.matches({"z": "1"}) for term in from_selector(selector))


POD: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"hostNetwork": True}, "status": {"phase": "Running"}}
ALLOWED = frozenset(("metadata.name", "status.phase", "spec.hostNetwork", "spec.nodeName"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("metadata.name=p", True),
        ("metadata.name!=p", False),
        ("status.phase=Running,metadata.name=p", True),
        ("spec.hostNetwork=true", True),
        ("spec.nodeName=", True),
    ],
)
def test_a_field_selector_means(text: str, meant: bool) -> None:
    assert Selector(fields=parse_fields(text, ALLOWED)).matches(POD) is meant


def test_other_fields_cannot_be_selected() -> None:
    with pytest.raises(ApiError, match=r"field label not supported: spec\.x"):
        parse_fields("spec.x=1", ALLOWED)
