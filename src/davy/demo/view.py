"""What there is to see at one moment, as a value: screens are functions of it."""

from __future__ import annotations

import msgspec

from davy.api.status import Phase
from davy.demo.load.tally import Rate


class Side(msgspec.Struct, frozen=True):
    """The pods of the primary or of the canary."""

    version: str = ""
    ready: int = 0
    wanted: int = 0


class Check(msgspec.Struct, frozen=True):
    """One measurement and how it was judged; `verdict` in the words of the status, `time` as RFC3339."""

    metric: str
    value: float | None
    verdict: str
    min: float | None = None
    max: float | None = None
    time: str = ""


class AppView(msgspec.Struct, frozen=True):
    """One canary. `weight` is the canary's share in percent, `step` its place in the run ("2 of 4"), if it counts.

    `judged`: when anything was last measured (RFC3339), whether `checks`, those of the spec's metrics, has it or not.
    """

    name: str
    provider: str
    phase: Phase = Phase.NONE
    weight: int = 0
    step: str = ""
    failed_checks: int = 0
    primary: Side = Side()
    canary: Side = Side()
    checks: tuple[Check, ...] = ()
    judged: str = ""
    message: str = ""


class Event(msgspec.Struct, frozen=True):
    """A sentence that was said: by the operator about an app, or about a part of the cluster."""

    elapsed: float
    app: str
    warning: bool
    text: str


class View(msgspec.Struct, frozen=True):
    """Everything on the screen; `elapsed` in seconds, `failed` without the bad releases' own errors."""

    elapsed: float = 0.0
    chapter: str = ""
    apps: tuple[AppView, ...] = ()
    rates: tuple[Rate, ...] = ()
    requests: int = 0
    failed: int = 0
    events: tuple[Event, ...] = ()
