"""Drives the real mind through a model cluster, write by write, with crashes where they are wished for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core.decide import decide
from davy.core.plan import Announcement, Ask, Decision, Plan
from davy.core.snapshot import Answer, Reading, Snapshot
from davy.perceive import Seen, perceive, reads
from davy.render import Write, render
from davy.settings import Settings
from davy.sim.hands import perform
from davy.sim.safety import check
from davy.sim.world import Conflict, World
from davy.validity import problems

Readings = Callable[[World, Canary, str], Reading]
"""What the metrics server says about a metric of the canary, by the metric's name."""

TICKS_AT_ONCE = 200
"""Ticks without time passing after which a run counts as one that never rests."""


class Restless(AssertionError):  # noqa: N818 - a property
    """The mind keeps deciding though nothing happens."""


class Crash(Exception):  # noqa: N818 - it is what happens
    """The operator dies here."""


@dataclass(frozen=True)
class Faults:
    """Bad luck. Counts are of all writes of the run, from 1."""

    crash_after: frozenset[int] = frozenset()
    refuse: frozenset[int] = frozenset()
    """Writes that another writer comes before."""
    lag: int = 0
    """Changes by which the cache trails behind the truth; our own writes are always in it."""


@dataclass
class Cache:
    """What the operator sees: the truth, delivered with delay, and the replies to its own writes."""

    objects: dict[Ref, Manifest] = field(default_factory=dict)
    coming: list[dict[Ref, Manifest]] = field(default_factory=list)

    def told(self, truth: Mapping[Ref, Manifest], lag: int) -> None:
        if not self.coming or self.coming[-1] != truth:
            self.coming.append(dict(truth))
        while len(self.coming) > lag + 1:
            self.coming.pop(0)
        self._take(self.coming[0])

    def caught_up(self) -> None:
        self._take(self.coming[-1])
        self.coming = self.coming[-1:]

    def put(self, ref: Ref, manifest: Manifest | None) -> None:
        if manifest is not None:
            self.objects[ref] = manifest

    def _take(self, state: Mapping[Ref, Manifest]) -> None:
        """Never an older version over a newer one."""
        merged = dict(state)
        for ref, held in self.objects.items():
            if ref in merged and version(held) > version(merged[ref]):
                merged[ref] = held
        self.objects = merged


def version(manifest: Manifest) -> int:
    return int(manifest["metadata"]["resourceVersion"])


@dataclass
class Run:
    """One operator and one canary in one world."""

    world: World
    canary: Ref
    readings: Readings
    settings: Settings = Settings()  # noqa: RUF009 - frozen
    faults: Faults = Faults()
    mind: Callable[[Snapshot], Decision] = decide
    writes: list[Write] = field(default_factory=list)
    said: list[Announcement] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    cache: Cache = field(default_factory=Cache)
    again_at: datetime | None = None
    phases: list[str] = field(default_factory=list)

    def tick(self) -> bool:
        """One tick; whether it changed anything or must be followed by another at once."""
        self.cache.told(self.world.objects, self.faults.lag)
        seen = self._seen()
        if seen is None:
            return False
        snapshot = perceive(seen, self.world.now, self.settings)
        decision = self.mind(snapshot)
        status = decision.status if isinstance(decision, Plan) else seen.canary.status
        try:
            changed = self._write(render(decision.desired, status, seen, snapshot.canary, self.settings))
        except Conflict:
            return True
        except Crash:
            self.answers.clear()
            self.cache = Cache()
            self.again_at = None
            return True
        match decision:
            case Ask():
                return self._answered(decision, snapshot.canary) or changed
            case Plan():
                self._remember(decision, seen.canary)
                return changed

    def _seen(self) -> Seen | None:
        raw = self.cache.objects.get(self.canary)
        if raw is None:
            return None
        canary = codec.decode_canary(raw)
        objects = {ref: self.cache.objects[ref] for ref in reads(canary, self.settings) if ref in self.cache.objects}
        wrong = problems(canary, self.settings, objects, ())
        return Seen(canary=canary, objects=objects, problems=wrong, answers=dict(self.answers))

    def _write(self, writes: tuple[Write, ...]) -> bool:
        changed = False
        for write in writes:
            number = len(self.writes) + 1
            if number in self.faults.refuse and not self._refused(number):
                raise Conflict("another writer came first")
            if perform(self.world, write):
                changed = True
                self.writes.append(write)
                self._safe(write)
                if number in self.faults.crash_after:
                    raise Crash
        return changed

    def _refused(self, number: int) -> bool:
        """A write is refused once."""
        self.faults = Faults(self.faults.crash_after, self.faults.refuse - {number}, self.faults.lag)
        return False

    def _safe(self, write: Write | None) -> None:
        """The reply goes into the cache, then the truth is checked."""
        for ref in self.world.objects:
            if version(self.world.objects[ref]) == self.world.version:
                self.cache.put(ref, self.world.objects[ref])
        check(self.world, self.canary, self.settings, write)

    def _answered(self, ask: Ask, canary: Canary) -> bool:
        asked = {question.id: question for question in ask.questions}
        new = {id_: question for id_, question in asked.items() if id_ not in self.answers}
        self.answers = {id_: answer for id_, answer in self.answers.items() if id_ in asked}
        for id_, question in new.items():
            name = canary.analysis.metrics[question.index].name
            self.answers[id_] = Answer(self.readings(self.world, canary, name), f"query of {name}")
        return bool(new)

    def _remember(self, plan: Plan, before: Canary) -> None:
        self.said.extend(plan.says)
        self.again_at = plan.again_at
        if plan.status.phase != before.status.phase:
            self.phases.append(str(plan.status.phase))

    def rest(self) -> None:
        """Ticks until nothing changes at this moment. Raises `Restless`."""
        for _ in range(TICKS_AT_ONCE):
            if not self.tick():
                self.cache.caught_up()
                if not self.tick():
                    return
        raise Restless(f"still deciding after {TICKS_AT_ONCE} ticks at {self.world.now}")

    def until(self, done: Callable[[Run], bool], limit: timedelta = timedelta(hours=2)) -> Run:
        """Lets time pass from event to event until `done`. Raises `Restless` if the limit is reached first."""
        end = self.world.now + limit
        while True:
            self.rest()
            if done(self):
                return self
            if self.world.now >= end:
                raise Restless(f"not done after {limit}: phase {self.phase}, {self.status.get('message')}")
            self._pass_to(min([*self._moments(), end]))

    def quiet(self, span: timedelta) -> int:
        """Lets time pass, event by event; the number of writes meanwhile."""
        before, end = len(self.writes), self.world.now + span
        while self.world.now < end:
            self._pass_to(min([*self._moments(), end]))
            self.rest()
        return len(self.writes) - before

    def _moments(self) -> Iterator[datetime]:
        for moment in (self.again_at, self.world.next_event()):
            if moment is not None and moment > self.world.now:
                yield moment

    def _pass_to(self, moment: datetime) -> None:
        self.world.pass_time(moment - self.world.now)
        self._safe(None)

    @property
    def status(self) -> Manifest:
        status: Manifest = self.world.objects[self.canary].get("status", {})
        return status

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))
