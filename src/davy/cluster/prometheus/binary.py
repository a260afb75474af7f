"""Binary operators: between numbers, between a vector and a number, and between two vectors by their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from davy.cluster.prometheus.arithmetic import ARITHMETIC, COMPARISONS
from davy.cluster.prometheus.labels import NAME, Labels, labels, only, spelled, unnamed, value_of, without
from davy.cluster.prometheus.values import QueryError, Sample, UnsupportedConstruct, Value, Vector, vector

SETS = ("and", "or", "unless")
_Combine = Callable[[float, float], float | None]  # None: a comparison that does not hold, and filters


@dataclass(frozen=True, slots=True)
class Matching:
    """How two vectors find together. many: the side of which several samples may meet one of the other."""

    on: tuple[str, ...] | None = None  # None: all labels but `ignoring`
    ignoring: tuple[str, ...] = ()
    many: str | None = None  # "left", "right"
    include: tuple[str, ...] = ()  # labels taken over from the one side

    def key(self, found: Labels) -> Labels:
        return without(found, (NAME, *self.ignoring)) if self.on is None else only(found, self.on)


def binary(op: str, left: Value, right: Value, matching: Matching, *, as_bool: bool) -> Value:
    """The result of one operator. Raises QueryError, UnsupportedConstruct."""
    match left, right:
        case float(), float():
            return _of_numbers(op, left, right, as_bool)
        case Vector(), Vector() if op in SETS:
            return _set(op, left, right, matching)
        case Vector(), Vector():
            return _of_vectors(op, left, right, matching, as_bool)
        case Vector(), float():
            return _with_number(op, left, lambda value: _combine(op, as_bool)(value, right), as_bool)
        case float(), Vector():
            return _with_number(op, right, _mirrored(op, left, as_bool), as_bool)
        case _:
            raise QueryError(f"operator {op} needs numbers or instant vectors on both sides")


def _combine(op: str, as_bool: bool) -> _Combine:
    """For a comparison without bool: the left value where it holds."""
    if op in ARITHMETIC:
        return ARITHMETIC[op]
    compare = COMPARISONS.get(op)
    if compare is None:
        raise UnsupportedConstruct(f"operator {op}")
    if as_bool:
        return lambda a, b: float(compare(a, b))
    return lambda a, b: a if compare(a, b) else None


def _mirrored(op: str, left: float, as_bool: bool) -> Callable[[float], float | None]:
    """number op vector: a comparison filters the vector, so it is the vector's value that stays."""
    combine = _combine(op, as_bool)
    if op in COMPARISONS and not as_bool:
        return lambda value: value if combine(left, value) is not None else None
    return lambda value: combine(left, value)


def _of_numbers(op: str, left: float, right: float, as_bool: bool) -> float:
    if op in COMPARISONS and not as_bool:
        raise QueryError(f"comparison {op} between two numbers must use the bool modifier")
    result = _combine(op, as_bool)(left, right)
    assert result is not None
    return result


def _with_number(op: str, found: Vector, combine: Callable[[float], float | None], as_bool: bool) -> Vector:
    results = ((sample, combine(sample.value)) for sample in found.samples)
    return vector(Sample(_named(op, s.labels, as_bool), value) for s, value in results if value is not None)


def _named(op: str, found: Labels, as_bool: bool) -> Labels:
    """A filtered sample is still the metric's; a computed one is not."""
    return found if op in COMPARISONS and not as_bool else unnamed(found)


# --- two vectors


def _set(op: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    here = {matching.key(sample.labels) for sample in left.samples}
    there = {matching.key(sample.labels) for sample in right.samples}
    if op == "or":
        return vector((*left.samples, *(s for s in right.samples if matching.key(s.labels) not in here)))
    wanted = op == "and"
    return Vector(tuple(s for s in left.samples if (matching.key(s.labels) in there) == wanted))


def _of_vectors(op: str, left: Vector, right: Vector, matching: Matching, as_bool: bool) -> Vector:
    many, one, one_side = (right, left, "left") if matching.many == "right" else (left, right, "right")
    ones = _by_key(one, matching, one_side)
    return _distinct(matching, _pairs(op, many, ones, matching, as_bool))


def _pairs(
    op: str, many: Vector, ones: dict[Labels, Sample], matching: Matching, as_bool: bool
) -> Iterator[tuple[Labels, Labels, float | None]]:
    """Of every pair: its key, the labels of the result, and the value; None where a comparison filters it."""
    combine = _combine(op, as_bool)
    for sample in many.samples:
        key = matching.key(sample.labels)
        partner = ones.get(key)
        if partner is None:
            continue
        left, right = (partner, sample) if matching.many == "right" else (sample, partner)
        yield key, _result(op, sample.labels, partner.labels, matching, as_bool), combine(left.value, right.value)


def _distinct(matching: Matching, pairs: Iterable[tuple[Labels, Labels, float | None]]) -> Vector:
    """Raises QueryError where several samples met one and nobody said that they may; filtered ones count too."""
    seen: set[Labels] = set()
    kept = []
    for key, found, value in pairs:
        if matching.many is None and key in seen:
            raise QueryError(
                f"multiple matches for labels {spelled(key)}:"
                " many-to-one matching must be explicit (group_left/group_right)"
            )
        seen.add(key)
        if value is not None:
            kept.append(Sample(found, value))
    return vector(kept)


def _by_key(one: Vector, matching: Matching, side: str) -> dict[Labels, Sample]:
    found: dict[Labels, Sample] = {}
    for sample in one.samples:
        key = matching.key(sample.labels)
        if key in found:
            raise QueryError(
                f"found duplicate series for the match group {spelled(key)} on the {side} hand-side of the operation:"
                f" [{spelled(sample.labels)}, {spelled(found[key].labels)}];"
                " many-to-many matching not allowed: matching labels must be unique on one side"
            )
        found[key] = sample
    return found


def _result(op: str, many: Labels, one: Labels, matching: Matching, as_bool: bool) -> Labels:
    named = _named(op, many, as_bool)
    if matching.many is not None:
        taken = {name: value_of(one, name) for name in matching.include}
        return labels({**dict(named), **taken})
    return only(named, matching.on) if matching.on is not None else without(named, matching.ignoring)
