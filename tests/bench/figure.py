"""One figure: what was measured, what it should be, and every value that was found."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec import Struct, field

MANY = 20
"""Values from which on a 95th percentile says more than the largest one."""


class Goal(Struct, frozen=True):
    """At most this much, for the median or, where it says so, for another quantile."""

    most: float
    quantile: float = 0.5


class Figure(Struct, frozen=True, kw_only=True):
    """`load`: the machine's load average at the moment of measuring, if it is known; it makes times longer."""

    what: str
    unit: str
    values: tuple[float, ...]
    goal: Goal | None = None
    note: str = ""
    load: float | None = field(default_factory=lambda: os.getloadavg()[0])

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        return None if self.goal is None else quantile(self.values, self.goal.quantile) <= self.goal.most


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of all lies, by the nearest rank."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def short(value: float) -> str:
    """Three figures, and no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
