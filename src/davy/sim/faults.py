"""Bad luck and other people, as data: written down as JSON it is the replay of a run."""

from __future__ import annotations

from msgspec import Struct


class Deed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that somebody else does, and when: the first of these that is given.

    - `do`, `value`: a word of davy.sim.deeds, and what it needs
    - `second`: seconds after the beginning; then `times` times in all, `every` so many seconds
    - `write`: right after that write of ours (counted from 1)
    - `when`: as soon as the canary is there: a phase, `weight 40`, `iterations 1`, `gate NAME`, `ended` (the run is
      over); `after` so many seconds more
    """

    do: str
    value: str | float = 0
    second: float | None = None
    every: float = 0
    times: int = 1
    write: int | None = None
    when: str = ""
    after: float = 0


class Span(Struct, frozen=True):
    """Seconds after the beginning, from and to."""

    begin: float
    end: float

    def covers(self, second: float) -> bool:
        return self.begin <= second < self.end - 1e-6  # moments are whole microseconds


class Crash(Struct, frozen=True):
    """The operator dies right after that write of ours and comes back after a while, knowing nothing."""

    write: int
    away: float = 0


class Dark(Struct, frozen=True, omit_defaults=True):
    """In this span somebody outside answers something else.

    - `says`: of metrics `no-data` or `error`, of hooks and alerts a word of davy.sim.outside.MANNERS
    - `of`: `metrics`, `hooks` or `alerts`
    """

    span: Span
    says: str = "no-data"
    of: str = "metrics"


class Faults(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bad luck. Writes are counted from 1, those that changed nothing are not."""

    crashes: tuple[Crash, ...] = ()
    refuse: tuple[int, ...] = ()
    """409: another writer came first."""
    busy: tuple[int, ...] = ()
    """429: it is written a second later, and the tick goes on only then."""
    fail: tuple[int, ...] = ()
    """500: nothing was written."""
    lose: tuple[int, ...] = ()
    """A time-out: it was written, and we do not know."""
    lag: int = 0
    """Events by which the cache trails behind while things happen; our own writes are always in it."""
    blind: tuple[Span, ...] = ()
    """The watch is broken: nothing is told, and afterwards only what is left is seen."""
    unread: tuple[Span, ...] = ()
    """ConfigMaps and Secrets cannot be read."""
    dark: tuple[Dark, ...] = ()
    slow_answers: float = 0
    """Seconds until a question is answered."""
    deeds: tuple[Deed, ...] = ()

    def spans(self) -> tuple[Span, ...]:
        return (*self.blind, *self.unread, *(dark.span for dark in self.dark))

    def last_second(self) -> float:
        """When the last of those that have a time is over."""
        ends = [deed.second + deed.every * (deed.times - 1) for deed in self.deeds if deed.second is not None]
        return max([0.0, *ends, *(span.end for span in self.spans())])

    def first_second(self) -> float:
        """Before this second, and before `first_write`, a run with this bad luck is like one without."""
        if self.lag or self.slow_answers:
            return 0.0
        begins = [deed.second for deed in self.deeds if deed.second is not None]
        return min([float("inf"), *begins, *(span.begin for span in self.spans())])

    def first_write(self) -> float:
        numbers = [*self.refuse, *self.busy, *self.fail, *self.lose, *(crash.write for crash in self.crashes)]
        return min([float("inf"), *numbers, *(deed.write for deed in self.deeds if deed.write is not None)])


NONE = Faults()
