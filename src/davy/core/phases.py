"""The state machine: what comes next, one function a phase, and the table of legal moves.

A phase function is a list of guards. The first that has something to say decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from davy.api.status import Phase
from davy.core import commands, messages, runs
from davy.core.change import adopted, foreign
from davy.core.commands import Command, Impossible, must_be_in, must_be_ready
from davy.core.moves import Move, Stay, Step
from davy.core.outbox import delivered
from davy.core.progressing import fall_back, progressing
from davy.core.promoting import finalising, promoting
from davy.core.reasons import Reason
from davy.core.resting import at_rest, called_off, failed, initializing, new, started, waiting
from davy.core.snapshot import Snapshot, Workload
from davy.core.strategies import promotion
from davy.core.terminating import terminating
from davy.core.traffic import serves

TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    Phase.NONE: frozenset({Phase.INITIALIZING, Phase.TERMINATING}),
    Phase.INITIALIZING: frozenset({Phase.INITIALIZED, Phase.TERMINATING}),
    Phase.INITIALIZED: frozenset({Phase.WAITING, Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.WAITING: frozenset({Phase.PROGRESSING, Phase.INITIALIZED, Phase.FAILED, Phase.TERMINATING}),
    Phase.PROGRESSING: frozenset({Phase.WAITING_PROMOTION, Phase.PROMOTING, Phase.FAILED, Phase.TERMINATING}),
    Phase.WAITING_PROMOTION: frozenset({Phase.PROGRESSING, Phase.PROMOTING, Phase.FAILED, Phase.TERMINATING}),
    Phase.PROMOTING: frozenset({Phase.FINALISING, Phase.FAILED, Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.FINALISING: frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.TERMINATING}),
    Phase.SUCCEEDED: frozenset({Phase.WAITING, Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.FAILED: frozenset({Phase.WAITING, Phase.PROGRESSING, Phase.PROMOTING, Phase.INITIALIZING, Phase.TERMINATING}),
    Phase.TERMINATING: frozenset({Phase.TERMINATED}),
    Phase.TERMINATED: frozenset(),
}
"""The legal moves between phases; staying is always legal. `decide` refuses any other."""


def step(s: Snapshot) -> Step:
    """What comes next for this canary."""
    if made := delivered(s):
        return made
    why = hindrance(s)
    refusal = commands.refused_outright(s, why) if why else None
    if refusal:
        return refusal
    if s.canary.metadata.deletion_timestamp:
        return terminating(s)
    if s.canary.spec.suspend:
        return Stay(reason=Reason.SUSPENDED, message="Suspended: nothing is touched until spec.suspend is unset.")
    wrong = [problem for problem in s.problems if problem.severity == "error"]
    if wrong and not s.valid:
        message = " ".join(f"{bad.path}: {bad.message}." for bad in wrong)
        return Stay(reason=Reason.INVALID_SPEC, message=message, says=(messages.invalid(message),))
    if s.target is None:
        if s.canary.status.phase is Phase.NONE:
            return Move(replace(s.canary.status, phase=Phase.INITIALIZING))
        if serves(s.primary) and (s.canary.status.canary_weight or s.canary.status.mirrored):
            return Move(replace(s.canary.status, canary_weight=0, mirrored=False))
        message = f"{s.canary.target} does not exist. Create it, or correct spec.targetRef."
        return Stay(reason=Reason.TARGET_MISSING, message=message, says=(messages.target_missing(s.canary),))
    return known(s, s.target)


def hindrance(s: Snapshot) -> str:
    """Why no phase has a say; empty if one has."""
    reasons = (
        (bool(s.canary.metadata.deletion_timestamp), "the canary is being deleted"),
        (s.canary.spec.suspend, "the canary is suspended"),
        (not s.valid, "its spec is invalid"),
        (s.target is None, "its target does not exist"),
    )
    return next((why for holds, why in reasons if holds), "")


def known(s: Snapshot, target: Workload) -> Step:
    """With a target: first take over what Flagger left, then do what a human commands, then let the phase speak."""
    if foreign(s.canary.status) and (move := adopted(s, target)):
        return move
    return commands.commanded(s, target, COMMANDS) or PHASES[s.canary.status.phase](s, target)


def aborted(s: Snapshot, target: Workload, given: Command) -> Move:
    """Back to the primary, as long as that runs what it ran before."""
    must_be_in(s, commands.IN_A_RUN | {Phase.WAITING, Phase.PROMOTING}, "no run is under way")
    why = f"aborted{given.author}"
    said = messages.rolling_back(s.canary, why)
    if s.canary.status.phase is Phase.WAITING:
        return Move(called_off(s, target, why), (said,))
    carried = s.primary is not None and s.primary.carries == runs.applied(s.canary.status)
    if s.canary.status.phase is Phase.PROMOTING and carried:
        raise Impossible("the primary carries the new revision already; change the target to go back")
    back = fall_back(s, why, said)
    if not isinstance(back, Move) or not serves(s.primary):
        raise Impossible("the primary has no pod that serves; there is nothing to go back to")
    return back


def promoted_now(s: Snapshot, target: Workload, given: Command) -> Move:
    """Without the rest of the analysis; gates and metrics are passed over, readiness is not."""
    must_be_in(s, commands.IN_A_RUN, "no run is under way")
    must_be_ready(target)
    move = promotion(s)
    status = replace(move.status, paused_at=None)
    said = messages.commanded(s.canary, f"promoted without the rest of the analysis{given.author}", refused=False)
    return Move(status, (said, *move.says))


def retried(s: Snapshot, target: Workload, given: Command) -> Move:
    """Another run for the revision that failed, or that was stopped because it came and went."""
    must_be_in(s, frozenset({Phase.FAILED}), "only a failed run can be tried again")
    if s.canary.status.canary_weight == 0 and not s.canary.status.run_ended_at:
        raise Impossible("the rollback has not ended yet")
    status = replace(started(s, target), restarts=())
    return Move(status, (messages.new_revision(s.canary),))


COMMANDS: Mapping[str, Callable[[Snapshot, Workload, Command], Move]] = {
    "abort": aborted,
    "promote": promoted_now,
    "retry": retried,
    "pause": commands.paused,
    "resume": commands.resumed,
}
"""What a human may command, by the word that is written into the annotation."""

PHASES: Mapping[Phase, Callable[[Snapshot, Workload], Step]] = {
    Phase.NONE: new,
    Phase.INITIALIZING: initializing,
    Phase.INITIALIZED: at_rest,
    Phase.WAITING: waiting,
    Phase.PROGRESSING: progressing,
    Phase.WAITING_PROMOTION: progressing,
    Phase.PROMOTING: promoting,
    Phase.FINALISING: finalising,
    Phase.SUCCEEDED: at_rest,
    Phase.FAILED: failed,
    Phase.TERMINATING: at_rest,
    Phase.TERMINATED: at_rest,
}
