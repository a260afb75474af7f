"""The end of a step: ask for its metrics, judge the answers, and count."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from davy.api.status import CanaryStatus, Measured
from davy.core import hooks, messages
from davy.core.analysis import Effect, Verdict, judge, together
from davy.core.hooks import Called
from davy.core.moves import Move, Questions, Step
from davy.core.plan import Announcement, MetricCheck, PingCheck, Question
from davy.core.snapshot import Error, Snapshot
from davy.core.times import to_milliseconds

HISTORY = 20
"""Measurements kept in the status: enough for the last steps of a canary with several metrics, and small."""


def pings(s: Snapshot) -> tuple[PingCheck, ...]:
    """One question per metric: is its server there?"""
    return tuple(PingCheck(id=f"ping/{index}", index=index) for index in range(len(s.canary.analysis.metrics)))


def pinged(s: Snapshot, asked: tuple[PingCheck, ...]) -> tuple[Announcement, ...]:
    """What the pings brought, as Flagger says it: the first server that is away, or that all are there."""
    if not asked:
        return ()
    for ping in asked:
        reading = s.answers[ping.id].reading
        if isinstance(reading, Error):
            return (messages.provider_away(s.canary.analysis.metrics[ping.index].name, reading.words),)
    return (messages.providers_available(s.canary),)


def checks(s: Snapshot) -> tuple[MetricCheck, ...]:
    """The questions of this step. Their ids name revision and step: a late answer is not taken for another."""
    step = hooks.moment(s)
    return tuple(MetricCheck(id=f"{step}/{index}", index=index) for index in range(len(s.canary.analysis.metrics)))


def judgement(
    s: Snapshot, onward: Callable[[Snapshot, tuple[Question, ...]], Move | Questions], before: Called
) -> Step:
    """First the hooks that make the load, then the metrics. A failed hook fails the step: without load there is
    nothing to measure. All metrics are evaluated; the first failure hides nothing.

    `before`: the rollback hooks, which have answered.
    """
    load = hooks.called(s, "rollout", hooks.moment(s))
    if load.waits:
        return Questions(before.asked + load.asked)
    if load.stopped:
        said = messages.rollout_hook_failed(s.canary, load.stopped.name, load.words)
        return Move(repeated(s, (), failed=1), (*hooks.not_signalling(before), said))
    return measured(s, onward, before, before.asked + load.asked)


def measured(
    s: Snapshot,
    onward: Callable[[Snapshot, tuple[Question, ...]], Move | Questions],
    before: Called,
    asked_before: tuple[Question, ...],
) -> Step:
    asked = checks(s)
    if any(check.id not in s.answers for check in asked):
        return Questions(asked_before + asked)
    metrics = s.canary.analysis.metrics
    verdicts = tuple(judge(s.canary, metrics[check.index], s.answers[check.id], provider(s, check)) for check in asked)
    says = (*hooks.not_signalling(before), *(verdict.says for verdict in verdicts if verdict.says))
    match together(verdicts):
        case Effect.PASS:
            return recorded(s, onward(s, asked_before + asked), verdicts, says)
        case Effect.FAIL:
            return Move(repeated(s, verdicts, failed=1), says)
        case Effect.HOLD:
            return Move(repeated(s, verdicts, failed=0), says)


def provider(s: Snapshot, check: MetricCheck) -> str:
    """Whose metric it was, for the sentence: the template's name, or the traffic provider's built-in."""
    template = s.canary.analysis.metrics[check.index].template_ref
    return template.name if template else s.provider


def recorded(
    s: Snapshot, onward: Move | Questions, verdicts: tuple[Verdict, ...], says: tuple[Announcement, ...]
) -> Step:
    if isinstance(onward, Questions):
        return onward
    return Move(replace(onward.status, analysis=history(s, verdicts)), says + onward.says, onward.alerts)


def repeated(s: Snapshot, verdicts: tuple[Verdict, ...], failed: int) -> CanaryStatus:
    """The step begins anew, with one failed check more or without."""
    status = s.canary.status
    return replace(
        status,
        failed_checks=status.failed_checks + failed,
        last_step_at=to_milliseconds(s.now),
        analysis=history(s, verdicts),
    )


def history(s: Snapshot, verdicts: tuple[Verdict, ...]) -> tuple[Measured, ...]:
    now = to_milliseconds(s.now)
    new = tuple(
        Measured(
            metric=verdict.metric,
            query=verdict.query,
            value=verdict.value,
            min=verdict.bounds.min,
            max=verdict.bounds.max,
            verdict=str(verdict.outcome),
            reason=verdict.reason,
            time=now,
        )
        for verdict in verdicts
    )
    return (*s.canary.status.analysis, *new)[-HISTORY:]
