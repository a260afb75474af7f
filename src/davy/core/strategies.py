"""What one successful step does, by strategy; and the gates that it must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from davy.api.canary import Strategy
from davy.api.status import CanaryStatus, ClosedGate, Phase
from davy.core import alerts, hooks, messages
from davy.core.hooks import Called
from davy.core.moves import Move, Questions
from davy.core.plan import Announcement, Question
from davy.core.snapshot import Snapshot
from davy.core.times import to_milliseconds
from davy.core.weights import following

WITHOUT_WEIGHTS = 10
"""Iterations of a canary with weights whose provider cannot shift traffic (Flagger's number)."""

Asked = tuple[Question, ...]
"""Questions of this step that were asked before: they are asked on, so that their answers are kept."""


def strategy(s: Snapshot) -> Strategy:
    """The strategy in force: without a provider that shifts traffic, or tells the requests apart, only blue/green."""
    if not s.shifts:
        return "blue-green"
    wanted = s.canary.strategy()
    return "blue-green" if wanted == "ab-testing" and not s.matches else wanted


def iterations(s: Snapshot) -> int:
    """Iterations wanted of an A/B or blue/green release."""
    return s.canary.analysis.iterations or WITHOUT_WEIGHTS


def advance(s: Snapshot, asked: Asked = ()) -> Move | Questions:
    """The step after a successful one: more weight, one more iteration, or promotion. Nothing while a human holds."""
    if s.canary.status.paused_at:
        return Move(again(s))
    return STRATEGIES[strategy(s)](s, asked)


def weighted(s: Snapshot, asked: Asked) -> Move | Questions:
    """Each increase needs approval, and the promotion is one: then the new version gets all."""
    status, analysis = s.canary.status, s.canary.analysis
    if status.phase is Phase.WAITING_PROMOTION:
        return approved_promotion(s, asked)
    gate = hooks.called(s, "confirm-traffic-increase", hooks.moment(s))
    if gate.waits:
        return Questions(asked + gate.asked)
    if gate.stopped:
        return closed(s, gate)
    says = passed(gate)
    if status.canary_weight >= analysis.weight_limit:
        return approved_promotion(s, asked + gate.asked, says)
    if mirror_first(s):
        return Move(stepped(s, mirrored=True), (*says, messages.weight_advanced(s.canary, 0)))
    weight = following(analysis, status.canary_weight)
    if weight == status.canary_weight:
        return Move(again(s), says)
    return Move(stepped(s, canary_weight=weight, mirrored=False), (*says, messages.weight_advanced(s.canary, weight)))


def mirror_first(s: Snapshot) -> bool:
    """The stage in which requests are only copied comes before the first weight, if the provider can do it."""
    status = s.canary.status
    return s.canary.analysis.mirror and s.mirrors and not status.canary_weight and not status.mirrored


def endless(s: Snapshot) -> bool:
    """The spec defines no step after this one, and this one is not the last."""
    status, analysis = s.canary.status, s.canary.analysis
    below = status.canary_weight < analysis.weight_limit
    return strategy(s) == "canary" and below and following(analysis, status.canary_weight) == status.canary_weight


def tested(s: Snapshot, asked: Asked) -> Move | Questions:
    """A/B: the requests that match go to the canary from the first iteration on."""
    done, wanted = s.canary.status.iterations, iterations(s)
    if done >= wanted:
        return approved_promotion(s, asked)
    said = messages.iteration_advanced(s.canary, done + 1, wanted)
    return Move(stepped(s, iterations=done + 1), (said,))


def iterated(s: Snapshot, asked: Asked) -> Move | Questions:
    """Blue/green: the canary is watched, with copied requests if asked for; then it gets everything for one step."""
    done, wanted = s.canary.status.iterations, iterations(s)
    if done < wanted:
        said = messages.iteration_advanced(s.canary, done + 1, wanted)
        mirrored = s.canary.analysis.mirror and s.mirrors
        return Move(stepped(s, iterations=done + 1, mirrored=mirrored), (said,))
    if done > wanted:
        return approved_promotion(s, asked)
    gate = hooks.called(s, "confirm-promotion", hooks.moment(s))
    if gate.waits:
        return Questions(asked + gate.asked)
    if gate.stopped:
        return closed(s, gate)
    if not s.shifts:
        return Move(stepped(s, iterations=done + 1), passed(gate))
    mirrored = s.canary.status.mirrored
    said = messages.mirroring_stopped(s.canary) if mirrored else messages.all_to_canary(s.canary)
    return Move(stepped(s, iterations=done + 1, canary_weight=100, mirrored=False), (*passed(gate), said))


def approved_promotion(s: Snapshot, asked: Asked, says: tuple[Announcement, ...] = ()) -> Move | Questions:
    gate = hooks.called(s, "confirm-promotion", hooks.moment(s))
    if gate.waits:
        return Questions(asked + gate.asked)
    if gate.stopped:
        move = closed(s, gate)
        return replace(move, says=(*says, *move.says))
    return promotion(s, (*says, *passed(gate)))


def closed(s: Snapshot, called: Called) -> Move:
    """The step begins anew. A gate before the promotion has a phase of its own, in which analysis goes on."""
    gate = hooks.gate(s, called)
    status = replace(again(s), closed_gate=gate)
    if called.stopped and called.stopped.kind == "confirm-promotion":
        status = replace(status, phase=Phase.WAITING_PROMOTION)
    return told(s, called, gate, status)


def told(s: Snapshot, called: Called, gate: ClosedGate | None, status: CanaryStatus) -> Move:
    """That a gate is closed is told once each time it is found so, not at every poll."""
    if called.stopped is None or not hooks.newly_closed(s, gate):
        return Move(status, passed(called))
    hook = called.stopped
    told = () if hook.mute_alert else (alerts.gate_closed(hook.kind),)
    return Move(status, (*passed(called), messages.gate_closed(s.canary, hook.kind, hook.name)), told)


def passed(called: Called) -> tuple[Announcement, ...]:
    return tuple(messages.gate_passed(hook.kind, hook.name) for hook in called.passed)


def again(s: Snapshot) -> CanaryStatus:
    """The status of a step that is repeated from now on."""
    return replace(s.canary.status, last_step_at=to_milliseconds(s.now))


def stepped(
    s: Snapshot, canary_weight: int | None = None, iterations: int | None = None, mirrored: bool | None = None
) -> CanaryStatus:
    """The status after a step that begins now; what is not given stays."""
    status = s.canary.status
    return replace(
        status,
        canary_weight=status.canary_weight if canary_weight is None else canary_weight,
        iterations=status.iterations if iterations is None else iterations,
        mirrored=status.mirrored if mirrored is None else mirrored,
        last_step_at=to_milliseconds(s.now),
        closed_gate=None,
    )


def promotion(s: Snapshot, says: tuple[Announcement, ...] = ()) -> Move:
    """The analysis is over: remember that the primary is to carry the revision; the next tick copies it."""
    status = replace(s.canary.status, phase=Phase.PROMOTING, analysis_passed=True, last_step_at=None, closed_gate=None)
    return Move(status, (*says, messages.copying(s.canary)))


STRATEGIES: Mapping[Strategy, Callable[[Snapshot, Asked], Move | Questions]] = {
    "canary": weighted,
    "blue-green": iterated,
    "ab-testing": tested,
}
