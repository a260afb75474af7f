"""Properties of single steps: when one may be taken, how far it may go, and when a run may begin at all."""

from __future__ import annotations

from collections.abc import Mapping

from davy.api.ref import Manifest
from davy.api.status import CanaryStatus, Phase
from davy.sim.broken import Hasty, Overshot, Unasked
from davy.sim.endings import unserved_anew
from davy.sim.view import View
from davy.sim.world import World


def described(status: CanaryStatus) -> str:
    return f"{status.phase} {status.canary_weight} % {status.iterations} {status.failed_checks}"


def begun(old: CanaryStatus, new: CanaryStatus) -> bool:
    """Whether this status begins a run."""
    return (new.run_started_at, new.last_applied_spec) != (old.run_started_at, old.last_applied_spec)


def stepped(old: CanaryStatus, now: View) -> bool:
    """Whether this status begins a step, or ends the last one of the analysis."""
    new, wanted = now.canary.status, now.canary.analysis.iterations or 10
    if begun(old, new) or now.canary.skips_analysis:
        return False
    if new.command != old.command:
        return False  # a human takes the step
    if new.phase is Phase.PROGRESSING and (new.canary_weight, new.mirrored) < (old.canary_weight, old.mirrored):
        return False  # back, for want of a target
    counted = (new.canary_weight, new.iterations, new.failed_checks, new.mirrored) != (
        old.canary_weight,
        old.iterations,
        old.failed_checks,
        old.mirrored,
    )
    if old.phase is new.phase:
        return counted and new.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION, Phase.PROMOTING)
    watched = not now.shifts and old.iterations > wanted  # what follows the last iteration there is no step
    return old.phase is Phase.PROGRESSING and new.phase is Phase.PROMOTING and not watched


def asked_for(old: CanaryStatus, new: CanaryStatus, known: Mapping[str, Manifest]) -> None:
    """The target, or what it is configured with, was edited since its revision was last taken up; or a human wants it.

    `known`: the target as it was with each revision.
    """
    under_way = old.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
    if under_way and old.last_applied_spec == new.last_applied_spec:
        return  # the same run, which was late to begin
    before, now = known.get(old.last_applied_spec), known.get(new.last_applied_spec)
    if new.command != old.command or before is None or now is None or old.tracked_configs != new.tracked_configs:
        return
    if content(before) == content(now):
        raise Unasked(f"a run of {new.last_applied_spec} began; nobody has edited the target")


def content(target: Manifest) -> object:
    """What people have written, as against what the server makes of it."""
    plain = unserved_anew(target)
    if "revision" in plain:
        return plain["revision"]["metadata"]["name"]
    return plain["spec"].get("template", plain["spec"])


def in_bounds(world: World, old: CanaryStatus, now: View) -> None:
    """More weight or one more iteration only for a canary that is whole, and never past the end of the analysis."""
    status, analysis = now.canary.status, now.canary.analysis
    if status.phase is not Phase.PROGRESSING or begun(old, status):
        return
    if (status.canary_weight, status.iterations) <= (old.canary_weight, old.iterations):
        return
    wanted = pods(world, now)
    if now.target < wanted * analysis.canary_ready_threshold // 100:
        raise Hasty(f"the next step is taken with {now.target} of {wanted} pods of the canary ready")
    limit = min(analysis.weight_limit + max(analysis.step_weight - 1, 0), 100)
    if now.shifts and not analysis.iterations and status.canary_weight > limit:
        raise Overshot(f"{status.canary_weight} % for the canary; the analysis ends at {limit} %")


def pods(world: World, now: View) -> int:
    """Pods that the target is to have."""
    target = world.objects.get(now.canary.target, {})
    if target.get("kind") == "DaemonSet":
        return world.nodes
    return max(int(target.get("spec", {}).get("replicas", 1)), 1)
