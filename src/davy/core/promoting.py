"""The end of a good run: the primary takes over the revision, gets its traffic back, and the target goes to zero."""

from __future__ import annotations

from msgspec.structs import replace

from davy.api.status import Phase
from davy.core import alerts, messages, runs, times
from davy.core.change import foreign, served_anew
from davy.core.moves import Move, Stay, Step
from davy.core.outbox import announced_later
from davy.core.progressing import called_back, fall_back, superseded
from davy.core.readiness import missing, unread, unready
from davy.core.reasons import Reason
from davy.core.settling import drained
from davy.core.snapshot import TO_PRIMARY, Snapshot, Stuck, Workload
from davy.core.strategies import stepped
from davy.core.times import to_milliseconds
from davy.core.traffic import (
    TO_CANARY,
    grown,
    pending,
    serves,
    settles_at,
    slipped,
    tests_matches,
    vacated,
    vacates,
)
from davy.core.weights import giving_back


def promoting(s: Snapshot, target: Workload) -> Step:
    """The primary takes over the analysed revision; only when it is ready does it get its traffic back."""
    primary = s.primary
    if moved := served_anew(s, target):
        return moved
    if primary is None or primary.carries != runs.applied(s.canary.status):
        # Nothing is copied yet: it can still be called back.
        return superseded(s, target) or called_back(s, target) or unread(s) or held(s) or vacating(s) or copying(s)
    if isinstance(primary.readiness, Stuck):
        return promotion_failed(s, primary.readiness.why)
    if not grown(s):
        return Stay(reason=Reason.COPYING, message=f"{primary.name} gets as many pods as the traffic needs.")
    return unready(s, primary, Reason.COPYING) or held(s) or handing_back(s)


def held(s: Snapshot) -> Stay | None:
    """A human holds the promotion, before the copy or before the primary gets (more of) its traffic back."""
    status = s.canary.status
    if not status.paused_at:
        return None
    message = f"Held where it is since {status.paused_at}; the command resume lets it go on."
    return Stay(reason=Reason.PAUSED, message=message)


def copying(s: Snapshot) -> Stay:
    if s.primary is not None and s.primary.empties and serves(s.primary) and not serves(s.target):
        message = f"Waiting for {s.canary.spec.target_ref.name} to serve: the copy takes all pods of the primary away."
        return Stay(reason=Reason.CANARY_NOT_READY, message=message)
    return Stay(reason=Reason.COPYING, message=f"Copying the analysed revision to {s.canary.primary_name}.")


def vacating(s: Snapshot) -> Step | None:
    """All traffic goes to the canary, which was analysed, before the primary loses its pods (Recreate)."""
    status = s.canary.status
    if not vacates(s) or vacated(s):
        return None
    if s.shifts and status.canary_weight < 100:
        return Move(stepped(s, canary_weight=100, mirrored=False), (messages.all_to_canary(s.canary),))
    why = pending(s, TO_CANARY) if s.shifts else pending(s, TO_PRIMARY, "target")
    if why is not None:
        return Stay(reason=Reason.ROUTING_PENDING, message=f"Waiting for all traffic to reach the canary ({why}).")
    if status.routed_at is None:
        return Move(replace(status, routed_at=to_milliseconds(s.now)))
    message = "All traffic goes to the canary; the primary, whose pods go all at once, waits until that has settled."
    return Stay(reason=Reason.DRAINING, message=message, until=settles_at(s))


def promotion_failed(s: Snapshot, why: str) -> Move:
    """The primary's copy is broken and the canary is the healthy one: stop here, never roll back (flagger#1898)."""
    now = to_milliseconds(s.now)
    status = replace(
        s.canary.status,
        phase=Phase.FAILED,
        canary_weight=100,
        iterations=0,
        failed_checks=0,
        mirrored=False,
        run_ended_at=now,
        routed_at=None,
        paused_at=None,
        ended_because=f"{s.canary.primary_name}: {why}",
    )
    cause = f"{messages.primary_of(s.canary)} not ready: {why}"
    says = (messages.primary_not_ready(s.canary, why), messages.promotion_failed(s.canary, cause))
    return Move(status, says, (alerts.promotion_failed(cause),))


def handing_back(s: Snapshot) -> Step:
    """All at once, or by `stepWeightPromotion` with an interval between two steps."""
    status, analysis = s.canary.status, s.canary.analysis
    apart = s.target is not None and s.primary is not None and s.target.fence != s.primary.fence
    gradual = s.shifts and apart and analysis.step_weight_promotion > 0 and status.canary_weight > 0
    weight = giving_back(analysis, status.canary_weight) if gradual else 0
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
    over = replace(
        status,
        phase=Phase.FINALISING,
        canary_weight=0,
        iterations=0,
        mirrored=False,
        routed_at=None,
        last_step_at=None,
        paused_at=None,
    )
    return Move(over, says)


def finalising(s: Snapshot, target: Workload) -> Step:
    """Success needs evidence: the primary carries exactly the analysed revision, is ready, and has all the traffic."""
    status, primary = s.canary.status, s.primary
    if moved := served_anew(s, target):
        return moved
    if slipped(s):
        return Move(replace(status, routed_at=None))
    if primary is None:
        return missing(s)
    if primary.carries != runs.applied(status) and not promoted_by_flagger(s):
        why = "it does not carry the analysed revision"  # somebody made it anew, or put it back
        return fall_back(s, f"{primary.name}: {why}", messages.primary_not_ready(s.canary, why))
    if isinstance(primary.readiness, Stuck) and serves(target) and not tests_matches(s):
        return promotion_failed(s, primary.readiness.why)
    return unready(s, primary, Reason.PRIMARY_NOT_READY) or drained(s, target) or succeeded(s)


def promoted_by_flagger(s: Snapshot) -> bool:
    """Flagger copied the template before it wrote Finalising, and notes nothing at the primary."""
    return foreign(s.canary.status) and s.primary is not None and not s.primary.carries


def succeeded(s: Snapshot) -> Move:
    status = s.canary.status
    over = replace(
        status,
        phase=Phase.SUCCEEDED,
        last_promoted_spec=status.last_applied_spec,
        promoted_configs=runs.configs(status),
        run_ended_at=to_milliseconds(s.now),
        routed_at=None,
        restarts=(),
        ended_because="",
    )
    skipped = s.canary.skips_analysis
    said = messages.promoted_unanalysed(s.canary) if skipped else messages.promoted(s.canary)
    told = alerts.promoted_unanalysed() if skipped else alerts.promoted()
    return Move(over, () if announced_later(s) else (said,), (told,))
