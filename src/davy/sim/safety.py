"""What must hold after every single write, whatever happens: checked against the truth, not against the status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.status import CanaryStatus, Phase
from davy.core import names
from davy.core.names import FINALIZER, GATEWAY_CONTROLLER
from davy.core.reasons import Reason
from davy.core.snapshot import Routing
from davy.perceive import router_of
from davy.render import Apply, Create, Finalizer, Replace, Scale, Status, Write
from davy.routers.base import Existing, Feature
from davy.settings import Settings
from davy.sim.hands import written
from davy.sim.world import World
from davy.targets import target_for

CLOCK_GRAIN = timedelta(milliseconds=1)
LONGEST_SETTLE = 60.0


class Broken(AssertionError):  # noqa: N818 - the opposite of kept
    """A property was broken; the text is the sentence of the property, with the numbers."""


class Unserved(Broken):
    """A side with weight has no ready endpoint while the other side has some."""


class CutShort(Broken):
    """Capacity was taken away under traffic, or before requests under way had ended."""


class LastCopy(Broken):
    """The last healthy copy was touched."""


class Unproven(Broken):
    """`Succeeded` without positive evidence."""


class FreeStep(Broken):
    """A step was taken before the one before it had lasted an interval."""


class Hasty(Broken):
    """A step was taken with a canary that is not ready."""


class Overshot(Broken):
    """The canary got more traffic than any step of the analysis gives it."""


class Unguarded(Broken):
    """The target is at zero and nothing holds the canary: deleting it would be an outage."""


class Abandoned(Broken):
    """The canary was let go, and with it the primary, before the target had anything back."""


class Forgetful(Broken):
    """The world shows a step that the status does not remember: a crash now would lose it."""


class Disordered(Broken):
    """The writes of one tick are not in the one safe order."""


class Unasked(Broken):
    """A run began though nobody edited the target."""


class Swallowed(Broken):
    """Everything rests, and the target's revision was neither released nor refused."""


class Untrue(Broken):
    """`canaryWeight` is not the real weight though everything rests."""


@dataclass(frozen=True)
class View:
    """The truth about one canary at one moment."""

    canary: Canary
    written: Routing | None
    """The split that the objects say."""
    in_force: Routing | None
    """The split that the proxies have taken up."""
    primary: int
    target: int
    """Ready pods."""
    shifts: bool
    """The provider can shift traffic by weights."""

    def unserved(self) -> str | None:
        """The sentence, if a side with weight has no ready endpoint while the other has some."""
        if self.written is None:
            return None
        if self.written.primary and not self.primary and self.target:
            return f"{self.written.primary} % go to the primary, which has no ready pod; the target has {self.target}"
        if self.written.canary and not self.target and self.primary:
            return f"{self.written.canary} % go to the target, which has no ready pod; the primary has {self.primary}"
        return None


def view(world: World, ref: Ref, settings: Settings) -> View | None:
    """None if the canary is gone."""
    found = world.objects.get(ref)
    if found is None:
        return None
    canary = codec.decode_canary(found)
    router = router_of(canary, settings)
    return View(
        canary=canary,
        written=share(canary, world.objects, world.objects, settings),
        in_force=share(canary, world.objects, world.in_force, settings),
        primary=world.ready(names.primary(canary)),
        target=world.ready(canary.target),
        shifts=router is not None and Feature.WEIGHT in router.features(canary),
    )


def share(canary: Canary, objects: Existing, routes: Existing, settings: Settings) -> Routing | None:
    """Where the traffic goes, by the objects that the proxies read."""
    router = router_of(canary, settings)
    if router is None:
        return None
    if router.reads(canary):
        return router.routing(canary, {ref: routes[ref] for ref in router.reads(canary) if ref in routes})
    return apex_share(objects.get(names.apex_service(canary)))


def apex_share(apex: Manifest | None) -> Routing | None:
    """Without a router the apex Service decides: all to the side that it selects."""
    if apex is None:
        return None
    selector = apex["spec"].get("selector") or {}
    primary = any(str(value).endswith("-primary") for value in selector.values())
    return Routing(100, 0) if primary else Routing(0, 100)


def settle_time(canary: Canary, settings: Settings, world: World) -> timedelta:
    """How long the canary must have been without traffic before its pods may go."""
    asked = canary.spec.service.drain_seconds
    if world.gateway is not None and world.gateway.controller == GATEWAY_CONTROLLER:
        return timedelta(0)
    seconds = canary.analysis.interval_seconds(settings.minimum_interval.total_seconds()) if asked is None else asked
    return timedelta(seconds=min(seconds, LONGEST_SETTLE) if asked is None else seconds)


RANKS = {Create: 2, Replace: 2, Apply: 3}


def rank(write: Write, before: Manifest | None) -> int:
    """Place of a write in the one safe order: capacity up, objects, capacity down, memory."""
    match write:
        case Scale(_, replicas):
            return 4 if before is not None and replicas < int(before["spec"].get("replicas", 1)) else 1
        case Status() | Finalizer():
            return 5
        case _:
            return RANKS[type(write)]


def ordered(writes: Sequence[Write], canary: Canary, objects: Existing) -> None:
    """Capacity before traffic, traffic before removing capacity, memory last and once. Raises `Disordered`.

    The primary, and the two Services that carry no traffic by themselves, have no place of their own in it.
    """
    named = [(written(write), write) for write in writes]
    primary, free = names.primary(canary), (names.canary_service(canary), names.primary_service(canary))
    ranks = [rank(write, objects.get(ref)) for ref, write in named if ref != primary and ref not in free]
    if ranks != sorted(ranks):
        raise Disordered(f"ranks {ranks}: {[type(write).__name__ for write in writes]}")
    if sum(isinstance(write, Status | Finalizer) for write in writes) > 1:
        raise Disordered("more than one write to the canary in one tick: the second would be refused")


@dataclass
class Witness:
    """Remembers what only the past can tell, and judges every write."""

    ref: Ref
    settings: Settings
    unspread_at: datetime | None = None
    """When the target last lost its share of the traffic; None while it has one, or before it ever had."""
    step_at: datetime | None = None
    unserved: bool = False
    last: View | None = None

    def note(self, world: World) -> View | None:
        """Something happened that was not our doing."""
        self.last = view(world, self.ref, self.settings)
        if self.last is not None:
            self._share(world, self.last)
            self.unserved = self.last.unserved() is not None
        return self.last

    def judge(self, world: World, write: Write, before: Manifest | None, excused: bool) -> None:
        """A write of ours was made. `excused`: somebody did something that we cannot know yet."""
        past = self.last
        now = view(world, self.ref, self.settings)
        self.last = now
        if now is None:
            if past is not None and not excused:
                let_go(world, past)
            return
        self._share(world, now)
        worse = now.unserved() if not self.unserved else None
        self.unserved = now.unserved() is not None
        if worse and not excused:
            raise Unserved(worse)
        match write:
            case Scale(ref, replicas) if ref == now.canary.target and not replicas:
                if not excused:
                    self._scaled_down(world, now)
            case Status() if past is not None:
                self._remembered(world, past.canary.status, now, excused)
            case _ if not excused:
                foretold(now, write, past)
            case _:
                pass

    def _share(self, world: World, now: View) -> None:
        if now.written is None or now.written.canary:
            self.unspread_at = None
        elif self.unspread_at is None:
            self.unspread_at = world.now

    def _scaled_down(self, world: World, now: View) -> None:
        if FINALIZER not in now.canary.metadata.finalizers:
            raise Unguarded(f"the target is at zero, and {now.canary.ref} has no finalizer")
        share = now.in_force.canary if now.in_force else 0
        if share:
            raise CutShort(f"the target is scaled to zero while {share} % of the traffic goes to it")
        since = timedelta(0) if self.unspread_at is None else world.now - self.unspread_at
        promised = settle_time(now.canary, self.settings, world)
        if since + CLOCK_GRAIN < promised:
            raise CutShort(f"the target is scaled to zero {since} after it lost its traffic; {promised} were promised")
        if not now.primary:
            raise LastCopy("the target is scaled to zero while the primary has no ready pod")

    def _remembered(self, world: World, old: CanaryStatus, now: View, excused: bool) -> None:
        self._stepped(world, old, now)
        status = now.canary.status
        if status.run_started_at != old.run_started_at or status.phase is not old.phase:
            self.step_at = None
        if status.run_started_at != old.run_started_at and status.last_applied_spec != old.last_applied_spec:
            asked_for(world, old, now)
        if status.phase is Phase.FAILED and old.phase is not Phase.FAILED and not excused:
            rolled_back(world, now)
        if status.phase is Phase.SUCCEEDED and old.phase is Phase.FINALISING and not excused:
            evident(world, now)
        if not excused:
            in_bounds(world, old, now)

    def _stepped(self, world: World, old: CanaryStatus, now: View) -> None:
        """Steps of the analysis, its end and the steps of handing back, all of them an interval apart."""
        if not stepped(old, now):
            return
        interval = now.canary.analysis.interval_seconds(self.settings.minimum_interval.total_seconds())
        if self.step_at and world.now - self.step_at + CLOCK_GRAIN < timedelta(seconds=interval):
            new = now.canary.status
            raise FreeStep(
                f"{world.now - self.step_at} after the last step ({old.phase} {old.canary_weight} % {old.iterations} "
                f"{old.failed_checks} → {new.phase} {new.canary_weight} % {new.iterations} {new.failed_checks})"
            )
        self.step_at = world.now

    def rested(self, world: World) -> None:
        """Nothing more will happen at this moment; nothing is left to be known."""
        now = self.note(world)
        if now is None or now.canary.spec.suspend:
            return
        if why := now.unserved():
            raise Unserved(f"{why}, and nothing is done about it")
        if now.shifts:
            true_weight(now)
        released(world, now, self.settings)


def stepped(old: CanaryStatus, now: View) -> bool:
    """Whether this status begins a step, or ends the last one of the analysis."""
    new, wanted = now.canary.status, now.canary.analysis.iterations or 10
    if new.run_started_at != old.run_started_at or now.canary.skips_analysis:
        return False
    counted = (new.canary_weight, new.iterations, new.failed_checks) != (
        old.canary_weight,
        old.iterations,
        old.failed_checks,
    )
    if old.phase is new.phase:
        return counted and new.phase in (Phase.PROGRESSING, Phase.PROMOTING)
    watched = not now.shifts and old.iterations > wanted  # what follows the last iteration there is no step
    return old.phase is Phase.PROGRESSING and new.phase is Phase.PROMOTING and not watched


def let_go(world: World, past: View) -> None:
    """The canary is gone, and its primary with it."""
    target = world.objects.get(past.canary.target)
    if target is not None and not int(target["spec"].get("replicas", 1)):
        raise Abandoned("the canary is let go, and its target is at zero")
    left = apex_share(world.objects.get(names.apex_service(past.canary)))
    if left is not None and left.primary:
        raise Abandoned("the canary is let go, and the user's own apex Service still selects its primary")


def asked_for(world: World, old: CanaryStatus, now: View) -> None:
    """The target was edited since its revision was last taken up."""
    metadata = world.objects.get(now.canary.target, {}).get("metadata", {})
    if old.target_fence == f"{metadata.get('uid')}/{metadata.get('generation')}":
        raise Unasked(f"a run of {now.canary.status.last_applied_spec} began; nobody has edited the target")


def rolled_back(world: World, now: View) -> None:
    """A rollback needs a healthy primary that runs what was last promoted."""
    status = now.canary.status
    if status.canary_weight or not status.last_promoted_spec:
        return
    if not now.primary and now.target:
        raise LastCopy("rolled back to a primary without a ready pod, though the target has some")
    primary = world.objects.get(names.primary(now.canary))
    carried = target_for(now.canary.target).run(primary) if primary else ""
    if carried and carried != status.last_promoted_spec:
        raise LastCopy(f"rolled back to a primary that carries {carried}, not {status.last_promoted_spec}")


def evident(world: World, now: View) -> None:
    """The primary runs exactly the analysed template, all of it ready, with all the traffic, and it was measured."""
    canary, status = now.canary, now.canary.status
    primary = world.objects.get(names.primary(canary))
    crew = world.crews.get(names.primary(canary))
    if primary is None or crew is None:
        raise Unproven("Succeeded without a primary")
    if target_for(canary.target).run(primary) != status.last_promoted_spec:
        raise Unproven(f"Succeeded, but the primary does not carry {status.last_promoted_spec}")
    wanted = int(primary["spec"].get("replicas", 1))
    fresh = sum(pod.template == primary["spec"]["template"] and pod.ready_at <= world.now for pod in crew.pods)
    if fresh < max(wanted, 1):
        raise Unproven(f"Succeeded with {fresh} of {wanted} ready pods of the promoted revision")
    if now.in_force is not None and now.in_force.canary:
        raise Unproven(f"Succeeded while {now.in_force.canary} % of the traffic goes to the canary")
    measured(canary)


def measured(canary: Canary) -> None:
    """Every metric has passed at the end of the last step."""
    count = len(canary.analysis.metrics)
    if canary.skips_analysis or not count:
        return
    last = canary.status.analysis[-count:]
    if len(last) < count or any(measurement.verdict != "pass" for measurement in last):
        raise Unproven("Succeeded without a passing measurement of every metric at the last step")


def foretold(now: View, write: Write, past: View | None) -> None:
    """What the world shows was remembered before: a crash at any point loses nothing."""
    status = now.canary.status
    match write:
        case Replace(parts=parts) if "/spec/template" in parts:
            if status.phase not in (Phase.PROMOTING, Phase.INITIALIZING):
                raise Forgetful(f"the primary's template is changed in phase {status.phase}")
        case Apply() if now.written and now.primary and status.phase is not Phase.TERMINATING:
            if past and past.written == now.written:
                return
            if now.written.canary > status.canary_weight and now.written.canary < 100:
                raise Forgetful(f"{now.written.canary} % go to the canary; the status says {status.canary_weight} %")
        case _:
            pass


def in_bounds(world: World, old: CanaryStatus, now: View) -> None:
    """More weight or one more iteration only for a canary that is whole, and never past the end of the analysis."""
    canary, status, analysis = now.canary, now.canary.status, now.canary.analysis
    if status.phase is not Phase.PROGRESSING or status.run_started_at != old.run_started_at:
        return
    if (status.canary_weight, status.iterations) <= (old.canary_weight, old.iterations):
        return
    target = world.objects.get(canary.target, {})
    wanted = max(int(target.get("spec", {}).get("replicas", 1)), 1)
    if now.target < wanted * analysis.canary_ready_threshold // 100:
        raise Hasty(f"the next step is taken with {now.target} of {wanted} pods of the canary ready")
    limit = min(analysis.weight_limit + max(analysis.step_weight - 1, 0), 100)
    if now.shifts and not analysis.iterations and status.canary_weight > limit:
        raise Overshot(f"{status.canary_weight} % for the canary; the analysis ends at {limit} %")


def released(world: World, now: View, settings: Settings) -> None:
    """At rest the primary runs what the target says."""
    canary = now.canary
    ready = canary.status.condition("Ready")
    target, primary = world.objects.get(canary.target), world.objects.get(names.primary(canary))
    if target is None or primary is None or ready is None or ready.reason != Reason.AT_REST:
        return
    kind = target_for(canary.target)
    if not kind.alike(target, primary, kind.selector(target, settings.selector_labels)):
        raise Swallowed(f"at rest in phase {canary.status.phase}, but the primary does not run the target's template")


def true_weight(now: View) -> None:
    """What people read in the status is what the traffic does."""
    status = now.canary.status
    if now.written is None or status.phase in (Phase.INITIALIZING, Phase.TERMINATING, Phase.NONE):
        return
    emergency = (status.canary_weight and not now.target) or (status.canary_weight < 100 and not now.primary)
    if now.written.canary != status.canary_weight and not emergency:
        raise Untrue(f"canaryWeight is {status.canary_weight}, but {now.written.canary} % go to the canary")
