"""Properties of an end, good or bad, and of the rest that follows it."""

from __future__ import annotations

from collections.abc import Mapping

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.api.status import Phase
from davy.core import names
from davy.core.reasons import Reason
from davy.perceive import kind_of
from davy.settings import Settings
from davy.sim import sides
from davy.sim.broken import LastCopy, Swallowed, Unproven, Untrue
from davy.sim.deeds import NEW_DEFAULT, put
from davy.sim.view import View
from davy.sim.world import World
from davy.targets import configs, target_for


def rolled_back(world: World, now: View, *, remade: bool) -> None:
    """A rollback needs a healthy primary that runs what was last promoted. `remade`: one that was deleted meanwhile
    could only be made again from the target."""
    status = now.canary.status
    if status.canary_weight or not status.last_promoted_spec:
        return
    if not now.primary and now.target:
        raise LastCopy("rolled back to a primary without a ready pod, though the target has some")
    primary = sides.primary(world, now.canary)
    carried = target_for(now.canary.target).run(primary) if primary else ""
    promoted = run(status.last_promoted_spec, status.promoted_configs)
    if carried and carried != promoted and not remade:
        raise LastCopy(f"rolled back to a primary that carries {carried}, not {promoted}")


def run(revision: str, digest: str) -> str:
    """What a primary notes of a revision, and of the digest of its configs."""
    return f"{revision}+{digest}" if digest else revision


def evident(world: World, now: View, analysed: Manifest | None, settings: Settings) -> None:
    """The primary runs exactly the analysed template, all of it ready, with all the traffic."""
    canary, status = now.canary, now.canary.status
    primary = sides.primary(world, canary)
    if primary is None:
        raise Unproven("Succeeded without a primary")
    promoted = run(status.last_promoted_spec, names.digest(status.tracked_configs))
    if target_for(canary.target).run(primary) != promoted:
        raise Unproven(f"Succeeded, but the primary does not carry {promoted}")
    same_as_analysed(canary, primary, analysed, settings)
    replaced_all(world, now, primary)
    same_configs(world, canary, status.tracked_configs or {})
    if now.in_force is not None and now.in_force.canary:
        raise Unproven(f"Succeeded while {now.in_force.canary} % of the traffic goes to the canary")


def same_as_analysed(canary: Canary, primary: Manifest, analysed: Manifest | None, settings: Settings) -> None:
    kind = target_for(canary.target)
    if analysed is None:
        return
    one, other = unserved_anew(analysed), unserved_anew(primary)
    if not kind.alike(one, other, kind.selector(analysed, settings.selector_labels)):
        raise Unproven("Succeeded, but the primary's template is not the one that was analysed")


def unserved_anew(workload: Manifest) -> Manifest:
    """Without the field that the server began to serve meanwhile (`reserve` in davy.sim.deeds)."""
    if "template" not in workload["spec"] or "revision" in workload:
        return workload
    return put(workload, ("spec", "template", "spec", NEW_DEFAULT), None)


def replaced_all(world: World, now: View, primary: Manifest) -> None:
    crew = world.crews.get(names.primary(now.canary))
    if crew is None:
        return  # a kind without pods
    wanted = world.nodes if primary["kind"] == "DaemonSet" else int(primary["spec"].get("replicas", 1))
    fresh = sum(pod.template == primary["spec"]["template"] and pod.ready_at <= world.now for pod in crew.pods)
    if fresh < max(wanted * now.canary.analysis.primary_ready_threshold // 100, 1):
        raise Unproven(f"Succeeded with {fresh} of {wanted} ready pods of the promoted revision")


def same_configs(world: World, canary: Canary, analysed: Mapping[str, str]) -> None:
    """The copies hold what was analysed."""
    for name, checksum in analysed.items():
        copy = world.objects.get(configs.refs(canary.namespace, name)[1])
        if copy is None or configs.checksum(copy) != checksum:
            raise Unproven(f"Succeeded, but the primary's copy of {name} is not what was analysed")


def measured(canary: Canary) -> None:
    """Every metric has passed at the end of the last step."""
    count = len(canary.analysis.metrics)
    if canary.skips_analysis or not count:
        return
    last = canary.status.analysis[-count:]
    if len(last) < count or any(measurement.verdict != "pass" for measurement in last):
        raise Unproven("Succeeded without a passing measurement of every metric at the last step")


def released(world: World, now: View, settings: Settings) -> None:
    """At rest the primary runs what the target says, configs included."""
    canary = now.canary
    ready = canary.status.condition("Ready")
    target, primary = sides.target(world, canary), sides.primary(world, canary)
    if target is None or primary is None or ready is None or ready.reason != Reason.AT_REST:
        return
    kind = kind_of(canary)
    if kind is None:
        return
    if not kind.alike(target, primary, kind.selector(target, settings.selector_labels)):
        raise Swallowed(f"at rest in phase {canary.status.phase}, but the primary does not run the target's template")
    for name in canary.status.tracked_configs or {}:
        source, copy = (world.objects.get(ref) for ref in configs.refs(canary.namespace, name))
        if source is not None and (copy is None or configs.checksum(source) != configs.checksum(copy)):
            raise Swallowed(f"at rest in phase {canary.status.phase}, but the primary's copy of {name} is another")


SHORT = (Reason.CANARY_NOT_READY, Reason.CANARY_STARTING, Reason.PRIMARY_NOT_READY, Reason.COPYING)
"""With these the status itself says that a side waits for its pods."""


def true_weight(now: View) -> None:
    """What people read in the status is what the traffic does."""
    status = now.canary.status
    if now.written is None or status.phase in (Phase.INITIALIZING, Phase.TERMINATING, Phase.NONE):
        return
    if names.scaler(now.canary) and now.growing:
        return  # a side gets its share when it has the pods for it
    emergency = (status.canary_weight and not now.target) or (status.canary_weight < 100 and not now.primary)
    ready = status.condition("Ready")
    told = ready is not None and ready.reason in SHORT
    emergency = emergency or (told and now.written.canary in (0, 100))
    if now.written.canary != status.canary_weight and not emergency:
        raise Untrue(f"canaryWeight is {status.canary_weight}, but {now.written.canary} % go to the canary")
