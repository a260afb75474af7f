"""Label and field selectors: parsing what clients send and matching objects with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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


_TOKEN = re.compile(r"\s*(==|!=|[=<>!(),]|[^\s=<>!(),]+)")
_SYMBOLS = {"=", "==", "!=", "<", ">", "!", "(", ")", ","}
_KNOWN = "in, notin, =, ==, !=, gt, lt"


class _Parser:
    """Reads the terms of a label selector one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._place = 0

    def terms(self) -> Iterator[Requirement]:
        while self._peek():
            yield self._term()
            if self._peek():
                self._expect(",")
                if not self._peek():
                    raise _unread("", "identifier after ','")

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._place += 1
        return token

    def _expect(self, symbol: str) -> None:
        found = self._next()
        if found != symbol:
            raise bad_request(f"unable to parse requirement: found '{found}' expected: '{symbol}'")

    def _identifier(self) -> str:
        found = self._next()
        if found in _SYMBOLS or not found:
            raise _unread(found, "identifier")
        return found

    def _term(self) -> Requirement:
        if self._peek() == "!":
            self._next()
            return Requirement(self._identifier(), "absent")
        key = self._identifier()
        operator = self._peek()
        if operator in ("", ","):
            return Requirement(key, "exists")
        self._next()
        if operator in ("in", "notin"):
            return Requirement(key, operator, frozenset(self._values()))
        if operator not in _SINGLE:
            raise _unread(operator, _KNOWN)
        return Requirement(key, _SINGLE[operator], frozenset((self._value(),)))

    def _value(self) -> str:
        return "" if self._peek() in ("", ",") else self._identifier()

    def _values(self) -> Iterator[str]:
        self._expect("(")
        while True:
            yield "" if self._peek() in (",", ")") else self._identifier()
            found = self._next()
            if found == ")":
                return
            if found != ",":
                raise _unread(found, "',', ')' or identifier")


_SINGLE = {"=": "in", "==": "in", "!=": "notin", ">": "gt", "<": "lt"}


def _unread(found: str, expected: str) -> ApiError:
    return bad_request(f"unable to parse requirement: found '{found}', expected: {expected}")


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The terms of a label selector; raises 400 for what is none."""
    return tuple(_Parser(text).terms())


_NAMED = frozenset(("metadata.name", "metadata.namespace"))
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
        if allowed == _NAMED:
            known = ", ".join(f'"{name}"' for name in sorted(_NAMED))
            raise bad_request(f'"{found[1]}" is not a known field selector: only {known}')
        raise bad_request(f"field label not supported: {found[1]}")
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
