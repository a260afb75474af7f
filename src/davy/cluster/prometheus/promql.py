"""Evaluates PromQL at one moment over the store: a subset, and an error with the construct's name outside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import promql_parser as ast

from davy.cluster.prometheus.aggregation import Grouping, aggregate
from davy.cluster.prometheus.binary import Matching, binary
from davy.cluster.prometheus.functions import FUNCTIONS, VALUE_FUNCTIONS, of_values
from davy.cluster.prometheus.labels import NAME, labels, unnamed
from davy.cluster.prometheus.matching import BadMatcher, Matcher, Op
from davy.cluster.prometheus.rates import KEEPS_NAME, RANGE_FUNCTIONS, Window
from davy.cluster.prometheus.samples import Store
from davy.cluster.prometheus.values import (
    Matrix,
    ParseError,
    QueryError,
    Range,
    Sample,
    UnsupportedConstruct,
    Value,
    Vector,
    vector,
)

# The parser's enums cannot be hashed, so these are pairs and no dicts.
_OPS: tuple[tuple[ast.MatchOp, Op], ...] = (
    (ast.MatchOp.Equal, "="),
    (ast.MatchOp.NotEqual, "!="),
    (ast.MatchOp.Re, "=~"),
    (ast.MatchOp.NotRe, "!~"),
)
_MANY = ((ast.VectorMatchCardinality.ManyToOne, "left"), (ast.VectorMatchCardinality.OneToMany, "right"))


def parse(query: str) -> ast.Expr:
    """Raises ParseError with the parser's words."""
    try:
        return ast.parse(query)
    except ValueError as error:
        raise ParseError(str(error)) from error


def evaluate(store: Store, query: str, time: int) -> Value:
    """The value of the query at `time` (milliseconds). Raises ParseError, UnsupportedConstruct, QueryError."""
    return Evaluation(store, time).value(parse(query))


class Evaluation:
    """One moment over one store."""

    def __init__(self, store: Store, time: int) -> None:
        self._store, self._time = store, time

    def value(self, expr: Any) -> Value:
        evaluate_ = _NODES.get(type(expr))
        if evaluate_ is None:
            raise UnsupportedConstruct(type(expr).__name__)
        return evaluate_(self, expr)

    # --- leaves

    def _number(self, expr: ast.NumberLiteral) -> float:
        return expr.val

    def _string(self, expr: ast.StringLiteral) -> str:
        return expr.val

    def _selector(self, expr: ast.VectorSelector) -> Vector:
        time = self._time - _offset(expr)
        found = ((series, series.at(time)) for series in self._store.select(matchers(expr)))
        return Vector(tuple(Sample(series.labels, value) for series, value in found if value is not None))

    def _range(self, expr: ast.MatrixSelector) -> Matrix:
        end = self._time - _offset(expr.vector_selector)
        start = end - _milliseconds(expr.range)
        found = ((s.labels, s.between(start, end)) for s in self._store.select(matchers(expr.vector_selector)))
        return Matrix(tuple(Range(labels_, points) for labels_, points in found if points.times), start, end)

    def _subquery(self, expr: ast.SubqueryExpr) -> Value:
        raise UnsupportedConstruct("subquery", str(expr))

    # --- operators

    def _paren(self, expr: ast.ParenExpr) -> Value:
        return self.value(expr.expr)

    def _minus(self, expr: ast.UnaryExpr) -> Value:
        match self.value(expr.expr):
            case float(number):
                return -number
            case Vector(samples):
                return vector(Sample(unnamed(s.labels), -s.value) for s in samples)
            case _:
                raise QueryError("unary minus needs a number or an instant vector")

    def _binary(self, expr: ast.BinaryExpr) -> Value:
        modifier = expr.modifier
        left, right = self.value(expr.lhs), self.value(expr.rhs)
        return binary(str(expr.op), left, right, _matching(modifier), as_bool=bool(modifier and modifier.return_bool))

    def _aggregate(self, expr: ast.AggregateExpr) -> Vector:
        op = str(expr.op)
        parameter = None if expr.param is None else self.value(expr.param)
        found = self.value(expr.expr)
        if not isinstance(found, Vector):
            raise QueryError(f"{op} needs an instant vector")
        if isinstance(parameter, str):
            raise UnsupportedConstruct(f"aggregation {op}")
        return aggregate(op, found, _grouping(expr.modifier), parameter if isinstance(parameter, float) else None)

    # --- functions

    def _call(self, expr: ast.Call) -> Value:
        name = expr.func.name
        if name == "time":
            return self._time / 1000
        if name == "absent":
            return self._absent(expr.args[0])
        args = [self.value(arg) for arg in expr.args]
        if name in RANGE_FUNCTIONS:
            return _over_range(name, args[0])
        if name in VALUE_FUNCTIONS:
            return of_values(name, *args)  # type: ignore[arg-type]
        if name in FUNCTIONS:
            return FUNCTIONS[name](*args)
        raise UnsupportedConstruct(f"function {name}()")

    def _absent(self, arg: Any) -> Vector:
        """1 if there is nothing, with the labels that the selector asked for by `=`."""
        found = self.value(arg)
        if isinstance(found, Vector) and found.samples:
            return Vector()
        asked = matchers(arg) if isinstance(arg, ast.VectorSelector) else ()
        return Vector((Sample(unnamed(labels({m.name: m.value for m in asked if m.op == "="})), 1.0),))


_NODES: Mapping[type, Callable[[Evaluation, Any], Value]] = {
    ast.NumberLiteral: Evaluation._number,
    ast.StringLiteral: Evaluation._string,
    ast.VectorSelector: Evaluation._selector,
    ast.MatrixSelector: Evaluation._range,
    ast.SubqueryExpr: Evaluation._subquery,
    ast.ParenExpr: Evaluation._paren,
    ast.UnaryExpr: Evaluation._minus,
    ast.BinaryExpr: Evaluation._binary,
    ast.AggregateExpr: Evaluation._aggregate,
    ast.Call: Evaluation._call,
}


def matchers(selector: ast.VectorSelector) -> tuple[Matcher, ...]:
    """The conditions of a selector, the metric's name among them. Raises ParseError, UnsupportedConstruct."""
    if selector.matchers.or_matchers:
        raise UnsupportedConstruct("`or` between matchers", str(selector))
    if selector.at is not None:
        raise UnsupportedConstruct("@ modifier", str(selector))
    named = [Matcher(NAME, "=", selector.name)] if selector.name else []
    try:
        return (*named, *(Matcher(m.name, _op(m.op), m.value) for m in selector.matchers.matchers))
    except BadMatcher as error:
        raise ParseError(f"matcher {error}") from error


def _op(wanted: ast.MatchOp) -> Op:
    return next(spelling for op, spelling in _OPS if op == wanted)


def _offset(selector: ast.VectorSelector) -> int:
    return 0 if selector.offset is None else _milliseconds(selector.offset)


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)


def _over_range(name: str, arg: Value) -> Vector:
    if not isinstance(arg, Matrix):
        raise QueryError(f"{name}() needs a range vector")
    window, function = Window(arg.start, arg.end), RANGE_FUNCTIONS[name]
    results = ((r.labels, function(r.points, window)) for r in arg.ranges)
    keep = name in KEEPS_NAME
    return vector(Sample(found if keep else unnamed(found), value) for found, value in results if value is not None)


def _grouping(modifier: ast.AggModifier | None) -> Grouping:
    if modifier is None:
        return Grouping()
    names = tuple(modifier.labels)
    return Grouping(by=names) if modifier.type == ast.AggModifierType.By else Grouping(without=names)


def _matching(modifier: ast.BinModifier | None) -> Matching:
    if modifier is None:
        return Matching()
    fill = modifier.fill_values
    if fill is not None and (fill.lhs, fill.rhs) != (None, None):
        raise UnsupportedConstruct("fill modifier")
    given = modifier.matching
    names = () if given is None else tuple(given.labels)
    on = given is not None and given.type == ast.LabelModifierType.Include
    return Matching(
        on=names if on else None,
        ignoring=() if on else names,
        many=next((side for card, side in _MANY if card == modifier.card), None),
        include=tuple(modifier.group_labels or ()),
    )
