"""Drives the real mind through a model cluster, write by write, through whatever bad luck is wished for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from davy.api import codec
from davy.api.canary import Canary, CanarySpec
from davy.api.ref import Manifest, Ref
from davy.api.validate import Problem
from davy.core.decide import decide
from davy.core.plan import Announcement, Ask, Decision, MetricCheck, PingCheck, Plan
from davy.core.snapshot import Answer, Error, NoData, Reading, Snapshot
from davy.perceive import Seen, perceive, reads
from davy.render import Write, render
from davy.settings import Settings
from davy.sim.cache import Cache, version
from davy.sim.deeds import do
from davy.sim.faults import NONE, Deed, Faults
from davy.sim.hands import already, perform
from davy.sim.hands import written as written_to
from davy.sim.safety import Witness, ordered
from davy.sim.world import Conflict, World
from davy.validity import problems

Readings = Callable[[World, Canary, str], Reading]
"""What the metrics server says about a metric of the canary, by the metric's name."""

TICKS_AT_ONCE = 200
"""Ticks without time passing after which a run counts as one that never rests."""

PAUSE = timedelta(seconds=1)
"""After a write that failed."""


class Restless(AssertionError):  # noqa: N818 - a property
    """The mind keeps deciding though nothing happens."""


class Endless(AssertionError):  # noqa: N818 - a property
    """The release is neither over nor waiting for a human."""


class Fidgety(AssertionError):  # noqa: N818 - a property
    """Something is written though nothing happened."""


class Backwards(AssertionError):  # noqa: N818 - a property
    """A tick began from a state older than our own last write."""


class Crashed(Exception):  # noqa: N818 - it is what happens
    """The operator dies here."""


class Failed(Exception):  # noqa: N818 - it is what happens
    """A write got no answer, or a bad one."""


@dataclass
class Run:
    """One operator and one canary in one world."""

    world: World
    canary: Ref
    readings: Readings
    settings: Settings = field(default_factory=Settings)
    faults: Faults = NONE
    script: tuple[Deed, ...] = ()
    """Deeds that come one after the other, each when the canary is where the deed says."""
    mind: Callable[[Snapshot], Decision] | None = None
    writes: list[Write] = field(default_factory=list)
    said: list[Announcement] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    coming: dict[str, tuple[datetime, Answer]] = field(default_factory=dict)
    cache: Cache = field(default_factory=Cache)
    again_at: datetime | None = None
    away_until: datetime | None = None
    attempts: int = 0
    ticks: int = 0
    done: int = 0
    """Deeds of the script that were done."""
    lasted: float = 0
    """Seconds until it was over."""
    failed: bool = False
    """The last tick ended at a write that failed; it will be tried again."""
    known: dict[Ref, int] = field(default_factory=dict)
    """Our last write to each object, by its version."""

    def __post_init__(self) -> None:
        self.witness = Witness(self.canary, self.settings)
        self.witness.note(self.world)
        self.cache.relist(self.world)
        self.begin = self.world.now
        self._judged: tuple[CanarySpec, tuple[Problem, ...]] | None = None
        self._at = sorted(timed(self.faults.deeds, self.begin), key=lambda one: one[0])
        self._after = [deed for deed in self.faults.deeds if deed.write is not None]
        self._others()

    def tick(self) -> bool:
        """One tick; whether it changed anything or must be followed by another at once."""
        self.ticks += 1
        self.failed = False
        seen = self._seen()
        if seen is None:
            self.again_at = None
            return False
        snapshot = perceive(seen, self.world.now, self.settings)
        decision = (self.mind or decide)(snapshot)
        status = decision.status if isinstance(decision, Plan) else seen.canary.status
        writes = render(decision.desired, status, seen, snapshot.canary, self.settings)
        ordered(writes, seen.canary, seen.objects)
        try:
            changed = self._write(writes)
        except (Conflict, Failed):
            self.again_at = self.world.now + PAUSE
            self.failed = True
            return False
        except Crashed:
            self._forget()
            return True
        match decision:
            case Ask():
                self.again_at = None
                return self._asked(decision, snapshot.canary) or changed
            case Plan():
                self._remember(decision, seen.canary)
                return changed

    def _seen(self) -> Seen | None:
        raw = self.cache.objects.get(self.canary)
        if raw is None:
            return None
        canary = codec.decode_canary(raw)
        held = self.cache.objects
        first = {ref: held[ref] for ref in reads(canary, self.settings, {}) if ref in held}
        objects = {ref: held[ref] for ref in reads(canary, self.settings, first) if ref in held}
        for ref, manifest in [*objects.items(), (self.canary, raw)]:
            if version(manifest) < self.known.get(ref, 0):
                raise Backwards(f"{ref} is seen at {version(manifest)}, we wrote {self.known[ref]}")
        return Seen(canary=canary, objects=objects, problems=self._problems(canary), answers=dict(self.answers))

    def _problems(self, canary: Canary) -> tuple[Problem, ...]:
        """Of the spec as it stands; no scenario refers to a MetricTemplate, so nothing else matters."""
        if self._judged is None or self._judged[0] != canary.spec:
            self._judged = canary.spec, problems(canary, self.settings, {}, ())
        return self._judged[1]

    def _write(self, writes: tuple[Write, ...]) -> bool:
        before = len(self.writes)
        for write in writes:
            self._attempt(write)
        return len(self.writes) > before

    def _attempt(self, write: Write) -> None:
        """One request. Those that would change nothing are not made, and not counted."""
        ref = written_to(write)
        if already(write, self.cache.objects.get(ref)):
            return
        number = self.attempts + 1
        old, seen_before = self.world.objects.get(ref), self.world.version
        if number in self.faults.refuse or number in self.faults.fail:
            self.attempts += 1
            raise (Conflict if number in self.faults.refuse else Failed)("refused")
        reply = perform(self.world, write)
        if self.world.version == seen_before and ref in self.world.objects:
            return
        self.attempts += 1
        self.writes.append(write)
        if number not in self.faults.lose and reply is not None:
            self.cache.replied(ref, reply)
            self.known[ref] = version(reply)
        self.world.settle()
        self.witness.judge(self.world, write, old, excused=self.cache.misses(self.world))
        self._luck(number)

    def _luck(self, number: int) -> None:
        """What the bad luck has for us after this write."""
        for deed in self._after:
            if deed.write == number:
                self.happens(deed.do, deed.value)
        for crash in self.faults.crashes:
            if crash.write == number:
                self.away_until = self.world.now + timedelta(seconds=crash.away)
                raise Crashed
        if number in self.faults.lose:
            raise Failed("no answer")

    def happens(self, what: str, value: str | float = 0) -> None:
        """Somebody does something (a word of davy.sim.deeds)."""
        do(self.world, what, value)
        self.witness.note(self.world)

    def _forget(self) -> None:
        self.answers.clear()
        self.coming.clear()
        self.known.clear()
        self.again_at = None

    def _asked(self, ask: Ask, canary: Canary) -> bool:
        """Questions are put once; answers to questions that are asked no more are dropped when they come."""
        asked = {question.id: question for question in ask.questions}
        for id_, question in asked.items():
            if id_ not in self.answers and id_ not in self.coming:
                if not isinstance(question, MetricCheck | PingCheck):
                    continue
                metric = canary.analysis.metrics[question.index].name
                reading = self._dark() or self.readings(self.world, canary, metric)
                due = self.world.now + timedelta(seconds=self.faults.slow_answers)
                self.coming[id_] = due, Answer(reading, f"query of {metric}")
        return self._answered()

    def _answered(self) -> bool:
        come = [id_ for id_, (due, _) in self.coming.items() if due <= self.world.now]
        for id_ in come:
            self.answers[id_] = self.coming.pop(id_)[1]
        return bool(come)

    def _dark(self) -> Reading | None:
        second = self.second
        says = next((dark.says for dark in self.faults.dark if dark.span.covers(second)), None)
        return {None: None, "no-data": NoData(), "error": Error("unreachable", "connection refused")}[says]

    def _remember(self, plan: Plan, before: Canary) -> None:
        self.said.extend(plan.says)
        self.again_at = plan.again_at
        if plan.status.phase != before.status.phase:
            self.phases.append(str(plan.status.phase))

    def rest(self) -> None:
        """Ticks until nothing changes at this moment. Raises `Restless`."""
        for _ in range(TICKS_AT_ONCE):
            if self.away:
                return
            if not (blind := self.blind):
                self.cache.catch_up(self.world, self.faults.lag)
            changed = self.tick()
            if self._staged() or changed:
                continue
            if blind or self.away or self.failed:
                return
            if self.cache.told == len(self.world.log):
                self.witness.rested(self.world)
                return
            self.cache.catch_up(self.world)
        raise Restless(f"still deciding after {TICKS_AT_ONCE} ticks at {self.world.now}: {self.said[-1:]}")

    @property
    def away(self) -> bool:
        """The operator does not run. When it comes back it knows only what it then lists."""
        if self.away_until is None:
            return False
        if self.world.now < self.away_until:
            return True
        self.away_until = None
        self.cache = Cache()
        self.cache.relist(self.world)
        return False

    @property
    def blind(self) -> bool:
        """The watch is broken."""
        return any(span.covers(self.second) for span in self.faults.blind)

    def _staged(self) -> bool:
        """The script goes on if the canary is where its next deed says."""
        if self.done == len(self.script) or not stands(self.script[self.done].when, self.status):
            return False
        self.done += 1
        deed = self.script[self.done - 1]
        self.happens(deed.do, deed.value)
        return True

    def until(self, done: Callable[[Run], bool], limit: timedelta = timedelta(hours=2)) -> Run:
        """Lets time pass from event to event until `done`. Raises `Endless` if the limit is reached first."""
        end = self.world.now + limit
        while True:
            self.rest()
            if done(self):
                return self
            if self.world.now >= end:
                raise Endless(f"not done after {limit}: phase {self.phase}, {self.status.get('message')}")
            self._pass_to(min([*self._moments(), end]))

    def quiet(self, span: timedelta) -> int:
        """Lets time pass, event by event; the number of writes meanwhile."""
        before, end = len(self.writes), self.world.now + span
        self.rest()
        while self.world.now < end:
            self._pass_to(min([*self._moments(), end]))
            self.rest()
        return len(self.writes) - before

    def to_the_end(self, limit: timedelta = timedelta(hours=1), still: timedelta = timedelta(minutes=30)) -> Run:
        """Until the script is played, the bad luck is over and the release too; then nothing more may be written."""
        over = self.begin + timedelta(seconds=self.faults.last_second())
        self.until(lambda run: run.world.now >= over and run.settled, limit + (over - self.begin))
        self.lasted = self.second
        if written := self.quiet(still):
            raise Fidgety(f"{written} writes though nothing happened: {[named(one) for one in self.writes[-written:]]}")
        return self

    @property
    def settled(self) -> bool:
        """The release is over, waits for a human, or the canary is gone."""
        if self.canary not in self.world.objects:
            return True
        if self.away or self.coming or self.failed or self.world.next_event():
            return False
        conditions = {item["type"]: item for item in self.status.get("conditions", ())}
        stalled = conditions.get("Stalled", {}).get("status") == "True"
        return stalled or conditions.get("Ready", {}).get("reason") in SETTLED

    def _moments(self) -> Iterator[datetime]:
        ours = () if self.away else (self.again_at, *(due for due, _ in self.coming.values()))
        ends = [self.begin + timedelta(seconds=span.end) for span in self.faults.blind]
        deeds = [moment for moment, _ in self._at[:1]]
        for moment in (*ours, self.away_until, self.world.next_event(), *ends, *deeds):
            if moment is not None and moment > self.world.now:
                yield moment

    def _pass_to(self, moment: datetime) -> None:
        if not self.blind:
            self.cache.catch_up(self.world)  # a cache lags by moments, not by seconds
        self.world.pass_to(moment)
        self._others()
        self._answered()
        self.witness.note(self.world)

    def _others(self) -> None:
        """What others do at this moment."""
        while self._at and self._at[0][0] <= self.world.now:
            _, deed = self._at.pop(0)
            self.happens(deed.do, deed.value)

    @property
    def second(self) -> float:
        return (self.world.now - self.begin).total_seconds()

    @property
    def status(self) -> Manifest:
        status: Manifest = self.world.objects.get(self.canary, {}).get("status", {})
        return status

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))


SETTLED = ("AtRest", "RolledBack", "Suspended")
"""Reasons with which a release is over."""


def named(write: Write) -> str:
    """`Scale Deployment test/app`, for people."""
    return f"{type(write).__name__} {written_to(write)}"


def timed(deeds: tuple[Deed, ...], begin: datetime) -> Iterator[tuple[datetime, Deed]]:
    for deed in deeds:
        if deed.second is not None:
            for index in range(deed.times):
                yield begin + timedelta(seconds=deed.second + deed.every * index), deed


def stands(when: str, status: Manifest) -> bool:
    """Whether the canary is where a deed waits for it."""
    word, _, number = when.partition(" ")
    if number:
        return bool(status.get({"weight": "canaryWeight"}.get(word, word), 0) == int(number))
    if when == "ended":
        return status.get("phase") in ("Succeeded", "Failed") and bool(status.get("runEndedAt"))
    return status.get("phase") == when
