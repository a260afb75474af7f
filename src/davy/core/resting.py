"""Phases in which no run is under way: the canary is set up, is at rest, or waits for leave to begin a run."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from davy.api.status import CanaryStatus, Phase
from davy.core import alerts, hooks, messages, names, runs, times
from davy.core.change import Change, change, rebased, served_anew
from davy.core.hooks import Called
from davy.core.judgement import pinged, pings
from davy.core.moves import Move, Questions, Stay, Step
from davy.core.readiness import comparable, unread, unready
from davy.core.reasons import Reason
from davy.core.settling import drained, forgets
from davy.core.snapshot import Error, Pending, Ready, Snapshot, Workload
from davy.core.strategies import passed, told
from davy.core.times import to_milliseconds
from davy.core.traffic import follows, intact, serves

NOTHING_TO_DO = "The primary takes all traffic; nothing to do."

LOOP = 3
"""A run that is restarted so often between the same two revisions is stopped: something keeps changing the target."""
FORGOTTEN = timedelta(hours=1)
"""After so much rest a new run has nothing to do with the restarts of the last one."""


def new(s: Snapshot, target: Workload) -> Step:
    """Before the first tick: ask once whether the metrics servers are there. An absent one does not stop anything."""
    asked = () if s.canary.skips_analysis else pings(s)
    if any(ping.id not in s.answers for ping in asked):
        return Questions(asked)
    return Move(replace(s.canary.status, phase=Phase.INITIALIZING), pinged(s, asked))


def initializing(s: Snapshot, target: Workload) -> Step:
    waits = arrived(s) or forgets(s) or unread(s) or primary_unready(s) or drained(s, target)
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
        tracked_configs=s.configs,
        promoted_configs=names.digest(s.configs),
        routed_at=None,
    )
    return Move(status, (messages.initialized(s.canary),), (alerts.initialized(s.canary),))


def arrived(s: Snapshot) -> Step | None:
    """The target, which was missing, is there: now ask what is asked of every new canary."""
    ready = s.canary.status.condition("Ready")
    if ready is None or ready.reason != Reason.TARGET_MISSING:
        return None
    asked = () if s.canary.skips_analysis else pings(s)
    if any(ping.id not in s.answers for ping in asked):
        return Questions(asked)
    return Stay(reason=Reason.INITIALIZING, message="The target is there.", says=pinged(s, asked), until=s.now)


def primary_unready(s: Snapshot) -> Stay | None:
    """The primary is not there, not like the target, or not complete."""
    if s.primary is None or not follows(s):
        return Stay(reason=Reason.INITIALIZING, message=f"Making {s.canary.primary_name} from the target.")
    return unready(s, s.primary, Reason.INITIALIZING)


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
        what = "has no pod that serves" if intact(s) else "did not come up with the promoted revision"
        detail = f" ({status.ended_because})" if status.ended_because else ""
        message = f"The primary {what}{detail}; the canary keeps all traffic."
        again = replace(status, run_ended_at=None, last_step_at=None, routed_at=None)
        if recovered(s, target):
            return Move(replace(again, phase=Phase.PROMOTING), (messages.recovered(s.canary),))
        if serves_again(s, target):
            return Move(replace(again, canary_weight=0), (messages.failed(s.canary),))
        return begin(s, target, Stay(reason=Reason.PROMOTION_FAILED, message=message))
    if not status.run_ended_at:
        lost = None if serves(s.primary) else comparable(s)  # then nothing is scaled down, and people must know why
        return (
            served_anew(s, target)
            or forgets(s)
            or lost
            or drained(s, target)
            or Move(replace(status, run_ended_at=to_milliseconds(s.now)))
        )
    return begin(s, target, Stay(reason=Reason.ROLLED_BACK, message=rolled_back(status)))


def recovered(s: Snapshot, target: Workload) -> bool:
    """The primary came up after all with the revision that was to be promoted, not with one that was never tried."""
    ready = s.primary is not None and isinstance(s.primary.readiness, Ready)
    carried = s.primary is not None and s.primary.carries == runs.applied(s.canary.status)
    passed = s.canary.status.analysis_passed
    return passed and ready and carried and change(s, target) is Change.NONE


def serves_again(s: Snapshot, target: Workload) -> bool:
    """The primary had no pods when the run was to be rolled back; now that can be done."""
    carried = s.primary is not None and s.primary.carries == runs.promoted(s.canary.status)
    ready = s.primary is not None and isinstance(s.primary.readiness, Ready)
    return carried and ready and change(s, target) is Change.NONE


def rolled_back(status: CanaryStatus) -> str:
    because = f" because of: {status.ended_because}" if status.ended_because else ""
    return f"The last revision was rolled back{because}. Change the target to start another run."


def waiting(s: Snapshot, target: Workload) -> Step:
    """A new revision waits for leave to begin. It may be called off, or the target may go back to what it was."""
    back = hooks.polled(s, "rollback", runs.seen(s, target), ends_with=True)
    if back.stopped:
        says = (
            messages.rollback_signalled(back.stopped.name),
            messages.rolling_back(s.canary, "manual webhook invoked"),
        )
        why = f"the rollback hook {back.stopped.name}"
        return Move(called_off(s, target, why), says, (alerts.rollback_signalled(),))
    before = Phase.FAILED if s.canary.status.canary_weight else Phase.INITIALIZED
    withdrawn = replace(s.canary.status, phase=before, closed_gate=None, paused_at=None)
    match change(s, target):
        case Change.NEW:
            return begin(s, target, Stay(reason=Reason.AT_REST, message=NOTHING_TO_DO))
        case Change.REBASE:
            settled = rebased(s, target)
            return Move(replace(settled, phase=before, closed_gate=None, paused_at=None))
        case Change.NONE:
            return Move(withdrawn)


def called_off(s: Snapshot, target: Workload, because: str) -> CanaryStatus:
    """The revision counts as tried and failed, though it never got a request."""
    status = replace(started(s, target), phase=Phase.FAILED, ended_because=because)
    return replace(status, run_ended_at=to_milliseconds(s.now)) if status.canary_weight else status


def begin(s: Snapshot, target: Workload, otherwise: Stay) -> Step:
    """A run begins when the target carries a new revision, the primary can be compared with, and the gates are open."""
    status = s.canary.status
    match change(s, target):
        case Change.NONE:
            return unread(s) or otherwise
        case Change.REBASE:
            return Move(rebased(s, target))
        case Change.NEW:
            waits = comparable(s) if intact(s) or status.canary_weight == 0 else None
            return unread(s) or waits or looping(s, target) or entered(s, target)


def entered(s: Snapshot, target: Workload) -> Step:
    """Through the gates before a run. The hash is consumed only when they are all open."""
    gate = hooks.polled(s, "confirm-rollout", runs.seen(s, target))
    if gate.waits:
        return Questions(gate.asked)
    if gate.stopped:
        return barred(s, gate)
    if s.canary.status.paused_at:
        return Stay(reason=Reason.PAUSED, message="A human holds the release; it begins after the command resume.")
    says = (*passed(gate), messages.new_revision(s.canary))
    rested = times.after(s.canary.status.run_ended_at, FORGOTTEN)
    status = replace(started(s, target), restarts=()) if rested and s.now >= rested else started(s, target)
    return Move(status, says, (alerts.new_revision(),))


def barred(s: Snapshot, gate: Called) -> Step:
    closed, status = hooks.gate(s, gate), s.canary.status
    move = told(s, gate, closed, replace(status, phase=Phase.WAITING, closed_gate=closed))
    if move.status != status:
        return move
    reason = Reason.GATE_UNREACHABLE if isinstance(gate.reply, Error) else Reason.GATE_CLOSED
    return Stay(reason=reason, message=gate_message(s), until=None)


def gate_message(s: Snapshot) -> str:
    """Who is waited for, since when, and how it goes on."""
    gate = s.canary.status.closed_gate
    if gate is None:
        return "Waiting for approval."
    what = f"cannot be reached: {gate.unreachable}" if gate.unreachable else "has not approved yet"
    return f"The {gate.type} hook {gate.name} {what}. It is asked once per interval, since {gate.since}."


def started(s: Snapshot, target: Workload) -> CanaryStatus:
    """The status of a run that begins now. The hash is consumed here and nowhere else.

    After a failed promotion the canary keeps all its traffic: it is the only copy that serves.
    """
    status = s.canary.status
    alone = status.canary_weight == 100 and not intact(s)
    deadline = timedelta(seconds=s.canary.spec.progress_deadline_seconds)
    return replace(
        status,
        phase=Phase.PROGRESSING,
        canary_weight=100 if alone else 0,
        iterations=0,
        failed_checks=0,
        last_applied_spec=target.revision,
        tracked_configs=s.configs,
        run_started_at=to_milliseconds(s.now),
        run_ended_at=None,
        ready_by=to_milliseconds(s.now + deadline),
        last_step_at=None,
        routed_at=None,
        closed_gate=None,
        paused_at=None,
        ended_because="",
        mirrored=False,
        pre_rollout_passed=False,
        analysis_passed=False,
        analysis=(),
    )


def looping(s: Snapshot, target: Workload) -> Stay | None:
    """The target was changed to this revision again and again, each time while another was under analysis."""
    pair = restart(s, target)
    if s.canary.status.restarts.count(pair) < LOOP:
        return None
    message = (
        f"The target has been changed from one revision to the other {LOOP} times ({pair}) while it was being tried. "
        "Find out who writes it (kubectl get --show-managed-fields); the command retry starts a run."
    )
    return Stay(reason=Reason.RESTART_LOOP, message=message)


def restart(s: Snapshot, target: Workload) -> str:
    """One restart, in a word that is the same for the same two revisions in the same order."""
    return f"{short(runs.applied(s.canary.status))}>{short(runs.seen(s, target))}"


def short(run: str) -> str:
    scheme, _, digest = run.partition(":")
    head, plus, configs = digest.partition("+")
    return f"{scheme}:{head[:12]}{plus}{configs[:6]}" if head else run[:20]
