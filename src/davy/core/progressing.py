"""A run: the new revision comes up, gets its steps, and each is judged."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from davy.api.status import CanaryStatus, Phase
from davy.core import alerts, hooks, messages, runs, times
from davy.core.change import configs_changed, rebased, unedited
from davy.core.hooks import Called
from davy.core.judgement import judgement, repeated
from davy.core.moves import Move, Questions, Stay, Step
from davy.core.plan import Alert, Announcement
from davy.core.readiness import missing, patient_until, unread, unready
from davy.core.reasons import Reason
from davy.core.resting import LOOP, gate_message, restart, started
from davy.core.snapshot import Progressing, Ready, Snapshot, Stuck, Workload
from davy.core.strategies import advance, endless, iterations, passed, promotion, stepped, strategy
from davy.core.times import to_milliseconds
from davy.core.traffic import intact, pending, safe, serves, wanted

LONGEST_CAUSE = 500
"""Characters of a cause that are remembered: others wrote some of them."""


def progressing(s: Snapshot, target: Workload) -> Step:
    for guard in (superseded, exhausted, called_back, primary_lags, canary_lags, unanalysed, unripe):
        found = guard(s, target)
        if found is not None:
            return found
    back = asked_once(s)
    if back.waits:
        return Questions(back.asked)
    return beginning(s, back) if unstarted(s.canary.status) else judgement(s, advance, back)


def superseded(s: Snapshot, target: Workload) -> Step | None:
    """The target carries another revision than the one under analysis: start over with that one."""
    status = s.canary.status
    moved = target.revision != status.last_applied_spec
    if moved and unedited(status, target):
        return Move(rebased(s, target))
    if not moved and not configs_changed(s):
        return None
    return unread(s) or restarted(s, target)


def restarted(s: Snapshot, target: Workload) -> Step:
    """Started over; unless it goes back and forth without end: then it stops until a human looks at it."""
    status, pair = s.canary.status, restart(s, target)
    restarts = (*status.restarts, pair)[-4 * LOOP :]
    if restarts.count(pair) >= LOOP:
        stopped = replace(s, canary=replace(s.canary, status=replace(status, restarts=restarts)))
        why = f"the target was changed back and forth ({pair})"
        return fall_back(stopped, why, messages.restart_loop(s.canary, pair), alert=alerts.restart_loop(pair))
    return Move(replace(started(s, target), restarts=restarts), (messages.restarting(s.canary),))


def exhausted(s: Snapshot, target: Workload) -> Step | None:
    count = s.canary.status.failed_checks
    if count < s.canary.analysis.failures_allowed:
        return None
    last = next((measured.reason for measured in reversed(s.canary.status.analysis) if measured.verdict != "pass"), "")
    said = messages.threshold_reached(s.canary, count)
    return fall_back(s, last or f"{count} failed checks", said, alert=alerts.threshold_reached(count))


def rollback_hooks(s: Snapshot) -> Called:
    return hooks.polled(s, "rollback", runs.applied(s.canary.status), ends_with=True)


def asked_once(s: Snapshot) -> Called:
    """The rollback hooks have been asked at all: a step waits for that, but not for each poll to be answered anew."""
    return hooks.called(s, "rollback", runs.applied(s.canary.status), ends_with=True)


def called_back(s: Snapshot, target: Workload) -> Step | None:
    """A rollback hook says yes. It is asked in every state of a run, and nothing waits for it here."""
    back = rollback_hooks(s)
    if back.stopped is None:
        return None
    says = (messages.rollback_signalled(back.stopped.name), messages.rolling_back(s.canary, "manual webhook invoked"))
    return fall_back(s, f"the rollback hook {back.stopped.name}", *says, alert=alerts.rollback_signalled())


def primary_lags(s: Snapshot, target: Workload) -> Step | None:
    """No step without a primary to fall back to, unless the canary is the only copy that serves."""
    if s.primary is None:
        return missing(s)
    if s.canary.status.canary_weight == 100 and not intact(s):
        return None  # after a failed promotion: nothing to compare with, and nothing to fall back to
    if isinstance(s.primary.readiness, Stuck) and serves(s.primary):
        why = s.primary.readiness.why
        return fall_back(s, why, messages.primary_not_ready(s.canary, why))
    return unready(s, s.primary, Reason.PRIMARY_NOT_READY)


def canary_lags(s: Snapshot, target: Workload) -> Step | None:
    match target.readiness:
        case Ready():
            return None
        case Stuck(why):
            return overdue(s, why)
        case Progressing(why):
            return late(s, target, why) or starting(s, target, why)


def overdue(s: Snapshot, why: str, deadline: str = "") -> Step:
    """`deadline`: which one has passed, if the workload does not say so itself."""
    said = messages.canary_not_ready(s.canary, f"{why}{deadline}", hopeless=True)
    return fall_back(s, why, said, alert=alerts.deadline_exceeded(f"{why}{deadline}"))


def first_readiness(s: Snapshot) -> datetime | None:
    """Until when the canary must have been ready once; None if it has been, or if a human holds the release."""
    status = s.canary.status
    return None if status.last_step_at or status.paused_at else times.read(status.ready_by)


def late(s: Snapshot, target: Workload, why: str) -> Step | None:
    """Not ready by the deadline. It runs from when pods were asked for: not while we were away, or suspended."""
    status, deadline = s.canary.status, first_readiness(s)
    if deadline is not None and target.replicas == 0 and overslept(s, status.run_started_at):
        moved = s.now + timedelta(seconds=s.canary.spec.progress_deadline_seconds)
        return Move(replace(status, run_started_at=to_milliseconds(s.now), ready_by=to_milliseconds(moved)))
    if deadline is None or s.now < deadline:
        return None
    limit = s.canary.spec.progress_deadline_seconds
    return overdue(s, why, f" after {limit} s (progressDeadlineSeconds)")


def overslept(s: Snapshot, since: str | None) -> bool:
    """Pods should have been asked for right then, and are only now: nobody was there."""
    soon = times.after(since, s.interval)
    return soon is None or s.now >= soon


def starting(s: Snapshot, target: Workload, why: str) -> Stay:
    """Quiet at first; then said aloud."""
    meanwhile = ""
    if s.canary.status.canary_weight and not safe(s, wanted(s)).canary:
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


def fall_back(s: Snapshot, because: str, *says: Announcement, alert: Alert | None = None) -> Step:
    """Back to the primary. The last copy that serves is never taken away. `because`: in a few words."""
    ended = replace(
        s.canary.status,
        phase=Phase.FAILED,
        failed_checks=0,
        iterations=0,
        mirrored=False,
        routed_at=None,
        last_step_at=None,
        closed_gate=None,
        paused_at=None,
        ended_because=because[:LONGEST_CAUSE],
    )
    told = (alert,) if alert else ()
    if serves(s.primary) and intact(s):
        lost = replace(ended, canary_weight=0, run_ended_at=None)
        return Move(lost, (*says, messages.failed(s.canary)), told)
    why = f"{s.canary.primary_name} does not run the last promoted revision, or has no pod that serves"
    if not serves(s.target):
        message = f"The run has failed, but {why} and neither has the target: nothing can be rolled back to."
        return Stay(reason=Reason.PRIMARY_STUCK, message=message, says=says)
    kept = replace(ended, canary_weight=100, run_ended_at=to_milliseconds(s.now))
    return Move(kept, (*says, messages.promotion_failed(s.canary, why)), (*told, alerts.promotion_failed(why)))


def unanalysed(s: Snapshot, target: Workload) -> Move | None:
    return promotion(s) if s.canary.skips_analysis else None


def unstarted(status: CanaryStatus) -> bool:
    """The first step has not been taken."""
    return not (status.canary_weight or status.iterations or status.mirrored)


def beginning(s: Snapshot, back: Called) -> Step:
    """The first step is taken as soon as the canary is ready and the hooks before it have passed, once."""
    status = s.canary.status
    if status.pre_rollout_passed:
        return advance(s, back.asked)
    before = hooks.called(s, "pre-rollout", hooks.moment(s))
    if before.waits:
        return Questions(back.asked + before.asked)
    says = (*unsupported(s), *hooks.not_signalling(back), messages.starting(s.canary), *passed(before))
    if before.stopped:
        said = messages.pre_rollout_failed(s.canary, before.stopped.name, before.words)
        return Move(repeated(s, (), failed=1), (*says, said))
    return first_step(s, back, before, says)


def first_step(s: Snapshot, back: Called, before: Called, says: tuple[Announcement, ...]) -> Step:
    """That the hooks have passed is remembered with the step itself, or before a gate is asked."""
    begun = replace(s, canary=replace(s.canary, status=replace(s.canary.status, pre_rollout_passed=True)))
    first = advance(begun, back.asked + before.asked)
    if isinstance(first, Questions):
        return Move(begun.canary.status, says)
    return Move(first.status, (*says, *first.says), first.alerts)


def unsupported(s: Snapshot) -> tuple[Announcement, ...]:
    """What the provider cannot do, told once a run."""
    analysis = s.canary.analysis
    says: list[Announcement] = []
    if s.canary.strategy() == "ab-testing" and strategy(s) != "ab-testing":
        says.append(messages.matches_unsupported(s.provider))
    if not s.shifts and analysis.iterations <= 0:
        says += messages.weights_unsupported(s.canary, s.provider, iterations(s))
    if analysis.mirror and s.shifts and not s.mirrors:
        says.append(messages.mirror_unsupported(s.provider))
    return tuple(says)


def unripe(s: Snapshot, target: Workload) -> Stay | Move | None:
    """The present step lasts until its interval is over, and counts only if its routing is in force."""
    status = s.canary.status
    begun = times.read(status.last_step_at)
    if begun is None and status.canary_weight:
        return Move(replace(stepped(s), pre_rollout_passed=True), (*unsupported(s), messages.starting(s.canary)))
    if begun and begun > s.now + times.MILLISECOND:
        return Move(stepped(s))  # the clock was set back: the step lasts its interval by the clock that there is now
    due = times.after(status.last_step_at, s.interval)
    if due and s.now < due:
        reason, message = present_step(s)
        return Stay(reason=reason, message=message, until=due)
    why = pending(s, safe(s, wanted(s))) if s.shifts and not unstarted(status) else None
    return Stay(reason=Reason.ROUTING_PENDING, message=f"Waiting for the routing: {why}.") if why else None


def present_step(s: Snapshot) -> tuple[Reason, str]:
    """What the release is doing, or whom it waits for."""
    status = s.canary.status
    if status.paused_at:
        return Reason.PAUSED, f"Held where it is since {status.paused_at}; the command resume lets it go on."
    if status.closed_gate is not None:
        closed = Reason.GATE_UNREACHABLE if status.closed_gate.unreachable else Reason.GATE_CLOSED
        return closed, gate_message(s)
    if endless(s):
        limit = s.canary.analysis.weight_limit
        message = (
            f"The analysis defines no step after {status.canary_weight} % and stays below its maximum of {limit} %. "
            "Set spec.analysis.stepWeight or stepWeights."
        )
        return Reason.NO_STEP, message
    return Reason.STEP_RUNNING, step_message(s)


def step_message(s: Snapshot) -> str:
    status = s.canary.status
    if status.mirrored and not status.iterations:
        return "Requests are copied to the canary; the metrics of this step are judged at its end."
    if status.iterations:
        return (
            f"Iteration {min(status.iterations, iterations(s))} of {iterations(s)}; its metrics are judged at its end."
        )
    return (
        f"{status.canary_weight} % of the traffic goes to the canary; the metrics of this step are judged at its end."
    )
