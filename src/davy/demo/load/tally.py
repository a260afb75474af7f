"""What came back: every answer counted by target, version and status, and which of them failed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable
from typing import NamedTuple

import msgspec

CONNECT = "connect"  # no connection
RESET = "reset"  # the connection ended before the answer did
TIMEOUT = "timeout"
MALFORMED = "malformed"  # no HTTP answer
VERSIONLESS = "versionless"  # an answer that no release has signed: the proxy's own

MOST_TROUBLE = 20  # of these the circumstances are kept; all are counted


class Outcome(NamedTuple):
    """How one request ended. `status` is 0 without an answer, `version` is empty if none was named."""

    target: str
    version: str
    status: int
    failure: str = ""


class Count(msgspec.Struct, frozen=True):
    """How many requests ended in one way."""

    target: str
    version: str
    status: int
    failure: str
    count: int

    @property
    def failed(self) -> bool:
        """Whether these requests did not get what they asked for."""
        return bool(self.failure) or not 200 <= self.status < 300


class Rate(msgspec.Struct, frozen=True):
    """Answers per second of one version during the last second; an empty version stands for requests without one."""

    target: str
    version: str
    per_second: float


class Trouble(msgspec.Struct, frozen=True):
    """One request that no release answered: `elapsed` in seconds, `words` what was seen."""

    elapsed: float
    target: str
    status: int
    failure: str
    kept_alive: bool
    words: str = ""


class Slowest(msgspec.Struct, frozen=True):
    """The answer that took longest, and when it came; all in seconds."""

    seconds: float = 0.0
    elapsed: float = 0.0
    target: str = ""
    version: str = ""


class Progress(msgspec.Struct, frozen=True):
    """One line of output: all that was counted so far. `held_back`: requests not sent, because too many were open."""

    elapsed: float = 0.0
    counts: tuple[Count, ...] = ()
    rates: tuple[Rate, ...] = ()
    trouble: tuple[Trouble, ...] = ()
    open: int = 0
    held_back: int = 0
    slowest: Slowest = Slowest()
    ended: bool = False

    @property
    def requests(self) -> int:
        """Requests that have come to an end, well or not."""
        return sum(count.count for count in self.counts)


class Tally:
    """Counts outcomes."""

    def __init__(self) -> None:
        self.held_back = 0
        self.slowest = Slowest()
        self._counts: Counter[Outcome] = Counter()
        self._trouble: list[Trouble] = []
        self._before: deque[tuple[float, Counter[tuple[str, str]]]] = deque(maxlen=5)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self._counts[outcome] += 1

    def remember(self, trouble: Trouble) -> None:
        """Keep the circumstances of a failure, if it is one of the first."""
        if len(self._trouble) < MOST_TROUBLE:
            self._trouble.append(trouble)

    def progress(self, elapsed: float, *, open_now: int = 0, ended: bool = False) -> Progress:
        """Everything counted so far; rates are taken over the last (up to five) calls."""
        counts = tuple(Count(*outcome, count) for outcome, count in sorted(self._counts.items()))
        rates = self._rates(elapsed)
        return Progress(
            elapsed=round(elapsed, 3),
            counts=counts,
            rates=rates,
            trouble=tuple(self._trouble),
            open=open_now,
            held_back=self.held_back,
            slowest=self.slowest,
            ended=ended,
        )

    def _rates(self, elapsed: float) -> tuple[Rate, ...]:
        now: Counter[tuple[str, str]] = Counter()
        for outcome, count in self._counts.items():
            now[outcome.target, outcome.version] += count
        self._before.append((elapsed, now))
        since, then = self._before[0]
        if elapsed <= since:
            return ()
        grown = {key: count - then[key] for key, count in sorted(now.items())}
        return tuple(Rate(*key, round(more / (elapsed - since), 1)) for key, more in grown.items() if more)


def failed_otherwise(counts: Iterable[Count], bad: Container[tuple[str, str]]) -> int:
    """Requests that failed and whose failure was not a bad release's own answer; `bad` holds (target, version)."""
    return sum(count.count for count in counts if count.failed and not _own_error(count, bad))


def _own_error(count: Count, bad: Container[tuple[str, str]]) -> bool:
    return not count.failure and bool(count.version) and (count.target, count.version) in bad
