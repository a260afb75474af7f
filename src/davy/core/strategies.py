"""What one successful step does, by strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from davy.api.canary import Strategy
from davy.api.status import CanaryStatus, Phase
from davy.core import messages
from davy.core.moves import Move, Stay
from davy.core.reasons import Reason
from davy.core.snapshot import Snapshot
from davy.core.times import to_milliseconds
from davy.core.weights import following

WITHOUT_WEIGHTS = 10
"""Iterations of a canary with weights whose provider cannot shift traffic (Flagger's number)."""


def strategy(s: Snapshot) -> Strategy:
    """The strategy in force: without a provider that shifts traffic there is only blue/green."""
    return s.canary.strategy() if s.shifts else "blue-green"


def iterations(s: Snapshot) -> int:
    """Iterations wanted of a blue/green release."""
    return s.canary.analysis.iterations or WITHOUT_WEIGHTS


def advance(s: Snapshot) -> Move | Stay:
    """The step after a successful one: more weight, one more iteration, or promotion."""
    return STRATEGIES[strategy(s)](s)


def weighted(s: Snapshot) -> Move | Stay:
    status, analysis = s.canary.status, s.canary.analysis
    if status.canary_weight >= analysis.weight_limit:
        return promotion(s)
    weight = following(analysis, status.canary_weight)
    if weight == status.canary_weight:
        message = (
            f"The analysis defines no step after {weight} % and stays below its maximum of {analysis.weight_limit} %. "
            "Set spec.analysis.stepWeight or stepWeights."
        )
        return Stay(reason=Reason.NO_STEP, message=message)
    return Move(stepped(s, canary_weight=weight), (messages.weight_advanced(s.canary, weight),))


def iterated(s: Snapshot) -> Move | Stay:
    done, wanted = s.canary.status.iterations, iterations(s)
    if done < wanted:
        said = messages.iteration_advanced(s.canary, done + 1, wanted)
        return Move(stepped(s, iterations=done + 1), (said,))
    if done > wanted:
        return promotion(s)
    if not s.shifts:
        return Move(stepped(s, iterations=done + 1))
    return Move(stepped(s, iterations=done + 1, canary_weight=100), (messages.all_to_canary(s.canary),))


def stepped(s: Snapshot, canary_weight: int | None = None, iterations: int | None = None) -> CanaryStatus:
    """The status after a step that begins now."""
    status = s.canary.status
    return replace(
        status,
        canary_weight=status.canary_weight if canary_weight is None else canary_weight,
        iterations=status.iterations if iterations is None else iterations,
        last_step_at=to_milliseconds(s.now),
    )


def promotion(s: Snapshot) -> Move:
    """The analysis is over: remember that the primary is to carry the revision; the next tick copies it."""
    status = replace(s.canary.status, phase=Phase.PROMOTING, last_step_at=None)
    return Move(status, (messages.copying(s.canary),))


STRATEGIES: Mapping[Strategy, Callable[[Snapshot], Move | Stay]] = {
    "canary": weighted,
    "blue-green": iterated,
    # "ab-testing" is refused at validation until the routers can express its matches (docs/differences.md).
    "ab-testing": iterated,
}
