"""Bad luck and other people, as data: written down as JSON it is the replay of a run."""

from __future__ import annotations

from msgspec import Struct


class Deed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that somebody else does, and when: the first of these that is given.

    - `do`, `value`: a word of davy.sim.deeds, and what it needs
    - `second`: seconds after the beginning; then `times` times in all, `every` so many seconds
    - `write`: right after that write of ours (counted from 1)
    - `when`: as soon as the canary is there: a phase, `weight 40`, `iterations 1`, `ended` (the run is over)
    """

    do: str
    value: str | float = 0
    second: float | None = None
    every: float = 0
    times: int = 1
    write: int | None = None
    when: str = ""


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


class Dark(Struct, frozen=True):
    """In this span the metrics server says something else: `no-data` or `error`."""

    span: Span
    says: str = "no-data"


class Faults(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bad luck. Writes are counted from 1, those that changed nothing are not."""

    crashes: tuple[Crash, ...] = ()
    refuse: tuple[int, ...] = ()
    """409: another writer came first."""
    fail: tuple[int, ...] = ()
    """500: nothing was written."""
    lose: tuple[int, ...] = ()
    """A time-out: it was written, and we do not know."""
    lag: int = 0
    """Events by which the cache trails behind while things happen; our own writes are always in it."""
    blind: tuple[Span, ...] = ()
    """The watch is broken: nothing is told, and afterwards only what is left is seen."""
    dark: tuple[Dark, ...] = ()
    slow_answers: float = 0
    """Seconds until a question is answered."""
    deeds: tuple[Deed, ...] = ()

    def last_second(self) -> float:
        """When the last of those that have a time is over."""
        ends = [deed.second + deed.every * (deed.times - 1) for deed in self.deeds if deed.second is not None]
        return max([0.0, *ends, *(span.end for span in self.blind), *(dark.span.end for dark in self.dark)])


NONE = Faults()
