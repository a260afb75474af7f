"""What each phase asserts about the world, in every tick, from what the status remembers.

A phase's effects follow from the status that is *stored*: a step is first remembered, and the next tick makes it true.
So a crash at any point is repaired by the next tick, and drift is put back at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from davy.api.status import Phase
from davy.core import names, runs, times
from davy.core.change import RUNNING, configs_changed, left_in_a_run
from davy.core.names import FINALIZER
from davy.core.plan import LEAVE_ALL, Desired, PrimaryWish
from davy.core.snapshot import TO_PRIMARY, Ready, Routing, Snapshot
from davy.core.traffic import (
    TO_CANARY,
    apex,
    back_on_primary,
    back_on_target,
    everyone,
    follows,
    grown,
    renamed,
    safe,
    serves,
    settle_time,
    slipped,
    split,
    tests_matches,
    to_target,
    vacated,
    vacates,
    wanted,
)
from davy.core.weights import following


def hold(s: Snapshot) -> Desired:
    """How the world should be now."""
    if s.canary.metadata.deletion_timestamp:
        return letting_go(s)
    if s.canary.spec.suspend or not s.valid:
        return LEAVE_ALL
    if s.target is None:
        return bereft(s)
    if left_in_a_run(s):
        return taking_over(s)
    return HOLDS[s.canary.status.phase](s)


def bereft(s: Snapshot) -> Desired:
    """The target is gone: whoever was sent to it goes to the primary."""
    astray = s.traffic.routing is not None and s.traffic.routing != TO_PRIMARY
    return Desired(routing=TO_PRIMARY) if astray and serves(s.primary) else LEAVE_ALL


def taking_over(s: Snapshot) -> Desired:
    """Flagger's status names no weight while it waits and promotes: before ours does, nothing is touched. The primary
    notes what Flagger has copied into it before it wrote such a phase."""
    status = s.canary.status
    begun = status.phase in (Phase.PROMOTING, Phase.FINALISING)
    failed = status.phase is Phase.FAILED and status.canary_weight > 0
    copied = s.primary is not None and s.primary.like_target and not s.primary.carries
    return noting(s, LEAVE_ALL) if copied and (begun or failed) else LEAVE_ALL


def nothing(s: Snapshot) -> Desired:
    return LEAVE_ALL


def initializing(s: Snapshot) -> Desired:
    """The primary follows the target until it is ready; only then does traffic move, and only after that capacity."""
    if s.unread:
        return LEAVE_ALL
    made = Desired(services=True, primary=copied(s), run=seen(s), configs=True, scaler=True)
    if s.primary is None or not isinstance(s.primary.readiness, Ready) or not follows(s):
        return kept(s, made)
    emptied = replace(made, apex=apex(s), routing=safe(s, TO_PRIMARY), finalizer=True)
    return emptying(s, emptied)


def emptying(s: Snapshot, desired: Desired) -> Desired:
    """The target goes to zero once it has been without traffic long enough, and its autoscaler leaves it there."""
    if slipped(s):
        return replace(desired, apex=None, routing=None)
    return emptied(desired) if back_on_primary(s) else desired


def emptied(desired: Desired) -> Desired:
    return replace(desired, target_replicas=0, scaler_paused=True)


def kept(s: Snapshot, made: Desired) -> Desired:
    """Traffic that was moved before the primary was lost again goes to whoever serves; none moves here but for need."""
    needed = s.apex_selects == "target" and not serves(s.target) and serves(s.primary)
    return replace(
        made,
        apex=apex(s) if needed or s.apex_selects == "primary" else None,
        routing=safe(s, TO_PRIMARY) if s.traffic.routing else None,
    )


def copied(s: Snapshot) -> PrimaryWish:
    return PrimaryWish.EXIST if follows(s) else PrimaryWish.CARRY


def seen(s: Snapshot) -> str:
    return runs.seen(s, s.target) if s.target else ""


def at_rest(s: Snapshot) -> Desired:
    """All traffic to the primary, which notes what it carries, also where Flagger left it or the hash was rebased."""
    status, primary = s.canary.status, s.primary
    resting = still(s, routed(s, TO_PRIMARY))
    current = s.target is not None and s.target.revision == status.last_applied_spec == status.last_promoted_spec
    current = current and not configs_changed(s) and runs.configs(status) == status.promoted_configs
    noted = runs.promoted(status)
    if current and primary is not None and primary.like_target and primary.carries != noted:
        return replace(resting, primary=PrimaryWish.NOTE, run=noted)
    return replace(resting, configs=resting.configs or (current and not s.unread))


def still(s: Snapshot, desired: Desired) -> Desired:
    """A target at zero is left there by its autoscaler; whoever gives it pods again means it."""
    at_zero = s.target is not None and s.target.scalable and s.target.replicas == 0
    return replace(desired, scaler_paused=True) if at_zero else desired


def routed(s: Snapshot, split: Routing) -> Desired:
    """Both sides exist, and the traffic is split as the status says, as far as that is safe."""
    return Desired(
        services=True,
        primary=PrimaryWish.EXIST,
        run=seen(s),
        configs=s.primary is None and not s.unread,
        scaler=True,
        apex=apex(s),
        routing=safe(s, split),
        everyone=everyone(s),
        finalizer=True,
    )


def running(s: Snapshot) -> Desired:
    """Capacity for the new revision, and the weight that it has reached: capacity first."""
    desired = replace(routed(s, wanted(s)), target_replicas=scaled_up(s), scaler_paused=False)
    if more_than_it_can(s):
        return replace(desired, routing=s.traffic.routing and safe(s, s.traffic.routing))
    if returning(s) and not_later(s, s.canary.status.run_started_at):
        short = s.primary is not None and s.target is not None and s.primary.serving < s.target.replicas
        grown = replace(desired, primary_replicas=s.target.replicas if s.target else None)
        held = s.traffic.routing and safe(s, s.traffic.routing)
        return replace(grown, routing=held) if short and serves(s.target) else grown
    return desired


def not_later(s: Snapshot, since: str | None) -> bool:
    """Within one interval: an autoscaler that sees it otherwise then has the last word."""
    soon = times.after(since, s.interval)
    return soon is not None and s.now < soon


def scaled_up(s: Snapshot) -> int | None:
    """The target gets as many pods as the primary has; one that is up already is left alone.

    Under an autoscaler it begins small, and gets what its next share needs before it gets that share. From zero only
    when zero was reached: else pods that are going would count as those that come.
    """
    if s.target is None or not s.target.scalable or (s.target.replicas == 0 and s.target.lingering):
        return None
    if not s.scaler_floor:
        return max(s.primary.replicas if s.primary else 0, 1) if s.target.replicas == 0 else None
    least = max(s.scaler_floor, needed(s, next_share(s)))
    early = s.target.replicas == 0 or not_later(s, s.canary.status.last_step_at or s.canary.status.run_started_at)
    return least if s.target.replicas < least and early else None


def next_share(s: Snapshot) -> int:
    """The share that the canary will have after the present step, in percent; in an A/B test nobody knows it."""
    status = s.canary.status
    if tests_matches(s) or not s.shifts:
        return 0
    if s.canary.analysis.iterations > 0:
        return 100 if status.iterations >= s.canary.analysis.iterations else 0
    return following(s.canary.analysis, status.canary_weight)


def needed(s: Snapshot, share: int) -> int:
    """Pods for such a share, of as many as the primary needs for all; never more than the autoscaler allows."""
    if not share or s.primary is None:
        return 1
    pods = math.ceil(s.primary.replicas * share / 100)
    return min(pods, s.scaler_ceiling) if s.scaler_ceiling else pods


def more_than_it_can(s: Snapshot) -> bool:
    """The canary is to get a greater share, and an autoscaled target has not the pods for it yet."""
    if not s.scaler_floor or s.target is None or s.traffic.routing is None or tests_matches(s):
        return False
    share = wanted(s).canary
    short = s.target.replicas < needed(s, share) or not isinstance(s.target.readiness, Ready)
    return share > s.traffic.routing.canary and short and not_later(s, s.canary.status.last_step_at)


def returning(s: Snapshot) -> bool:
    """A run began anew while the canary had traffic. The primary, which may have shrunk, gets pods for all of it; for
    one interval at most the traffic waits for them."""
    astray = s.traffic.routing is not None and s.traffic.routing.canary > 0
    return astray and wanted(s).canary == 0 and s.scaler_floor > 0


def held_until(s: Snapshot) -> datetime | None:
    """When what the traffic waits for is not waited for any longer."""
    status = s.canary.status
    if status.phase not in RUNNING or s.target is None or not s.valid:
        return None
    since = status.last_step_at if more_than_it_can(s) else status.run_started_at if returning(s) else None
    until = times.after(since, s.interval)
    return until if until and until > s.now else None


def promoting(s: Snapshot) -> Desired:
    """The primary carries exactly the revision that was analysed; the canary keeps its traffic meanwhile."""
    status = s.canary.status
    if renamed(s):
        return noting(s, running(s))
    unchanged = not configs_changed(s) and not s.unread
    analysed = s.target is not None and s.target.revision == status.last_applied_spec and unchanged
    carried = s.primary is not None and s.primary.carries == runs.applied(status)
    carry = analysed and not carried and may_copy(s)
    desired = replace(
        running(s),
        everyone=vacates(s) or everyone(s),
        primary=PrimaryWish.CARRY if carry else PrimaryWish.EXIST,
        run=runs.applied(status),
        configs=carry,
    )
    larger = s.scaler_floor and s.target is not None and not grown(s)
    return replace(desired, primary_replicas=s.target.replicas) if larger and s.target else desired


def may_copy(s: Snapshot) -> bool:
    """Unless a human holds it. A primary that loses all pods by it gives its traffic away first, to one who serves."""
    if s.canary.status.paused_at:
        return False
    last = s.primary is not None and s.primary.empties and serves(s.primary)
    return not last or (vacates(s) and vacated(s))


def noting(s: Snapshot, desired: Desired) -> Desired:
    """The primary notes the revision that it was found to run."""
    revision = s.target.revision if s.target else ""
    return replace(desired, primary=PrimaryWish.NOTE, run=names.run(revision, runs.configs(s.canary.status)))


def finalising(s: Snapshot) -> Desired:
    if renamed(s):
        return noting(s, routed(s, TO_PRIMARY))
    ready = s.primary is not None and isinstance(s.primary.readiness, Ready)
    back = routed(s, TO_PRIMARY)
    return emptying(s, back) if ready or slipped(s) else back


def failed(s: Snapshot) -> Desired:
    """After a rollback: back to the primary, then down, once. After a failed promotion: the canary keeps it all."""
    status = s.canary.status
    if not status.last_promoted_spec:
        return LEAVE_ALL
    if status.canary_weight:
        kept = replace(routed(s, split(status.canary_weight)), everyone=True)
        return replace(kept, target_replicas=scaled_up(s), scaler_paused=False)
    if status.run_ended_at:
        return at_rest(s)
    going = s.scaler_floor and s.traffic.routing != TO_PRIMARY and not_later(s, status.last_transition_time)
    larger = s.target.replicas if going and s.target else None
    return emptying(s, replace(routed(s, TO_PRIMARY), primary_replicas=larger))


def waiting(s: Snapshot) -> Desired:
    """After a failed promotion the canary keeps all its traffic, also while the next revision waits at a gate."""
    return failed(s) if s.canary.status.canary_weight else at_rest(s)


def letting_go(s: Snapshot) -> Desired:
    """The target gets its replicas and its traffic back before the canary, and all that it owns, goes."""
    if released(s):
        return Desired(finalizer=False, restored=s.valid)
    if s.canary.status.phase is Phase.TERMINATED:
        return Desired(apex="target", restored=s.valid, scaler_paused=False)
    if s.canary.status.phase is not Phase.TERMINATING or s.target is None or not s.target.scalable:
        return LEAVE_ALL
    more = back_up(s)
    if more is not None or not serves(s.target) or not isinstance(s.target.readiness, Ready):
        routing = safe(s, split(s.canary.status.canary_weight)) if s.valid else None
        return Desired(target_replicas=more, apex=apex(s), routing=routing, everyone=True, scaler_paused=False)
    if slipped(s, to_target(s), "target"):
        return LEAVE_ALL
    return Desired(apex="target", routing=TO_CANARY if s.valid else None, everyone=True, scaler_paused=False)


def back_up(s: Snapshot) -> int | None:
    """As many pods as both sides have now: all traffic comes back at once. Only an autoscaler kept it smaller."""
    if s.target is None or not s.target.scalable or (s.target.replicas == 0 and s.target.lingering):
        return None
    primary = s.primary.replicas if s.primary else 0
    if s.target.replicas == 0:
        return max(primary, s.scaler_floor, 1)
    share = s.canary.status.canary_weight
    whole = math.ceil(primary * 100 / (100 - share)) if share < 100 else primary
    least = min(whole, s.scaler_ceiling) if s.scaler_ceiling else whole
    early = s.scaler_floor > 0 and not_later(s, s.canary.status.last_step_at)
    return least if s.target.replicas < least and early else None


def released(s: Snapshot) -> bool:
    """The canary may go: the target serves, or there is nothing to save, or the wait is over."""
    if FINALIZER not in s.canary.metadata.finalizers:
        return False
    if s.target is None:
        return True
    if s.canary.status.phase is Phase.TERMINATED:
        gone = times.after(s.canary.status.last_step_at, settle_time(s))
        return gone is None or s.now >= gone
    return not s.restorable and goes(s)


def goes(s: Snapshot) -> bool:
    """Nothing is left to be given back, or the wait for it is over."""
    if s.target is None or not s.target.scalable or untouched(s):
        return True
    if s.canary.status.phase is not Phase.TERMINATING:
        return False
    deadline = gives_up_at(s)
    return back_on_target(s) or (s.target.replicas > 0 and deadline is not None and s.now >= deadline)


def untouched(s: Snapshot) -> bool:
    """Nothing that would be missed has been moved or scaled yet. Between the first of that and the status that
    remembers it there is a moment."""
    moved = s.apex_selects == "primary" or (s.shifts and s.traffic.routing is not None)
    up = s.target is not None and (s.target.replicas > 0 or not s.target.scalable)
    return not s.canary.status.last_applied_spec and up and not moved


def gives_up_at(s: Snapshot) -> datetime | None:
    """When a canary that is deleted no longer waits for its target, counted from when pods were asked for."""
    return times.after(s.canary.status.last_step_at, timedelta(seconds=s.canary.spec.progress_deadline_seconds))


HOLDS: Mapping[Phase, Callable[[Snapshot], Desired]] = {
    Phase.NONE: nothing,
    Phase.INITIALIZING: initializing,
    Phase.INITIALIZED: at_rest,
    Phase.WAITING: waiting,
    Phase.PROGRESSING: running,
    Phase.WAITING_PROMOTION: running,
    Phase.PROMOTING: promoting,
    Phase.FINALISING: finalising,
    Phase.SUCCEEDED: at_rest,
    Phase.FAILED: failed,
    Phase.TERMINATING: nothing,
    Phase.TERMINATED: nothing,
}
