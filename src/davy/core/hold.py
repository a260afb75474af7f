"""What each phase asserts about the world, in every tick, from what the status remembers.

A phase's effects follow from the status that is *stored*: a step is first remembered, and the next tick makes it true.
So a crash at any point is repaired by the next tick, and drift is put back at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from davy.api.status import Phase
from davy.core import times
from davy.core.names import FINALIZER
from davy.core.plan import LEAVE_ALL, Desired, PrimaryWish
from davy.core.snapshot import TO_PRIMARY, Ready, Snapshot
from davy.core.traffic import (
    TO_CANARY,
    apex,
    back_on_primary,
    back_on_target,
    follows,
    safe,
    serves,
    slipped,
    split,
    to_target,
)


def hold(s: Snapshot) -> Desired:
    """How the world should be now."""
    if s.canary.metadata.deletion_timestamp:
        return letting_go(s)
    if s.canary.spec.suspend or not s.valid or s.target is None:
        return LEAVE_ALL
    return HOLDS[s.canary.status.phase](s)


def nothing(s: Snapshot) -> Desired:
    return LEAVE_ALL


def initializing(s: Snapshot) -> Desired:
    """The primary follows the target until it is ready; only then does traffic move, and only after that capacity."""
    made = Desired(services=True, primary=following(s), run=revision(s))
    if s.primary is None or not isinstance(s.primary.readiness, Ready) or not follows(s):
        return kept(s, made)
    emptied = replace(made, apex=apex(s), routing=safe(s, TO_PRIMARY), finalizer=True)
    return emptying(s, emptied)


def emptying(s: Snapshot, desired: Desired) -> Desired:
    """The target goes to zero once it has been without traffic long enough."""
    if slipped(s):
        return replace(desired, apex=None, routing=None)
    return replace(desired, target_replicas=0 if back_on_primary(s) else None)


def kept(s: Snapshot, made: Desired) -> Desired:
    """Traffic that was moved before the primary was lost again goes to whoever serves; none moves here but for need."""
    needed = s.apex_selects == "target" and not serves(s.target) and serves(s.primary)
    return replace(
        made,
        apex=apex(s) if needed or s.apex_selects == "primary" else None,
        routing=safe(s, TO_PRIMARY) if s.traffic.routing else None,
    )


def following(s: Snapshot) -> PrimaryWish:
    return PrimaryWish.EXIST if follows(s) else PrimaryWish.CARRY


def revision(s: Snapshot) -> str:
    return s.target.revision if s.target else ""


def at_rest(s: Snapshot) -> Desired:
    """All traffic to the primary, which notes what it carries, also where Flagger left it or the hash was rebased."""
    status, primary = s.canary.status, s.primary
    promoted = status.last_promoted_spec
    current = s.target is not None and s.target.revision == status.last_applied_spec == promoted
    if current and primary is not None and primary.like_target and primary.carries != promoted:
        return replace(routed(s, 0), primary=PrimaryWish.NOTE, run=promoted)
    return routed(s, 0)


def routed(s: Snapshot, weight: int) -> Desired:
    """Both sides exist, and the traffic is split as the status says, as far as that is safe."""
    return Desired(
        services=True,
        primary=PrimaryWish.EXIST,
        run=revision(s),
        apex=apex(s),
        routing=safe(s, split(weight)),
        finalizer=True,
    )


def running(s: Snapshot) -> Desired:
    """Capacity for the new revision, and the weight that it has reached."""
    return replace(routed(s, s.canary.status.canary_weight), target_replicas=scaled_up(s))


def scaled_up(s: Snapshot) -> int | None:
    """The target gets as many pods as the primary has; one that is up already is left alone."""
    if s.target is None or s.target.replicas > 0:
        return None
    return max(s.primary.replicas if s.primary else 0, 1)


def promoting(s: Snapshot) -> Desired:
    """The primary carries exactly the revision that was analysed; the canary keeps its traffic meanwhile."""
    status = s.canary.status
    analysed = s.target is not None and s.target.revision == status.last_applied_spec
    carried = s.primary is not None and s.primary.carries == status.last_applied_spec
    wish = PrimaryWish.CARRY if analysed and not carried else PrimaryWish.EXIST
    return replace(running(s), primary=wish, run=status.last_applied_spec)


def finalising(s: Snapshot) -> Desired:
    ready = s.primary is not None and isinstance(s.primary.readiness, Ready)
    return emptying(s, routed(s, 0)) if ready or slipped(s) else routed(s, 0)


def failed(s: Snapshot) -> Desired:
    """After a rollback: back to the primary, then down, once. After a failed promotion: the canary keeps it all."""
    status = s.canary.status
    if not status.last_promoted_spec:
        return LEAVE_ALL
    if status.canary_weight:
        return replace(routed(s, status.canary_weight), primary=PrimaryWish.LEAVE, target_replicas=scaled_up(s))
    if status.run_ended_at:
        return at_rest(s)
    return emptying(s, routed(s, 0))


def letting_go(s: Snapshot) -> Desired:
    """The target gets its replicas and its traffic back before the canary, and all that it owns, goes."""
    if released(s):
        return Desired(finalizer=False)
    if s.canary.status.phase is not Phase.TERMINATING or s.target is None:
        return LEAVE_ALL
    if not serves(s.target) or not isinstance(s.target.readiness, Ready):
        routing = safe(s, split(s.canary.status.canary_weight)) if s.valid else None
        return Desired(target_replicas=scaled_up(s), apex=apex(s), routing=routing)
    if slipped(s, to_target(s), "target"):
        return LEAVE_ALL
    return Desired(apex="target", routing=TO_CANARY if s.valid else None)


def released(s: Snapshot) -> bool:
    """The canary may go: the target serves, or there is nothing to save, or the wait is over."""
    if FINALIZER not in s.canary.metadata.finalizers:
        return False
    if s.target is None or untouched(s):
        return True
    if s.canary.status.phase is not Phase.TERMINATING:
        return False
    deadline = gives_up_at(s)
    return back_on_target(s) or (s.target.replicas > 0 and deadline is not None and s.now >= deadline)


def untouched(s: Snapshot) -> bool:
    """Nothing that would be missed has been moved or scaled yet. Between the first of that and the status that
    remembers it there is a moment."""
    moved = s.apex_selects == "primary" or (s.shifts and s.traffic.routing is not None)
    up = s.target is not None and s.target.replicas > 0
    return not s.canary.status.last_applied_spec and up and not moved


def gives_up_at(s: Snapshot) -> datetime | None:
    """When a canary that is deleted no longer waits for its target, counted from when pods were asked for."""
    return times.after(s.canary.status.last_step_at, timedelta(seconds=s.canary.spec.progress_deadline_seconds))


HOLDS: Mapping[Phase, Callable[[Snapshot], Desired]] = {
    Phase.NONE: nothing,
    Phase.INITIALIZING: initializing,
    Phase.INITIALIZED: at_rest,
    Phase.WAITING: at_rest,
    Phase.PROGRESSING: running,
    Phase.WAITING_PROMOTION: running,
    Phase.PROMOTING: promoting,
    Phase.FINALISING: finalising,
    Phase.SUCCEEDED: at_rest,
    Phase.FAILED: failed,
    Phase.TERMINATING: nothing,
    Phase.TERMINATED: nothing,
}
