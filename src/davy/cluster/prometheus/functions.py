"""PromQL's functions over instant vectors and numbers, as tables by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from davy.cluster.prometheus.histogram import histogram_quantile
from davy.cluster.prometheus.labels import labels, unnamed, value_of
from davy.cluster.prometheus.values import QueryError, Sample, Value, Vector, vector


def _round(value: float, nearest: float = 1.0) -> float:
    """Halves go up."""
    inverse = 1 / nearest
    return math.floor(value * inverse + 0.5) / inverse if math.isfinite(value) else value


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def _whole(step: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(step(value)) if math.isfinite(value) else value


def _or_nan(function: Callable[[float], float], at_zero: float = math.nan) -> Callable[[float], float]:
    def safe(value: float) -> float:
        if value == 0 and not math.isnan(at_zero):
            return at_zero
        try:
            return function(value)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return safe


# One value in, one value out; numbers may follow. The metric's name is dropped.
VALUE_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": _whole(math.ceil),
    "floor": _whole(math.floor),
    "round": _round,
    "clamp": _clamp,
    "clamp_min": lambda value, low: max(low, value),
    "clamp_max": lambda value, high: min(high, value),
    "sqrt": _or_nan(math.sqrt),
    "exp": _or_nan(math.exp),
    "ln": _or_nan(math.log, -math.inf),
    "log2": _or_nan(math.log2, -math.inf),
    "log10": _or_nan(math.log10, -math.inf),
    "sgn": lambda value: value if value == 0 or math.isnan(value) else math.copysign(1.0, value),
}


def of_values(name: str, found: Vector, *numbers: float) -> Vector:
    function = VALUE_FUNCTIONS[name]
    return vector(Sample(unnamed(s.labels), function(s.value, *numbers)) for s in found.samples)


def _scalar(found: Vector) -> float:
    return found.samples[0].value if len(found.samples) == 1 else math.nan


def _vector(number: float) -> Vector:
    return Vector((Sample((), number),))


def _sorted(found: Vector, *, descending: bool) -> Vector:
    """NaN comes last either way."""
    sign = -1.0 if descending else 1.0
    return Vector(tuple(sorted(found.samples, key=lambda s: (math.isnan(s.value), sign * s.value))))


def _label_replace(found: Vector, target: str, replacement: str, source: str, regex: str) -> Vector:
    try:
        pattern = re.compile(regex, re.DOTALL)
    except re.error as error:
        raise QueryError(f"invalid regular expression in label_replace(): {regex}: {error}") from error
    return vector(Sample(_replaced(s, target, replacement, source, pattern), s.value) for s in found.samples)


def _replaced(sample: Sample, target: str, replacement: str, source: str, pattern: re.Pattern[str]) -> Any:
    match = pattern.fullmatch(value_of(sample.labels, source))
    if match is None:
        return sample.labels
    return labels({**dict(sample.labels), target: _expanded(replacement, match)})


def _expanded(replacement: str, match: re.Match[str]) -> str:
    """$1, ${1} and ${name}; a group that is not there is empty."""

    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        try:
            return match[int(name) if name.isdigit() else name] or ""
        except IndexError:
            return ""

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", group, replacement)


# Everything else that takes evaluated arguments.
FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "scalar": _scalar,
    "vector": _vector,
    "sort": lambda found: _sorted(found, descending=False),
    "sort_desc": lambda found: _sorted(found, descending=True),
    "histogram_quantile": histogram_quantile,
    "label_replace": _label_replace,
}
