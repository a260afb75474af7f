"""Drives the real mind through a model cluster, write by write, through whatever bad luck is wished for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core.decide import decide
from davy.core.plan import Announcement, Ask, Decision, Plan, Question
from davy.core.snapshot import Snapshot
from davy.perceive import Seen, perceive
from davy.render import Status, Write, render
from davy.settings import Settings
from davy.sim.cache import Cache, version
from davy.sim.deeds import do
from davy.sim.faults import NONE, Deed, Faults
from davy.sim.hands import already, perform
from davy.sim.hands import written as written_to
from davy.sim.outside import Desk, Outside, Readings
from davy.sim.safety import Witness, ordered
from davy.sim.sight import Sight
from davy.sim.world import Conflict, Forbidden, World

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
    moves: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of phases that the status went through."""
    desk: Desk = field(default_factory=Desk)
    cache: Cache = field(default_factory=Cache)
    again_at: datetime | None = None
    away_until: datetime | None = None
    attempts: int = 0
    times: list[float] = field(default_factory=list)
    """Second of each attempt."""
    ticks: int = 0
    done: int = 0
    """Deeds of the script that were done."""
    due: datetime | None = None
    """When the next of them is, once the canary has come to where it waits."""
    lasted: float = 0
    """Seconds until it was over."""
    failed: bool = False
    """The last tick ended at a write that failed; it will be tried again."""
    known: dict[Ref, int] = field(default_factory=dict)
    """Our last write to each object, by its version."""
    sight: Sight | None = None
    acted_at: float = 0
    """Second at which somebody last did something."""
    begun: datetime | None = None
    witness: Witness | None = None
    woken: bool = True
    """There is a reason to decide: something was seen to change, an answer came, or the time is up."""

    def __post_init__(self) -> None:
        self.eyes = self.sight or Sight(self.settings)
        self.begin = self.begun or self.world.now
        self._at = sorted(timed(self.faults.deeds, self.begin), key=lambda one: one[0])
        self._due: list[Deed] = []
        self._after = [deed for deed in self.faults.deeds if deed.write is not None]
        if self.witness is None:
            self.judge = Witness(self.canary, self.settings)
            self.judge.note(self.world)
            self.cache.relist(self.world)
        else:
            self.judge = self.witness
        self.judge.disturbed = self.judge.disturbed or bool(self.faults.blind)
        self._others()

    def fork(self, faults: Faults = NONE) -> Run:
        """Another run that begins as this one stands, and has this bad luck: nothing of it may lie in the past."""
        return replace(
            self,
            faults=faults,
            world=self.world.fork(),
            writes=self.writes.copy(),
            times=self.times.copy(),
            said=self.said.copy(),
            phases=self.phases.copy(),
            moves=self.moves.copy(),
            desk=self.desk.fork(),
            cache=self.cache.fork(),
            known=self.known.copy(),
            sight=self.eyes.fork(),
            begun=self.begin,
            witness=self.judge.fork(),
        )

    def tick(self) -> bool:
        """One tick; whether it changed anything or must be followed by another at once."""
        self.ticks += 1
        self.failed = False
        self.judge.tick_at = self.world.now
        seen = self._seen()
        if seen is None:
            self.again_at = None
            return False
        snapshot = perceive(seen, self.world.now, self.settings)
        decision = (self.mind or decide)(snapshot)
        status = decision.status if isinstance(decision, Plan) else seen.canary.status
        writes = render(decision.desired, status, seen, snapshot.canary, self.settings)
        ordered(writes, seen.canary, seen.objects)
        asked = self._ask(decision.questions, snapshot.canary) if isinstance(decision, Ask) else False
        try:
            changed = self._write(writes)
        except (Conflict, Failed, Forbidden):
            self.again_at = self.world.now + PAUSE
            self.failed = True
            return False
        except Crashed:
            self._forget()
            return True
        match decision:
            case Ask():
                self.again_at = decision.again_at
                return asked or changed
            case Plan():
                self._remember(decision, seen.canary)
                return self._ask(decision.asks, snapshot.canary) or changed

    def _seen(self) -> Seen | None:
        held = self.cache.objects
        raw = held.get(self.canary)
        if raw is None:
            return None
        seen = self.eyes.gather(raw, held, self.desk.known, self.unread)
        for ref, manifest in [*seen.objects.items(), (self.canary, raw)]:
            if version(manifest) < self.known.get(ref, 0):
                raise Backwards(f"{ref} is seen at {version(manifest)}, we wrote {self.known[ref]}")
        return seen

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
        self._hindered(number)
        old, seen_before = self.world.objects.get(ref), self.world.version
        reply = perform(self.world, write)
        if self.world.version == seen_before and ref in self.world.objects:
            return
        self._counted()
        self.writes.append(write)
        if number not in self.faults.lose and reply is not None:
            self.cache.replied(ref, reply)
            self.known[ref] = version(reply)
        if isinstance(write, Status):
            self.moves.add((str(write.canary.status.phase), str(write.status.phase)))
        self.world.settle()
        self.judge.judge(self.world, write, old, self.desk, excused=self.cache.misses(self.world))
        self._luck(number)

    def _counted(self) -> None:
        self.attempts += 1
        self.times.append(self.second)

    def _hindered(self, number: int) -> None:
        """What keeps this write from being made, or from being made at once."""
        if number in self.faults.refuse or number in self.faults.fail:
            self._counted()
            raise (Conflict if number in self.faults.refuse else Failed)("refused")
        if number in self.faults.busy:
            self.world.pass_to(self.world.now + PAUSE)
            self._others()
            self.judge.note(self.world)

    def _luck(self, number: int) -> None:
        """What the bad luck has for us after this write."""
        for deed in self._after:
            if deed.write == number and deed.do in BETWEEN:
                self._due.append(deed)
            elif deed.write == number:
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
        self.judge.disturbed = self.judge.disturbed or what not in ORDINARY
        self.acted_at = self.second
        self.judge.note(self.world)

    def _forget(self) -> None:
        self.desk.forget()
        self.judge.died()
        self.known.clear()
        self.again_at = None
        self.eyes.forget()

    def _ask(self, questions: tuple[Question, ...], canary: Canary) -> bool:
        """Whether an answer came at once."""
        note, slow = self.desk.calls.append, self.faults.slow_answers
        outside = Outside(self.world, canary, self.readings, self._dark(), note, slow)
        come = self.desk.ask(questions, outside.answer, self.world.now)
        self.judge.asked(self.desk, canary)
        return come

    def _dark(self) -> dict[str, str]:
        second = self.second
        return {dark.of: dark.says for dark in self.faults.dark if dark.span.covers(second)}

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
                self._hear(self.faults.lag)
            changed = self.tick() if self._called() else False
            if self._staged() or changed:
                self.woken = self.woken or changed
                continue
            if blind or self.away or self.failed:
                return
            if not self._hear(0) and not self._overdue():
                self.judge.rested(self.world, self.desk)
                return
        raise Restless(f"still deciding after {TICKS_AT_ONCE} ticks at {self.world.now}: {self.said[-1:]}")

    def _hear(self, lag: int) -> bool:
        """The watch tells what happened; whether there was anything. What was looked at wakes the canary."""
        told = self.cache.catch_up(self.world, lag)
        self.woken = self.woken or any(ref in self.eyes.wanted or ref == self.canary for ref in told)
        return bool(told)

    def _called(self) -> bool:
        """Whether there is a reason to tick now; it is used up."""
        timely = self.again_at is not None and self.again_at <= self.world.now
        woken, self.woken = self.woken, False
        return woken or timely

    def _overdue(self) -> bool:
        """What happened during the ticks and shows only now; whether there was anything."""
        due, self._due = self._due, []
        for deed in due:
            self.happens(deed.do, deed.value)
        return bool(due)

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
        self.woken = True
        return False

    @property
    def blind(self) -> bool:
        """The watch is broken."""
        return any(span.covers(self.second) for span in self.faults.blind)

    @property
    def unread(self) -> bool:
        """ConfigMaps and Secrets cannot be read."""
        return any(span.covers(self.second) for span in self.faults.unread)

    def _staged(self) -> bool:
        """The script goes on if the canary is where its next deed says, and has been for as long as it says."""
        if self.done == len(self.script):
            return False
        deed = self.script[self.done]
        if self.due is None and stands(deed.when, self.status):
            self.due = self.world.now + timedelta(seconds=deed.after)
        if self.due is None or self.world.now < self.due:
            return False
        self.done += 1
        self.due = None
        self.happens(deed.do, deed.value)
        return True

    def until(
        self,
        done: Callable[[Run], bool],
        limit: timedelta = timedelta(hours=2),
        before: Callable[[Run], None] | None = None,
    ) -> Run:
        """Lets time pass from event to event until `done`. Raises `Endless` if the limit is reached first.

        `before`: called before each moment's ticks.
        """
        end = self.world.now + limit
        while True:
            if before is not None:
                before(self)
            self.rest()
            if done(self):
                return self
            if self.world.now >= end:
                raise Endless(f"not done after {limit}: phase {self.phase}, {self.status.get('message')}")
            self._pass_to(min([*self._moments(), end]))

    def quiet(self, span: timedelta) -> int:
        """Lets time pass, event by event; the number of writes meanwhile. A canary that is looked at again for no
        reason is no reason to write."""
        before, end = len(self.writes), self.world.now + span
        self.rest()
        while self.world.now < end:
            self._pass_to(min([*self._moments(), end]))
            self.woken = True
            self.rest()
        return len(self.writes) - before

    def to_the_end(
        self,
        limit: timedelta = timedelta(hours=1),
        still: timedelta = timedelta(minutes=30),
        before: Callable[[Run], None] | None = None,
    ) -> Run:
        """Until the script is played, the bad luck is over and the release too; then nothing more may be written."""
        over = self.begin + timedelta(seconds=self.faults.last_second())
        self.until(lambda run: run.world.now >= over and run.settled, limit + (over - self.begin), before)
        self.lasted = self.second
        self.judge.over(self.world, self.desk)
        if (written := self.quiet(still)) and not self.barred:
            raise Fidgety(f"{written} writes though nothing happened: {[named(one) for one in self.writes[-written:]]}")
        return self

    @property
    def settled(self) -> bool:
        """The release is over, waits for a human, or the canary is gone."""
        if self.done < len(self.script) and self.due is not None:
            return False
        if self.canary not in self.world.objects:
            return True
        if self.away or self.desk.coming or self.failed or self.world.next_event():
            return False
        conditions = {item["type"]: item for item in self.status.get("conditions", ())}
        stalled = conditions.get("Stalled", {}).get("status") == "True"
        reason = self.reason
        noticed = self.second - max(self.acted_at, self.faults.last_second()) >= NOTICED + 2 * self.faults.slow_answers
        return stalled or reason in SETTLED or (self.barred and noticed)

    @property
    def barred(self) -> bool:
        """A human holds it, or a gate is closed; before a promotion the analysis goes on meanwhile, with its writes."""
        return self.reason == "Paused" or (self.phase in ("Waiting", "WaitingPromotion") and self.reason in BARRED)

    @property
    def reason(self) -> str:
        """Why the canary is not at rest, or that it is."""
        conditions = self.status.get("conditions", ())
        return next((str(item["reason"]) for item in conditions if item["type"] == "Ready"), "")

    def _moments(self) -> Iterator[datetime]:
        ours = () if self.away else (self.again_at, *(way.due for way in self.desk.coming.values()))
        ends = [self.begin + timedelta(seconds=span.end) for span in self.faults.spans()]
        deeds = [moment for moment, _ in self._at[:1]]
        for moment in (*ours, self.due, self.away_until, self.world.next_event(), *ends, *deeds):
            if moment is not None and moment > self.world.now:
                yield moment

    def _pass_to(self, moment: datetime) -> None:
        if not self.blind:
            self._hear(0)  # a cache lags by moments, not by seconds
        unread = self.unread
        self.world.pass_to(moment)
        self._others()
        self.woken = self.woken or (unread and not self.unread)  # what could not be read is tried again
        self.woken = self.desk.come(self.world.now) or self.woken
        self.judge.note(self.world)

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
ORDINARY = ("release", "config", "behave", "load", "command", "delete")
"""Deeds that a release must take without overloading anybody."""
BETWEEN = ("reserve",)
"""Deeds that show only when all rests: in the instant between our scaling of the target and our next look at it, the
server's change of mind cannot be told from an edit."""
BARRED = ("GateClosed", "GateUnreachable", "Paused")
"""Reasons with which one waits for a human before it has begun."""
NOTICED = 45.0
"""Seconds after which hooks have been asked again since somebody did something."""


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
    if word == "gate":
        return (status.get("closedGate") or {}).get("type") == number
    if number:
        return bool(status.get({"weight": "canaryWeight"}.get(word, word), 0) == int(number))
    if when == "ended":
        return status.get("phase") in ("Succeeded", "Failed") and bool(status.get("runEndedAt"))
    return status.get("phase") == when
