"""What must hold after every single write, whatever happens: checked against the truth, not against the status."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.status import CanaryStatus, Phase
from davy.core import names
from davy.core.names import FINALIZER, GATEWAY_CONTROLLER
from davy.core.revisions import revision
from davy.core.snapshot import Routing
from davy.perceive import kind_of, scaler_of
from davy.render import Apply, Create, Replace, Scale, Status, Write
from davy.settings import Settings
from davy.sim import capable, endings, sides, steps
from davy.sim.broken import (
    Abandoned,
    Broken,
    CutShort,
    Disordered,
    Forgetful,
    FreeStep,
    Hasty,
    LastCopy,
    Overshot,
    Pinned,
    Swallowed,
    Unasked,
    Unguarded,
    Unproven,
    Unserved,
    Untrue,
)
from davy.sim.calls import Ledger
from davy.sim.hands import written
from davy.sim.order import capacity, ordered
from davy.sim.outside import Desk
from davy.sim.scaling import PAUSED
from davy.sim.view import View, apex_share, view
from davy.sim.world import BEGIN, World

CLOCK_GRAIN = timedelta(milliseconds=1)
LONGEST_SETTLE = 60.0


def settle_time(canary: Canary, settings: Settings, world: World) -> timedelta:
    """How long the canary must have been without traffic before its pods may go."""
    asked = canary.spec.service.drain_seconds
    if world.gateway is not None and world.gateway.controller == GATEWAY_CONTROLLER:
        return timedelta(0)
    seconds = canary.analysis.interval_seconds(settings.minimum_interval.total_seconds()) if asked is None else asked
    return timedelta(seconds=min(seconds, LONGEST_SETTLE) if asked is None else seconds)


@dataclass
class Witness:
    """Remembers what only the past can tell, and judges every write."""

    ref: Ref
    settings: Settings
    tick_at: datetime = BEGIN
    """When the tick began whose writes are judged: it was decided then."""
    unspread_at: datetime | None = None
    """When the target last lost its share of the traffic; None while it has one, or before it ever had."""
    step_at: datetime | None = None
    unserved: bool = False
    last: View | None = None
    known: dict[str, Manifest] = field(default_factory=dict)
    """Revision → the target as it was with that."""
    looked: Manifest | None = None
    """The target as it was last looked at."""
    _seen_at: tuple[int, datetime] | None = None
    disturbed: bool = False
    """Somebody did something that no autoscaler foresees, or the operator died."""
    born: str = ""
    """Uid of the first primary."""
    remade: bool = False
    """Somebody has deleted it, and with it the template that was promoted."""
    provider: str = ""
    """By which the traffic was last split."""
    ledger: Ledger = field(default_factory=Ledger)

    def fork(self) -> Witness:
        """One that has seen the same, and goes on by itself."""
        return replace(self, ledger=self.ledger.fork(), known=self.known.copy())

    def died(self) -> None:
        """The operator is dead: what it did just before may be repeated."""
        self.disturbed = True
        self.ledger.died()

    def note(self, world: World) -> View | None:
        """Something happened that was not our doing."""
        self.last = self._view(world)
        if self.last is None:
            world.shares = {world.target: 100}
        else:
            self._share(world, self.last)
            self.unserved = self.last.unserved() is not None
            self.ledger.commanded(self.last.canary)
        return self.last

    def judge(self, world: World, write: Write, before: Manifest | None, desk: Desk, excused: bool) -> None:
        """A write of ours was made. `excused`: somebody did something that we cannot know yet."""
        past = self.last
        now = self._view(world)
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
        if isinstance(write, Status):
            if past is not None:
                self._remembered(world, past.canary.status, now, desk, excused)
        elif not excused:
            self._done(world, write, before, now, past)

    def _done(self, world: World, write: Write, before: Manifest | None, now: View, past: View | None) -> None:
        foretold(now, write, past)
        unpinned(now.canary, write)
        capable.fed(now, write, before)
        if past is not None:
            if not self.disturbed:
                capable.carried(world, past, now)
            capable.kept(world, past, now)
        if empties(now.canary, write, before):
            self._scaled_down(world, now)

    def _view(self, world: World) -> View | None:
        """By the last provider that anybody knew: a word that means nothing moves no traffic."""
        moment = world.version, world.now
        if self._seen_at == moment:
            return self.last
        self._seen_at = moment
        now = view(world, self.ref, self.settings, self.provider)
        if now is not None and now.written is not None:
            self.provider = now.canary.spec.provider
        if now is not None:
            self._look(world, now.canary)
        return now

    def _look(self, world: World, canary: Canary) -> None:
        """Every revision of the target is remembered by its hash, and whether the primary is the first one."""
        primary = sides.primary(world, canary)
        if primary is not None:
            self.born = self.born or primary["metadata"]["uid"]
            self.remade = self.remade or self.born != primary["metadata"]["uid"]
        live, kind = world.objects.get(canary.target), kind_of(canary)
        if live is None or kind is None or live is self.looked:
            return
        self.looked = live
        side = kind.target(canary, world.objects)
        if side is not None:
            self.known[revision(kind.template(side))] = side

    def _share(self, world: World, now: View) -> None:
        if now.written is None or now.written.canary:
            self.unspread_at = None
        elif self.unspread_at is None:
            self.unspread_at = world.now
        share = now.in_force or Routing(0, 100)
        world.shares = {names.primary(now.canary): share.primary, now.canary.target: share.canary}

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

    def _remembered(self, world: World, old: CanaryStatus, now: View, desk: Desk, excused: bool) -> None:
        self._stepped(old, now)
        status = now.canary.status
        if steps.begun(old, status) or status.phase is not old.phase:
            self.step_at = None
        if status.run_started_at != old.run_started_at and not excused:
            steps.asked_for(old, status, self.known)
        if status.phase is Phase.FAILED and old.phase is not Phase.FAILED and not excused:
            endings.rolled_back(world, now, remade=self.remade)
        if status.phase is Phase.SUCCEEDED and old.phase is Phase.FINALISING and not excused:
            endings.evident(world, now, self.known.get(status.last_applied_spec), self.settings)
            if self.ledger.ordered != status.run_started_at:
                endings.measured(now.canary)
        if not excused:
            steps.in_bounds(world, old, now)
        self.ledger.remembered(old, now, desk, world.now)

    def _stepped(self, old: CanaryStatus, now: View) -> None:
        """Steps of the analysis, its end and the steps of handing back, all of them an interval apart."""
        if not steps.stepped(old, now):
            return
        interval = now.canary.analysis.interval_seconds(self.settings.minimum_interval.total_seconds())
        if self.step_at and self.tick_at - self.step_at + CLOCK_GRAIN < timedelta(seconds=interval):
            moved = f"{steps.described(old)} → {steps.described(now.canary.status)}"
            raise FreeStep(f"{self.tick_at - self.step_at} after the last step ({moved})")
        self.step_at = self.tick_at

    def asked(self, desk: Desk, canary: Canary) -> None:
        """Questions were put."""
        if len(desk.calls) > self.ledger.checked:
            interval = canary.analysis.interval_seconds(self.settings.minimum_interval.total_seconds())
            self.ledger.called(desk, canary, timedelta(seconds=interval))

    def rested(self, world: World, desk: Desk) -> None:
        """Nothing more will happen at this moment; nothing is left to be known."""
        now = self.note(world)
        if now is None or now.canary.spec.suspend:
            return
        if why := now.unserved():
            raise Unserved(f"{why}, and nothing is done about it")
        if desk.coming:
            return  # something is waited for
        if now.shifts and not now.matched:
            endings.true_weight(now)
        endings.released(world, now, self.settings)

    def over(self, world: World, desk: Desk) -> None:
        """All has come to its end."""
        now = self.note(world)
        if now is not None and not now.canary.spec.suspend:
            self.ledger.over(now.canary, desk)


def empties(canary: Canary, write: Write, before: Manifest | None) -> bool:
    """The write takes all pods of the target away, by itself or through the target's autoscaler."""
    ref = written(write)
    if before is None or ref not in (canary.target, names.scaler(canary)) or capacity(write, before) >= 0:
        return False
    return not isinstance(write, Scale) or write.replicas == 0


def unpinned(canary: Canary, write: Write) -> None:
    """What pauses the target's autoscaler is not written into the primary's."""
    if not isinstance(write, Apply | Create) or written(write) != names.primary_scaler(canary):
        return
    if PAUSED in (write.manifest["metadata"].get("annotations") or {}) and scaler_of(canary) is not None:
        raise Pinned(f"{written(write)} is written with the annotation {PAUSED}")


def let_go(world: World, past: View) -> None:
    """The canary is gone, and its primary with it."""
    target = world.objects.get(past.canary.target)
    if target is None:
        return
    if not world.ending and empty(world, past.canary.target, target):
        raise Abandoned("the canary is let go, and its target is at zero")
    left = apex_share(past.canary, world.objects.get(names.apex_service(past.canary)))
    if left is not None and left.primary:
        raise Abandoned("the canary is let go, and the user's own apex Service still selects its primary")


def empty(world: World, ref: Ref, target: Manifest) -> bool:
    match target["kind"]:
        case "Deployment":
            return not int(target["spec"].get("replicas", 1))
        case "DaemonSet":
            return bool(target["spec"]["template"]["spec"].get("nodeSelector"))
        case _:
            return False


def foretold(now: View, write: Write, past: View | None) -> None:
    """What the world shows was remembered before: a crash at any point loses nothing."""
    status = now.canary.status
    match write:
        case Replace(ref=ref, parts=parts) if ref == names.primary(now.canary) and "/spec/template" in parts:
            if status.phase not in (Phase.PROMOTING, Phase.INITIALIZING):
                raise Forgetful(f"the primary's template is changed in phase {status.phase}")
        case Apply() if now.written and now.primary and status.phase is not Phase.TERMINATING:
            if past and past.written == now.written:
                return
            if now.written.canary > status.canary_weight and now.written.canary < 100:
                raise Forgetful(f"{now.written.canary} % go to the canary; the status says {status.canary_weight} %")
        case _:
            pass


__all__ = [
    "Abandoned",
    "Broken",
    "CutShort",
    "Disordered",
    "Forgetful",
    "FreeStep",
    "Hasty",
    "LastCopy",
    "Overshot",
    "Swallowed",
    "Unasked",
    "Unguarded",
    "Unproven",
    "Unserved",
    "Untrue",
    "Witness",
    "ordered",
]
