"""Label and field selectors: parsing what clients send and matching objects with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from davy.cluster.api.errors import ApiError, bad_request

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a label selector; `values` is empty for `exists` and `absent`."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is meant."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "gt" | "lt":
                return _compares(value, self.operator, next(iter(self.values)))
            case _:
                return value is None


def _compares(value: str | None, operator: str, bound: str) -> bool:
    if value is None or not re.fullmatch(r"-?\d+", value):
        return False
    return int(value) > int(bound) if operator == "gt" else int(value) < int(bound)


_KEY = r"[A-Za-z0-9]([\w./-]*[A-Za-z0-9])?"
_SET = re.compile(rf"\s*(?P<key>{_KEY})\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\s*(?:,|$)")
_EQUAL = re.compile(rf"\s*(?P<key>{_KEY})\s*(?P<op>==|=|!=)\s*(?P<value>[\w.-]*)\s*(?:,|$)")
_ORDER = re.compile(rf"\s*(?P<key>{_KEY})\s*(?P<op>[<>])\s*(?P<value>-?\d+)\s*(?:,|$)")
_EXISTS = re.compile(rf"\s*(?P<not>!?)\s*(?P<key>{_KEY})\s*(?:,|$)")


def _set(found: re.Match[str]) -> Requirement:
    return Requirement(found["key"], found["op"], frozenset(v.strip() for v in found["values"].split(",")))


def _equal(found: re.Match[str]) -> Requirement:
    return Requirement(found["key"], "notin" if found["op"] == "!=" else "in", frozenset((found["value"],)))


def _order(found: re.Match[str]) -> Requirement:
    return Requirement(found["key"], "gt" if found["op"] == ">" else "lt", frozenset((found["value"],)))


def _exists(found: re.Match[str]) -> Requirement:
    return Requirement(found["key"], "absent" if found["not"] else "exists")


_TERMS = ((_SET, _set), (_EQUAL, _equal), (_ORDER, _order), (_EXISTS, _exists))


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The terms of a label selector; raises 400 for what is none."""
    terms: list[Requirement] = []
    position = 0
    while position < len(text):
        for pattern, build in _TERMS:
            if (found := pattern.match(text, position)) is not None:
                terms.append(build(found))
                position = found.end()
                break
        else:
            raise bad_request(f"unable to parse requirement: found '{text[position:].strip()}'")
    return tuple(terms)


_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}


def from_selector(selector: Manifest) -> tuple[Requirement, ...]:
    """The terms of a metav1.LabelSelector."""
    terms = [Requirement(key, "in", frozenset((value,))) for key, value in (selector.get("matchLabels") or {}).items()]
    for term in selector.get("matchExpressions") or ():
        operator = _OPERATORS.get(term.get("operator", ""), "absent")
        terms.append(Requirement(term.get("key", ""), operator, frozenset(term.get("values") or ())))
    return tuple(terms)


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """One term of a field selector."""

    path: tuple[str, ...]
    value: str
    negated: bool

    def matches(self, manifest: Manifest) -> bool:
        """Whether the object's field has (or, negated, has not) the value."""
        return (_text(manifest, self.path) == self.value) is not self.negated


def _text(manifest: Manifest, path: tuple[str, ...]) -> str:
    found: Any = manifest
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return "true" if found else "false"
    return "" if found is None else str(found)


def parse_fields(text: str, allowed: frozenset[str]) -> tuple[FieldTerm, ...]:
    """The terms of a field selector; raises 400 for a field this resource cannot be selected by."""
    return tuple(_field(part, allowed) for part in text.split(",") if part)


def _field(part: str, allowed: frozenset[str]) -> FieldTerm:
    found = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part)
    if found is None:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    if found[1] not in allowed:
        raise ApiError(400, "BadRequest", f"field label not supported: {found[1]}")
    return FieldTerm(tuple(found[1].split(".")), found[3], found[2] == "!=")


@dataclass(frozen=True, slots=True)
class Selector:
    """What a list or a watch is restricted to; an empty one matches everything."""

    namespace: str | None = None
    labels: tuple[Requirement, ...] = ()
    fields: tuple[FieldTerm, ...] = ()

    @property
    def narrow(self) -> bool:
        """Whether an object can enter or leave it while it lives."""
        return bool(self.labels or self.fields)

    def matches(self, manifest: Manifest) -> bool:
        """Whether labels and fields of the object are meant (its namespace is not looked at)."""
        labels = manifest["metadata"].get("labels") or {}
        return all(term.matches(labels) for term in self.labels) and all(term.matches(manifest) for term in self.fields)
