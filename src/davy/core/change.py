"""What a difference between the target and the remembered revision is: a new revision, or nothing that anybody did."""

from __future__ import annotations

from enum import Enum

from msgspec.structs import replace

from davy.api.status import CanaryStatus, Phase
from davy.core.moves import Move
from davy.core.revisions import is_ours
from davy.core.snapshot import Snapshot, Workload
from davy.core.times import to_milliseconds

RUNNING = frozenset({Phase.PROGRESSING, Phase.WAITING_PROMOTION, Phase.PROMOTING, Phase.FINALISING})
"""Phases of a run: an edit that makes the spec invalid does not stop it while the last valid spec is known."""

UNDER_WAY = RUNNING | {Phase.FAILED}
"""Phases in which the target's revision was already taken up when the status was written."""


class Change(Enum):
    """How the target relates to the revision that was last taken up."""

    NONE = "none"
    REBASE = "rebase"
    """Another hash, but nobody edited the target (or it went back to what was promoted): remember it, do nothing."""
    NEW = "new"


def change(status: CanaryStatus, target: Workload) -> Change:
    if target.revision == status.last_applied_spec:
        return Change.NONE
    if unedited(status, target):
        return Change.REBASE
    return Change.REBASE if target.revision == status.last_promoted_spec else Change.NEW


def unedited(status: CanaryStatus, target: Workload) -> bool:
    """The fence stands: same object, same generation. The hash moved because the server or the scheme did."""
    return status.target_fence == target.fence


def rebased(status: CanaryStatus, target: Workload) -> CanaryStatus:
    """The target as it stands is the revision that was taken up; what was promoted moves with it if it was the same."""
    same = unedited(status, target) and status.last_promoted_spec == status.last_applied_spec
    promoted = target.revision if same else status.last_promoted_spec
    return replace(status, last_applied_spec=target.revision, last_promoted_spec=promoted)


def foreign(status: CanaryStatus) -> bool:
    """The hash was written by Flagger: nothing can be concluded from a difference."""
    return bool(status.last_applied_spec) and not is_ours(status.last_applied_spec)


def adopted(s: Snapshot, target: Workload) -> Move | None:
    """The first tick on a status of Flagger's; None if the target really is a new revision.

    In the middle of a run the target as it stands is the revision of that run: nothing restarts. This is the one time
    that the weight is read from the routing: Flagger's status says 0 while it waits and promotes.
    At rest the target is compared with the primary.
    """
    status = s.canary.status
    if status.phase in UNDER_WAY:
        return Move(taken_over(s, target))
    if s.primary is not None and s.primary.like_target:
        return Move(replace(status, last_applied_spec=target.revision, last_promoted_spec=target.revision))
    return None


def taken_over(s: Snapshot, target: Workload) -> CanaryStatus:
    status = s.canary.status
    weight = status.canary_weight
    if status.phase is not Phase.FAILED and s.traffic.routing is not None:
        weight = s.traffic.routing.canary
    over = status.phase is Phase.FAILED and (weight > 0 or target.replicas == 0)
    now = to_milliseconds(s.now)
    return replace(
        status,
        last_applied_spec=target.revision,
        canary_weight=weight,
        run_started_at=now,
        last_step_at=now,
        run_ended_at=now if over else None,
    )
