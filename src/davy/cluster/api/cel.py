"""x-kubernetes-validations: the CEL rules of custom resources, evaluated on new and old values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from davy.cluster.api.errors import Cause
from davy.cluster.api.schema import Schema
from davy.cluster.api.structural import ABSENT, correlated, join

_REASONS = {
    "FieldValueForbidden": ("FieldValueForbidden", "Forbidden: {message}"),
    "FieldValueRequired": ("FieldValueRequired", "Required value: {message}"),
    "FieldValueDuplicate": ("FieldValueDuplicate", 'Duplicate value: "{kind}"'),
}


_OPTIONAL = re.compile(
    r"(?P<base>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?P<chain>(?:\.\?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*(?!\w*\())*)+)"
)


def plain(expression: str) -> str:
    """The expression without `a.?b`, which the library cannot read: written out with has() and optionals."""
    return _OPTIONAL.sub(_written_out, expression)


def _written_out(found: re.Match[str]) -> str:
    path, tests = found["base"], []
    for name in found["chain"].replace(".?", ".").strip(".").split("."):
        path = f"{path}.{name}"
        tests.append(f"has({path})")
    return f"({' && '.join(tests)} ? optional.of({path}) : optional.none())"


@cache
def _program(expression: str) -> Any:
    return _library().compile(plain(expression))


@cache
def _library() -> Any:
    """The CEL library; it is slow to import, and most clusters have no rule."""
    import cel

    return cel


def _is_sorted(items: list[Any]) -> bool:
    return all(a <= b for a, b in pairwise(items))


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else ""


def _is_url(text: str) -> bool:
    return re.match(r"[A-Za-z][\w+.-]*://[^\s/]+|/", text) is not None


_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")


@cache
def _functions() -> dict[str, Callable[..., Any]]:
    """The CEL extensions' functions and Kubernetes' own."""
    return {
        **_library().stdlib.STDLIB_FUNCTIONS,
        "isSorted": _is_sorted,
        "find": _find,
        "findAll": lambda text, pattern: [found[0] for found in re.finditer(pattern, text)],
        "isURL": _is_url,
        "isQuantity": lambda text: _QUANTITY.fullmatch(text) is not None,
    }


def problem(expression: str) -> str:
    """Why an expression is none; empty if it is one."""
    try:
        _program(expression)
    except ValueError as error:
        return str(error).splitlines()[0]
    return ""


def _run(expression: str, names: dict[str, Any]) -> Any:
    return _program(expression).execute(_library().Context(variables=names, functions=_functions()))


def has_rules(schema: Schema) -> bool:
    """Whether there are rules anywhere in a schema."""
    return _has_rules(schema.raw)


def _has_rules(raw: Any) -> bool:
    if isinstance(raw, dict):
        return bool(raw.get("x-kubernetes-validations")) or any(_has_rules(item) for item in raw.values())
    return isinstance(raw, list) and any(_has_rules(item) for item in raw)


def check(schema: Schema, value: Any, old: Any = ABSENT, path: str = "") -> Iterator[Cause]:
    """The rules that a value breaks, its own before those of its parts; unchanged parts are let be."""
    for rule in schema.raw.get("x-kubernetes-validations") or ():
        yield from _rule(schema, rule, value, old, path)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name in sorted(value):
            declared = schema.properties.get(name) or schema.additional
            if declared is not None and not declared.untyped:
                yield from check(declared, value[name], before.get(name, ABSENT), join(path, name))
    elif isinstance(value, list):
        items = correlated(schema, value, None if old is ABSENT else old)
        for index, item in enumerate(value):
            yield from check(schema.items, item, items[index], f"{path}[{index}]")


def _rule(schema: Schema, rule: dict[str, Any], value: Any, old: Any, path: str) -> Iterator[Cause]:
    expression = rule["rule"]
    transition = "oldSelf" in expression
    if transition and old is ABSENT and not rule.get("optionalOldSelf"):
        return
    if not transition and old is not ABSENT and old == value:
        return
    names = {"self": value, "oldSelf": None if old is ABSENT else old}
    try:
        holds = bool(_run(expression, names))
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        yield Cause("FieldValueInvalid", path, f'Invalid value: "{schema.type}": rule evaluation error: {error}')
        return
    if not holds:
        yield _broken(schema, rule, names, path)


def _broken(schema: Schema, rule: dict[str, Any], names: dict[str, Any], path: str) -> Cause:
    message = _message(rule, names)
    where = path + rule["fieldPath"] if rule.get("fieldPath") else path
    default = ("FieldValueInvalid", 'Invalid value: "{kind}": {message}')
    reason, text = _REASONS.get(rule.get("reason", ""), default)
    return Cause(reason, where.lstrip("."), text.format(kind=schema.type, message=message))


def _message(rule: dict[str, Any], names: dict[str, Any]) -> str:
    if expression := rule.get("messageExpression"):
        try:
            text = _run(expression, names)
        except (ValueError, TypeError, RuntimeError, KeyError):
            text = None
        if isinstance(text, str) and text.strip() and "\n" not in text:
            return text
    return str(rule.get("message") or f"failed rule: {rule['rule']}").strip()
