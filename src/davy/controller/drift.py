"""Tells drift from a quarrel: who keeps changing what we wrote, and how long our next repair then waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from davy.api.ref import Manifest, Ref
from davy.core.edit import part
from davy.core.snapshot import Conflict
from davy.kube.managed_fields import owners_of

OFTEN, WITHIN = 3, 60.0
"""Changed back so many times in so many seconds, it is a quarrel."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two repairs of a field that is quarrelled about; doubled at each."""
CARRIES = frozenset({"Service", "HTTPRoute", "VirtualService"})
"""Kinds that lead people's requests: left to the other writer for longer, they may lead nowhere (ADR 8)."""
QUIET = 600.0
"""Seconds without a change by others after which all is forgotten."""

Parts = Mapping[str, Any]
"""JSON pointer → what stands there; the empty pointer is the whole object, of which the rest is left to others."""


class Written(NamedTuple):
    """A part as we last wrote it: what we asked for, and how the server spelled it."""

    at: float
    wanted: Any
    reply: Any


class Trouble(Struct, frozen=True):
    """A field of ours that others have changed."""

    changes: tuple[float, ...] = ()
    """When; those of a minute."""
    manager: str = ""
    quarrel: bool = False
    pause: float = 0.0
    """Seconds between the last repair and the next."""
    repaired: float = float("-inf")

    @property
    def open(self) -> bool:
        """It has been changed, and not been repaired since."""
        return bool(self.changes) and self.repaired < self.changes[-1]

    @property
    def due(self) -> float:
        return self.repaired + self.pause

    def changed(self, manager: str, now: float) -> Trouble:
        if self.open:
            return self
        changes = (*(time for time in self.changes if now - time < WITHIN), now)
        quarrel = self.quarrel or len(changes) >= OFTEN
        pause = (self.pause or FIRST_PAUSE) if quarrel else 0.0
        return replace(self, changes=changes, manager=manager or self.manager, quarrel=quarrel, pause=pause)

    def mended(self, now: float, longest: float) -> Trouble:
        return replace(self, repaired=now, pause=min(self.pause * 2, longest))


class Drift:
    """Remembers what we wrote in the last minutes. `time`: seconds of a clock that never goes back."""

    def __init__(self, manager: str, time: Callable[[], float]) -> None:
        self._manager = manager
        self._time = time
        self._written: dict[Ref, dict[str, Written]] = {}
        self._troubles: dict[Ref, dict[str, Trouble]] = {}
        self._waiting: dict[Ref, float] = {}
        self._swept = time()

    def may_write(self, ref: Ref, parts: Parts, live: Manifest) -> bool:
        """Whether now is the time. A repair of what is quarrelled about waits; a new wish never does."""
        self._sweep()
        theirs, new = self._compared(ref, parts, live)
        for pointer in theirs:
            self._note(ref, pointer, live)
        due = min((self._troubles[ref][pointer].due for pointer in theirs), default=0.0)
        if new or due <= self._time():
            return True
        self._waiting[ref] = due
        return False

    def wrote(self, ref: Ref, parts: Parts, reply: Manifest) -> None:
        now = self._time()
        longest = FIRST_PAUSE if ref.kind in CARRIES else LONGEST_PAUSE
        written = self._written.setdefault(ref, {})
        for pointer, wanted in parts.items():
            written[pointer] = Written(now, wanted, part(reply, pointer))
        for pointer, trouble in self._troubles.get(ref, {}).items():
            if trouble.open and within(pointer, parts):
                self._troubles[ref][pointer] = trouble.mended(now, longest)

    def spelled(self, ref: Ref, pointer: str, wanted: Any, live: Manifest) -> bool:
        """The part is what the server made of this very wish."""
        written = self._written.get(ref, {}).get(pointer)
        return written is not None and written.wanted == wanted and part(live, pointer) == written.reply

    def conflicts(self, refs: Iterable[Ref]) -> tuple[Conflict, ...]:
        """The quarrels about these objects."""
        self._sweep()
        return tuple(
            Conflict(str(ref), dotted(pointer), trouble.manager)
            for ref in refs
            for pointer, trouble in sorted(self._troubles.get(ref, {}).items())
            if trouble.quarrel
        )

    def again(self, refs: Iterable[Ref]) -> float | None:
        """Seconds until a repair that waits is due, or a quarrel is forgotten."""
        now = self._time()
        moments: list[float] = []
        for ref in refs:
            due = self._waiting.get(ref, now)
            moments += [due] if due > now else []
            moments += [each.changes[-1] + QUIET for each in self._troubles.get(ref, {}).values() if each.quarrel]
        return max(min(moments) - now, 0.0) if moments else None

    def _compared(self, ref: Ref, parts: Parts, live: Manifest) -> tuple[set[str], bool]:
        """The fields that others changed since our last write, and whether anything differs for another reason."""
        theirs: set[str] = set()
        new = False
        for pointer, wanted in parts.items():
            written = self._written.get(ref, {}).get(pointer)
            if written is None:
                new = True
                continue
            held = part(live, pointer)
            changed = {pointer + leaf for leaf in changed_since(written, wanted, held)}
            new = new or wishes(written, wanted, held)
            beside = pointer and not changed and written.wanted == wanted and held != written.reply
            theirs |= {pointer} if beside else changed
        return theirs, new

    def _note(self, ref: Ref, pointer: str, live: Manifest) -> None:
        troubles = self._troubles.setdefault(ref, {})
        manager = writer(live, pointer, self._manager)
        troubles[pointer] = troubles.get(pointer, Trouble()).changed(manager, self._time())

    def _sweep(self) -> None:
        """Forgets what has been quiet long enough, but not how a server spells a wish: it would be wished again."""
        now = self._time()
        for ref, troubles in list(self._troubles.items()):
            self._troubles[ref] = {name: each for name, each in troubles.items() if now - each.changes[-1] < QUIET}
            if not self._troubles[ref]:
                del self._troubles[ref]
        self._waiting = {ref: due for ref, due in self._waiting.items() if due > now}
        if now - self._swept < WITHIN:
            return
        self._swept = now
        for ref, written in list(self._written.items()):
            self._written[ref] = {
                name: each
                for name, each in written.items()
                if now - each.at < QUIET or (name and each.reply != each.wanted)
            }
            if not self._written[ref]:
                del self._written[ref]


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Everything below that has a value of its own; a list is one value."""
    if not isinstance(value, dict) or not value:
        yield pointer, value
        return
    for key, below in value.items():
        step = str(key).replace("~", "~0").replace("/", "~1")
        yield from leaves(below, f"{pointer}/{step}")


def changed_since(written: Written, wanted: Any, live: Any) -> Iterator[str]:
    """What we wished then as now, and is not any more as it was then."""
    for leaf, value in leaves(wanted):
        if part(written.wanted, leaf) == value and part(live, leaf) != part(written.reply, leaf):
            yield leaf


def wishes(written: Written, wanted: Any, live: Any) -> bool:
    """Something is wished that was not wished then, and is not so yet."""
    return any(part(written.wanted, leaf) != value and part(live, leaf) != value for leaf, value in leaves(wanted))


def within(pointer: str, parts: Iterable[str]) -> bool:
    return any(pointer == each or pointer.startswith(f"{each}/") for each in parts)


def dotted(pointer: str) -> str:
    """`spec.selector.app`: the field as people write it."""
    return ".".join(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def writer(live: Manifest, pointer: str, ours: str) -> str:
    """The field manager that wrote the field last: of those that own it, or if nobody does, of all others."""
    steps = tuple(f"f:{step.replace('~1', '/').replace('~0', '~')}" for step in pointer.split("/")[1:])
    owners = owners_of(live, steps) - {ours}
    entries = [
        entry
        for entry in live["metadata"].get("managedFields") or ()
        if (entry["manager"] in owners if owners else entry["manager"] != ours and entry.get("subresource") != "status")
    ]
    last = max(entries, key=lambda entry: entry.get("time") or "", default=None)
    return str(last["manager"]) if last else ""
