"""What a reading means: the only place where a number meets its bound."""

from __future__ import annotations

import math
from enum import StrEnum

from msgspec import Struct

from davy.api.analysis import Metric
from davy.api.canary import Canary
from davy.core import messages
from davy.core.plan import Announcement
from davy.core.snapshot import Answer, Error, Value

SUCCESS_RATE = "request-success-rate"
DURATION = "request-duration"


class Outcome(StrEnum):
    """What became of one check."""

    PASS = "pass"
    FAIL = "fail"
    NO_DATA = "no-data"
    ERROR = "error"
    UNDECIDED = "undecided"


class Effect(StrEnum):
    """What one check does to the release."""

    PASS = "pass"
    FAIL = "fail"
    HOLD = "hold"


class Bounds(Struct, frozen=True):
    """Both inclusive; None: open."""

    min: float | None = None
    max: float | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """One check, judged: the number, the bound and the sentence that follows from them."""

    metric: str
    query: str
    value: float | None
    bounds: Bounds
    outcome: Outcome
    effect: Effect
    reason: str
    says: Announcement | None = None


def bounds(metric: Metric) -> Bounds:
    """The bounds in force; durations in whole milliseconds, as Flagger cuts them.

    The older `threshold` is the least success rate, and the greatest value of any other metric.
    """
    wanted = metric.threshold_range
    if wanted is None:
        return Bounds(min=metric.threshold) if metric.name == SUCCESS_RATE else Bounds(max=metric.threshold)
    if metric.name == DURATION:
        return Bounds(whole(wanted.min), whole(wanted.max))
    return Bounds(wanted.min, wanted.max)


def whole(bound: float | None) -> float | None:
    return None if bound is None else float(math.trunc(bound))


def judge(canary: Canary, metric: Metric, answer: Answer, provider: str) -> Verdict:
    """What the answer to a metric's query means for the release."""
    query = answer.query.strip()
    match answer.reading:
        case Value(number):
            return measured(canary, metric, query, number)
        case Error(kind, words):
            said = messages.metric_error(canary, metric.name, words)
            return unmeasured(metric, query, Outcome.ERROR, metric.on_error, f"{kind}: {words}", said)
        case _:
            said = messages.no_values(canary, metric.name, provider)
            reason = "the query has no values: is there traffic to the canary?"
            return unmeasured(metric, query, Outcome.NO_DATA, metric.on_no_data, reason, said)


def measured(canary: Canary, metric: Metric, query: str, number: float) -> Verdict:
    limits = bounds(metric)
    broken = violation(limits, number, metric.name)
    passed = broken is None
    return Verdict(
        metric=metric.name,
        query=query,
        value=number,
        bounds=limits,
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        effect=Effect.PASS if passed else Effect.FAIL,
        reason=within(limits, number, metric.name) if broken is None else broken,
        says=None if broken is None else messages.halted(canary, broken),
    )


def unmeasured(
    metric: Metric, query: str, outcome: Outcome, wanted: str | None, reason: str, said: Announcement
) -> Verdict:
    effect = Effect(wanted or "fail")
    return Verdict(
        metric=metric.name,
        query=query,
        value=None,
        bounds=bounds(metric),
        outcome=outcome,
        effect=effect,
        reason=reason,
        says=said,
    )


def violation(limits: Bounds, number: float, name: str) -> str | None:
    """`success rate 80.00% < 99%`; None if the number is within its bounds."""
    if limits.min is not None and number < limits.min:
        return f"{subject(name, number)} < {bound_of(name, limits.min)}"
    if limits.max is not None and number > limits.max:
        return f"{subject(name, number)} > {bound_of(name, limits.max)}"
    return None


def within(limits: Bounds, number: float, name: str) -> str:
    parts = [f">= {bound_of(name, limits.min)}"] if limits.min is not None else []
    parts += [f"<= {bound_of(name, limits.max)}"] if limits.max is not None else []
    return " and ".join([f"{subject(name, number)} {parts[0]}", *parts[1:]]) if parts else subject(name, number)


def subject(name: str, number: float) -> str:
    if name == SUCCESS_RATE:
        return f"success rate {number:.2f}%"
    if name == DURATION:
        return f"request duration {number:.0f}ms"
    return f"{name} {number:.2f}"


def bound_of(name: str, bound: float) -> str:
    unit = {SUCCESS_RATE: "%", DURATION: "ms"}.get(name, "")
    return f"{bound:g}{unit}"


def together(verdicts: tuple[Verdict, ...]) -> Effect:
    """One failing check fails the step; one that must wait holds it; else it passes."""
    effects = {verdict.effect for verdict in verdicts}
    for worst in (Effect.FAIL, Effect.HOLD):
        if worst in effects:
            return worst
    return Effect.PASS
