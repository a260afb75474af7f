"""What a difference between the target and the remembered revision is: a new revision, or nothing that anybody did."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from msgspec.structs import replace

from davy.api.status import CanaryStatus, Phase
from davy.core import names
from davy.core.moves import Move
from davy.core.revisions import is_ours
from davy.core.snapshot import Snapshot, Workload
from davy.core.times import to_milliseconds
from davy.core.traffic import intact

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


def change(s: Snapshot, target: Workload) -> Change:
    """The template decides first, then the configs: each by what was last taken up."""
    status = s.canary.status
    if reverted(s, target):
        return Change.REBASE
    if target.revision != status.last_applied_spec and not unedited(status, target) and not promoted_already(s):
        return Change.NEW
    if configs_changed(s):
        return Change.NEW
    same = target.revision == status.last_applied_spec and not unknown_configs(s)
    return Change.NONE if same else Change.REBASE


def promoted_already(s: Snapshot) -> bool:
    """The primary runs the target's template as it is served now: whoever spelled it anew, nothing is to be tried."""
    return s.primary is not None and s.primary.like_target and bool(s.primary.carries) and intact(s)


def reverted(s: Snapshot, target: Workload) -> bool:
    """The target, changed meanwhile, is what was promoted again, and the primary still carries that (flagger#1898)."""
    status = s.canary.status
    if target.revision != status.last_promoted_spec or not intact(s):
        return False
    moved = target.revision != status.last_applied_spec
    if s.configs is None or s.unread:
        return moved
    back = status.promoted_configs == names.digest(s.configs)
    if not status.promoted_configs:
        back = not configs_changed(s)
    return back and (moved or configs_changed(s))


def configs_changed(s: Snapshot) -> bool:
    """A config that is tracked has another content than when the revision was taken up. What was never tracked, or
    cannot be read now, says nothing."""
    before = s.canary.status.tracked_configs
    if before is None or s.configs is None or s.unread:
        return False
    return before.keys() != s.configs.keys() or any(not same(before[name], s.configs[name]) for name in before)


def same(before: str, now: str) -> bool:
    """Flagger's checksums are of `data` alone; ours tell of `binaryData` behind a plus sign."""
    return before == now or ("+" not in before and now.partition("+")[0] == before)


def unknown_configs(s: Snapshot) -> bool:
    """Configs are tracked from now on: what they hold belongs to the revision that was taken up."""
    return s.canary.status.tracked_configs is None and bool(s.configs) and not s.unread


def unedited(status: CanaryStatus, target: Workload) -> bool:
    """The fence stands: same object, same generation. The hash moved because the server or the scheme did."""
    return status.target_fence == target.fence


def rebased(s: Snapshot, target: Workload) -> CanaryStatus:
    """The target as it stands is the revision that was taken up; what was promoted moves with it if it was the same."""
    status = s.canary.status
    same = unedited(status, target) and status.last_promoted_spec == status.last_applied_spec
    promoted = target.revision if same else status.last_promoted_spec
    return replace(
        status,
        last_applied_spec=target.revision,
        last_promoted_spec=promoted,
        tracked_configs=status.tracked_configs if s.unread else s.configs,
    )


def served_anew(s: Snapshot, target: Workload) -> Move | None:
    """Another hash, and nobody edited the target: our own scaling would move its generation, and hide that."""
    moved = target.revision != s.canary.status.last_applied_spec
    return Move(rebased(s, target)) if moved and unedited(s.canary.status, target) else None


def foreign(status: CanaryStatus) -> bool:
    """The hash was written by Flagger: nothing can be concluded from a difference."""
    return bool(status.last_applied_spec) and not is_ours(status.last_applied_spec)


def left_in_a_run(s: Snapshot) -> bool:
    """Flagger left it in the middle of a run, and the target as it stands is what that is about.

    Not if the target was edited while Flagger was finishing: then what it promoted comes to its end first, and the
    target is a revision afterwards.
    """
    status = s.canary.status
    edited = s.primary is not None and not s.primary.like_target and not s.primary.carries
    return foreign(status) and status.phase in UNDER_WAY and not (status.phase is Phase.FINALISING and edited)


def adopted(s: Snapshot, target: Workload) -> Move | None:
    """The first tick on a status of Flagger's; None if the target really is a new revision.

    In the middle of a run the target as it stands is the revision of that run: nothing restarts. This is the one time
    that the weight is read from the routing: Flagger's status says 0 while it waits and promotes.
    At rest the target is compared with the primary. Checksums of configs are Flagger's own: they go on to count.
    """
    status = s.canary.status
    if left_in_a_run(s):
        return Move(taken_over(s, target))
    if s.primary is not None and s.primary.like_target:
        promoted = names.digest(status.tracked_configs)
        return Move(
            replace(
                status,
                last_applied_spec=target.revision,
                last_promoted_spec=target.revision,
                promoted_configs=promoted,
            )
        )
    return None


def taken_over(s: Snapshot, target: Workload) -> CanaryStatus:
    status = s.canary.status
    weight, mirrored = status.canary_weight, False
    matched = s.matches and s.canary.strategy() == "ab-testing"
    if status.phase is not Phase.FAILED and s.traffic.routing is not None:
        mirrored = s.traffic.routing.mirrored
        weight = 0 if matched else s.traffic.routing.canary
    begun = status.phase is not Phase.PROGRESSING or weight > 0 or mirrored or status.iterations > 0
    over = status.phase is Phase.FAILED and (weight > 0 or target.replicas == 0 or not target.scalable)
    now = to_milliseconds(s.now)
    return replace(
        status,
        last_applied_spec=target.revision,
        canary_weight=weight,
        mirrored=mirrored,
        iterations=max(status.iterations, 0),
        pre_rollout_passed=begun,
        run_started_at=now,
        ready_by=None if begun else to_milliseconds(s.now + timedelta(seconds=s.canary.spec.progress_deadline_seconds)),
        last_step_at=now if begun else None,
        run_ended_at=now if over else None,
    )
