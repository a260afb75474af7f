"""The state machine: one function a phase, and the table of legal moves.

A phase function is a list of guards. The first that has something to say decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from davy.api.status import CanaryStatus, Phase
from davy.core import messages, times
from davy.core.change import Change, adopted, change, foreign, rebased, unedited
from davy.core.hold import gives_up_at, released
from davy.core.judgement import judgement, pinged, pings
from davy.core.moves import Move, Questions, Stay, Step
from davy.core.plan import Announcement
from davy.core.reasons import Reason
from davy.core.snapshot import TO_PRIMARY, Pending, Progressing, Ready, Snapshot, Stuck, Workload
from davy.core.strategies import advance, iterations, promotion, stepped
from davy.core.times import to_milliseconds
from davy.core.traffic import follows, intact, pending, safe, serves, settles_at, slipped, split, to_target
from davy.core.weights import giving_back

TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    Phase.NONE: frozenset({Phase.INITIALIZING, Phase.TERMINATING}),
    Phase.INITIALIZING: frozenset({Phase.INITIALIZED, Phase.TERMINATING}),
    Phase.INITIALIZED: frozenset({Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.WAITING: frozenset({Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.PROGRESSING: frozenset({Phase.PROMOTING, Phase.FAILED, Phase.TERMINATING}),
    Phase.WAITING_PROMOTION: frozenset({Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.PROMOTING: frozenset({Phase.FINALISING, Phase.FAILED, Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.FINALISING: frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.TERMINATING}),
    Phase.SUCCEEDED: frozenset({Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.FAILED: frozenset({Phase.PROGRESSING, Phase.INITIALIZING, Phase.TERMINATING}),
    Phase.TERMINATING: frozenset(),
    Phase.TERMINATED: frozenset({Phase.TERMINATING}),
}
"""The legal moves between phases; staying is always legal. `decide` refuses any other."""


def step(s: Snapshot) -> Step:
    """What comes next for this canary."""
    if s.canary.metadata.deletion_timestamp:
        return terminating(s)
    if s.canary.spec.suspend:
        return Stay(reason=Reason.SUSPENDED, message="Suspended: nothing is touched until spec.suspend is unset.")
    wrong = [problem for problem in s.problems if problem.severity == "error"]
    if wrong and not s.valid:
        message = " ".join(f"{bad.path}: {bad.message}." for bad in wrong)
        return Stay(reason=Reason.INVALID_SPEC, message=message, says=(messages.invalid(message),))
    if s.target is None:
        message = f"{s.canary.target} does not exist. Create it, or correct spec.targetRef."
        return Stay(reason=Reason.TARGET_MISSING, message=message, says=(messages.target_missing(s.canary),))
    return known(s, s.target)


def known(s: Snapshot, target: Workload) -> Step:
    """With a target: first take over what Flagger left, then let the phase speak."""
    if foreign(s.canary.status) and (move := adopted(s, target)):
        return move
    return PHASES[s.canary.status.phase](s, target)


def new(s: Snapshot, target: Workload) -> Step:
    """Before the first tick: ask once whether the metrics servers are there. An absent one does not stop anything."""
    asked = () if s.canary.skips_analysis else pings(s)
    if any(ping.id not in s.answers for ping in asked):
        return Questions(asked)
    return Move(replace(s.canary.status, phase=Phase.INITIALIZING), pinged(s, asked))


def initializing(s: Snapshot, target: Workload) -> Step:
    waits = forgets(s) or primary_unready(s) or drained(s, target)
    if waits:
        return waits
    status = replace(
        s.canary.status,
        phase=Phase.INITIALIZED,
        canary_weight=0,
        iterations=0,
        failed_checks=0,
        last_applied_spec=target.revision,
        last_promoted_spec=target.revision,
        routed_at=None,
    )
    return Move(status, (messages.initialized(s.canary),))


def forgets(s: Snapshot) -> Move | None:
    """Traffic that had begun to settle has moved again."""
    return Move(replace(s.canary.status, routed_at=None)) if slipped(s) else None


def primary_unready(s: Snapshot) -> Stay | None:
    """The primary is not there, not like the target, or not complete."""
    if s.primary is None or not follows(s):
        return Stay(reason=Reason.INITIALIZING, message=f"Making {s.canary.primary_name} from the target.")
    return unready(s, s.primary, Reason.INITIALIZING)


NOTHING_TO_DO = "The primary takes all traffic; nothing to do."

PATIENCE = timedelta(seconds=10)
"""Flagger looks every ten seconds at most: what is over sooner is neither told in detail nor said aloud."""


def patient_until(s: Snapshot) -> datetime | None:
    """Until when what is waited for is ordinary; None if it has lasted too long for that."""
    until = times.after(s.canary.status.last_transition_time, max(s.interval, PATIENCE))
    return until if until and s.now < until else None


def unready(s: Snapshot, primary: Workload, soon: Reason) -> Stay | None:
    """Why the primary's rollout is not complete."""
    match primary.readiness:
        case Ready():
            return None
        case Progressing(why):
            if patience := patient_until(s):
                return Stay(reason=soon, message=f"Waiting for {primary.name} to become ready.", until=patience)
            said = messages.primary_not_ready(s.canary, why)
            message = f"{primary.name} is not ready: {why}."
            return Stay(reason=Reason.PRIMARY_NOT_READY, message=message, says=(said,), until=s.now + s.interval)
        case Stuck(why):
            said = messages.primary_not_ready(s.canary, why)
            message = f"{primary.name} is not ready: {why}. The traffic stays where it is; look at its pods."
            return Stay(reason=Reason.PRIMARY_STUCK, message=message, says=(said,))


def drained(s: Snapshot, target: Workload) -> Step | None:
    """All traffic is on the primary, settled, and the target is at zero; None when all of that is so."""
    waits = settling(s)
    if waits is None and target.replicas > 0:
        return Stay(reason=Reason.SCALING_DOWN, message=f"Scaling {target.name} to zero.")
    return waits


def settling(s: Snapshot) -> Step | None:
    """Wait until the traffic is on the primary, remember when it first was, and give it time to settle."""
    status = s.canary.status
    why = pending(s, TO_PRIMARY, "primary")
    if why is not None:
        patience = patient_until(s)
        detail = "" if patience else f" ({why})"
        message = f"Waiting for all traffic to reach the primary{detail}."
        return Stay(reason=Reason.ROUTING_PENDING, message=message, until=patience)
    due = settles_at(s)
    if due is None:
        return Move(replace(status, routed_at=to_milliseconds(s.now)))
    if s.now < due:
        message = "All traffic is routed to the primary; the target keeps its pods until requests under way have ended."
        return Stay(reason=Reason.DRAINING, message=message, until=due)
    return None


def at_rest(s: Snapshot, target: Workload) -> Step:
    return begin(s, target, refused(s) or Stay(reason=Reason.AT_REST, message=NOTHING_TO_DO))


def refused(s: Snapshot) -> Stay | None:
    """At rest, and yet the provider does not take the routing: people must not read that all is well."""
    if not isinstance(s.traffic.confirmation, Pending):
        return None
    return Stay(reason=Reason.ROUTING_PENDING, message=f"The routing is not in force: {s.traffic.confirmation.why}.")


def failed(s: Snapshot, target: Workload) -> Step:
    status = s.canary.status
    if not status.last_promoted_spec:
        # Flagger fails a canary whose first primary does not come up, and never looks at it again; we start over.
        return Move(replace(status, phase=Phase.INITIALIZING, routed_at=None))
    if status.canary_weight:
        message = "The primary did not come up with the promoted revision; the canary keeps all traffic."
        return begin(s, target, Stay(reason=Reason.PROMOTION_FAILED, message=message))
    if not status.run_ended_at:
        lost = None if serves(s.primary) else comparable(s)  # then nothing is scaled down, and people must know why
        return forgets(s) or lost or drained(s, target) or Move(replace(status, run_ended_at=to_milliseconds(s.now)))
    return begin(s, target, Stay(reason=Reason.ROLLED_BACK, message=rolled_back(status)))


def rolled_back(status: CanaryStatus) -> str:
    last = next((measured.reason for measured in reversed(status.analysis) if measured.verdict != "pass"), "")
    because = f" because of: {last}" if last else ""
    return f"The last revision was rolled back{because}. Change the target to start another run."


def begin(s: Snapshot, target: Workload, otherwise: Stay) -> Step:
    """A run begins when the target carries a new revision and the primary can be compared with."""
    status = s.canary.status
    match change(status, target):
        case Change.NONE:
            return otherwise
        case Change.REBASE:
            return Move(rebased(status, target))
        case Change.NEW:
            waits = comparable(s) if intact(s) or status.canary_weight == 0 else None
            return waits or Move(started(s, target), (messages.new_revision(s.canary),))


def comparable(s: Snapshot) -> Stay | None:
    if s.primary is None:
        return Stay(
            reason=Reason.PRIMARY_NOT_READY, message=f"{s.canary.primary_name} is missing and being made again."
        )
    return unready(s, s.primary, Reason.PRIMARY_NOT_READY)


def started(s: Snapshot, target: Workload) -> CanaryStatus:
    """The status of a run that begins now. The hash is consumed here and nowhere else.

    After a failed promotion the canary keeps all its traffic: it is the only copy that serves.
    """
    status = s.canary.status
    alone = status.canary_weight == 100 and not intact(s)
    return replace(
        status,
        phase=Phase.PROGRESSING,
        canary_weight=100 if alone else 0,
        iterations=0,
        failed_checks=0,
        last_applied_spec=target.revision,
        run_started_at=to_milliseconds(s.now),
        run_ended_at=None,
        last_step_at=None,
        routed_at=None,
        analysis=(),
    )


def progressing(s: Snapshot, target: Workload) -> Step:
    for guard in (superseded, exhausted, primary_lags, canary_lags, unanalysed, unstarted, unripe):
        found = guard(s, target)
        if found is not None:
            return found
    return judgement(s, advance)


def superseded(s: Snapshot, target: Workload) -> Move | None:
    """The target carries another revision than the one under analysis: start over with that one."""
    status = s.canary.status
    if target.revision == status.last_applied_spec:
        return None
    if unedited(status, target):
        return Move(rebased(status, target))
    return Move(started(s, target), (messages.restarting(s.canary),))


def exhausted(s: Snapshot, target: Workload) -> Step | None:
    count = s.canary.status.failed_checks
    if count < s.canary.analysis.failures_allowed:
        return None
    return fall_back(s, messages.threshold_reached(s.canary, count))


def primary_lags(s: Snapshot, target: Workload) -> Step | None:
    """No step without a primary to fall back to, unless the canary is the only copy that serves."""
    if s.primary is None:
        return Stay(
            reason=Reason.PRIMARY_NOT_READY, message=f"{s.canary.primary_name} is missing and being made again."
        )
    if s.canary.status.canary_weight == 100 and not intact(s):
        return None  # after a failed promotion: nothing to compare with, and nothing to fall back to
    if isinstance(s.primary.readiness, Stuck) and serves(s.primary):
        return fall_back(s, messages.primary_not_ready(s.canary, s.primary.readiness.why))
    return unready(s, s.primary, Reason.PRIMARY_NOT_READY)


def canary_lags(s: Snapshot, target: Workload) -> Step | None:
    match target.readiness:
        case Ready():
            return None
        case Stuck(why):
            return fall_back(s, messages.canary_not_ready(s.canary, why))
        case Progressing(why):
            return late(s, target, why) or starting(s, target, why)


def first_readiness(s: Snapshot) -> datetime | None:
    """Until when the canary must have been ready once; None if it has been."""
    limit = timedelta(seconds=s.canary.spec.progress_deadline_seconds)
    return times.after(s.canary.status.run_started_at, limit) if s.canary.status.last_step_at is None else None


def late(s: Snapshot, target: Workload, why: str) -> Step | None:
    """Not ready by the deadline. It runs from when pods were asked for: not while we were away, or suspended."""
    status, deadline = s.canary.status, first_readiness(s)
    if deadline is not None and target.replicas == 0 and overslept(s, status.run_started_at):
        return Move(replace(status, run_started_at=to_milliseconds(s.now)))
    if deadline is None or s.now < deadline:
        return None
    limit = s.canary.spec.progress_deadline_seconds
    return fall_back(s, messages.canary_not_ready(s.canary, f"{why} after {limit} s (progressDeadlineSeconds)"))


def overslept(s: Snapshot, since: str | None) -> bool:
    """Pods should have been asked for right then, and are only now: nobody was there."""
    soon = times.after(since, s.interval)
    return soon is None or s.now >= soon


def starting(s: Snapshot, target: Workload, why: str) -> Stay:
    """Quiet at first; then said aloud."""
    meanwhile = ""
    if s.canary.status.canary_weight and not serves(target) and serves(s.primary):
        meanwhile = " All traffic goes to the primary meanwhile."
    if patience := patient_until(s):
        message = f"Waiting for {target.name} to become ready.{meanwhile}"
        return Stay(reason=Reason.CANARY_STARTING, message=message, until=patience)
    said = messages.canary_not_ready(s.canary, why)
    look = s.now + s.interval  # missing pods count as stuck by time alone: no event comes
    return Stay(
        reason=Reason.CANARY_NOT_READY,
        message=f"{target.name} is not ready: {why}.{meanwhile}",
        says=(said,),
        until=min(look, first_readiness(s) or look),
    )


def fall_back(s: Snapshot, *says: Announcement) -> Step:
    """Back to the primary. The last copy that serves is never taken away."""
    ended = replace(
        s.canary.status, phase=Phase.FAILED, failed_checks=0, iterations=0, routed_at=None, last_step_at=None
    )
    if serves(s.primary) and intact(s):
        return Move(replace(ended, canary_weight=0, run_ended_at=None), (*says, messages.failed(s.canary)))
    why = f"{s.canary.primary_name} does not run the last promoted revision, or has no pod that serves"
    if not serves(s.target):
        message = f"The run has failed, but {why} and neither has the target: nothing can be rolled back to."
        return Stay(reason=Reason.PRIMARY_STUCK, message=message, says=says)
    now = to_milliseconds(s.now)
    kept = replace(ended, canary_weight=100, run_ended_at=now)
    return Move(kept, (*says, messages.promotion_failed(s.canary, why)))


def unanalysed(s: Snapshot, target: Workload) -> Move | None:
    return promotion(s) if s.canary.skips_analysis else None


def unstarted(s: Snapshot, target: Workload) -> Move | Stay | None:
    """The first step is taken as soon as the canary is ready."""
    if s.canary.status.last_step_at is not None:
        return None
    says = (*unsupported(s), messages.starting(s.canary))
    if s.canary.status.canary_weight:
        return Move(stepped(s), says)
    first = advance(s)
    return replace(first, says=says + first.says) if isinstance(first, Move) else first


def unsupported(s: Snapshot) -> tuple[Announcement, ...]:
    if s.shifts or s.canary.analysis.iterations > 0:
        return ()
    return messages.weights_unsupported(s.canary, s.provider, iterations(s))


def unripe(s: Snapshot, target: Workload) -> Stay | Move | None:
    """The present step lasts until its interval is over, and counts only if its routing is in force."""
    status = s.canary.status
    if not s.shifts and status.iterations > iterations(s):
        return promotion(s)
    begun = times.read(status.last_step_at)
    if begun and begun > s.now + times.MILLISECOND:
        return Move(stepped(s))  # the clock was set back: the step lasts its interval by the clock that there is now
    due = times.after(status.last_step_at, s.interval)
    if due and s.now < due:
        return Stay(reason=Reason.STEP_RUNNING, message=present_step(s), until=due)
    why = pending(s, safe(s, split(status.canary_weight))) if s.shifts else None
    return Stay(reason=Reason.ROUTING_PENDING, message=f"Waiting for the routing: {why}.") if why else None


def present_step(s: Snapshot) -> str:
    status = s.canary.status
    if status.iterations:
        return (
            f"Iteration {min(status.iterations, iterations(s))} of {iterations(s)}; its metrics are judged at its end."
        )
    return (
        f"{status.canary_weight} % of the traffic goes to the canary; the metrics of this step are judged at its end."
    )


def promoting(s: Snapshot, target: Workload) -> Step:
    """The primary takes over the analysed revision; only when it is ready does it get its traffic back."""
    primary = s.primary
    if primary is None or primary.carries != s.canary.status.last_applied_spec:
        return superseded(s, target) or Stay(
            reason=Reason.COPYING, message=f"Copying the analysed revision to {s.canary.primary_name}."
        )
    if isinstance(primary.readiness, Stuck):
        return promotion_failed(s, primary.readiness.why)
    return unready(s, primary, Reason.COPYING) or handing_back(s)


def promotion_failed(s: Snapshot, why: str) -> Move:
    """The primary's copy is broken and the canary is the healthy one: stop here, never roll back (flagger#1898)."""
    now = to_milliseconds(s.now)
    status = replace(
        s.canary.status, phase=Phase.FAILED, canary_weight=100, iterations=0, failed_checks=0, run_ended_at=now
    )
    cause = f"{messages.primary_of(s.canary)} not ready: {why}"
    return Move(status, (messages.primary_not_ready(s.canary, why), messages.promotion_failed(s.canary, cause)))


def handing_back(s: Snapshot) -> Step:
    """All at once, or by `stepWeightPromotion` with an interval between two steps."""
    status, analysis = s.canary.status, s.canary.analysis
    weight = giving_back(analysis, status.canary_weight) if s.shifts else 0
    gradual = s.shifts and analysis.step_weight_promotion > 0 and status.canary_weight > 0
    due = times.after(status.last_step_at, s.interval)
    if gradual and due and s.now < due:
        message = (
            f"{status.canary_weight} % of the traffic still goes to the canary; the primary gets more at the next step."
        )
        return Stay(reason=Reason.STEP_RUNNING, message=message, until=due)
    said = messages.primary_weight_advanced(s.canary, 100 - weight) if gradual else messages.all_to_primary(s.canary)
    says = (said,) if s.shifts else ()
    if weight > 0:
        return Move(stepped(s, canary_weight=weight), says)
    status = replace(status, phase=Phase.FINALISING, canary_weight=0, iterations=0, routed_at=None, last_step_at=None)
    return Move(status, says)


def finalising(s: Snapshot, target: Workload) -> Step:
    """Success needs evidence: the primary carries exactly the analysed revision, is ready, and has all the traffic."""
    status, primary = s.canary.status, s.primary
    if slipped(s):
        return Move(replace(status, routed_at=None))
    if primary is None or primary.carries != status.last_applied_spec:
        return Stay(
            reason=Reason.PRIMARY_STUCK, message=f"{s.canary.primary_name} does not carry the analysed revision."
        )
    if isinstance(primary.readiness, Stuck) and serves(target):
        return promotion_failed(s, primary.readiness.why)
    waits = unready(s, primary, Reason.PRIMARY_NOT_READY) or drained(s, target)
    if waits:
        return waits
    over = replace(
        status,
        phase=Phase.SUCCEEDED,
        last_promoted_spec=status.last_applied_spec,
        run_ended_at=to_milliseconds(s.now),
        routed_at=None,
    )
    skipped = s.canary.skips_analysis
    return Move(over, (messages.promoted_unanalysed(s.canary) if skipped else messages.promoted(s.canary),))


def waiting(s: Snapshot, target: Workload) -> Step:
    """A gate that Flagger left closed and that the spec no longer has."""
    return begin(s, target, Stay(reason=Reason.AT_REST, message="No gate is left to wait for."))


def gate_gone(s: Snapshot, target: Workload) -> Step:
    return Move(replace(s.canary.status, phase=Phase.PROGRESSING))


def terminating(s: Snapshot) -> Step:
    """Deleted: the target gets everything back first; then the finalizer goes."""
    status, now = s.canary.status, to_milliseconds(s.now)
    if released(s):
        return Move(status, (messages.terminated(s.canary),))
    if status.phase is not Phase.TERMINATING:
        begun = replace(status, phase=Phase.TERMINATING, routed_at=None, last_step_at=now)
        return Move(begun, (messages.terminating(s.canary),))
    in_force = pending(s, to_target(s), "target") is None
    if in_force != bool(status.routed_at):
        return Move(replace(status, routed_at=now if in_force else None))
    deadline = gives_up_at(s)
    if s.target is not None and s.target.replicas == 0 and overslept(s, status.last_step_at):
        return Move(replace(status, last_step_at=now))
    return letting_go(s, settles_at(s) if in_force else None, deadline)


def letting_go(s: Snapshot, due: datetime | None, deadline: datetime | None) -> Stay:
    moments = [moment for moment in (due, deadline) if moment]
    return Stay(
        reason=Reason.TERMINATING,
        message=f"{s.canary.spec.target_ref.name} gets its replicas and its traffic back before the canary goes.",
        until=min(moments, default=None),
    )


PHASES: Mapping[Phase, Callable[[Snapshot, Workload], Step]] = {
    Phase.NONE: new,
    Phase.INITIALIZING: initializing,
    Phase.INITIALIZED: at_rest,
    Phase.WAITING: waiting,
    Phase.PROGRESSING: progressing,
    Phase.WAITING_PROMOTION: gate_gone,
    Phase.PROMOTING: promoting,
    Phase.FINALISING: finalising,
    Phase.SUCCEEDED: at_rest,
    Phase.FAILED: failed,
    Phase.TERMINATING: at_rest,
    Phase.TERMINATED: at_rest,
}
