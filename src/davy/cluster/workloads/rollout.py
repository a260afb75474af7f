"""The arithmetic of a rollout: how many replicas each ReplicaSet should have now. Numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Limits(NamedTuple):
    """What a Deployment allows: `want` pods, `surge` more while rolling, `unavailable` fewer available ones."""

    want: int
    surge: int = 0
    unavailable: int = 0

    @property
    def most(self) -> int:
        return self.want + self.surge if self.want else 0

    @property
    def fewest_available(self) -> int:
        return self.want - self.unavailable


class Side(NamedTuple):
    """One ReplicaSet: the replicas it is asked for, how many are available, and how many pods still exist at all.

    `most` is the total that its Deployment allowed when it was scaled last.
    """

    name: str
    replicas: int
    available: int = 0
    pods: int = 0
    most: int = 0

    @property
    def good(self) -> int:
        """Available, and not about to be removed: a status may be older than the last scaling."""
        return min(self.available, self.replicas)


Scales = dict[str, int]


def limits(spec: Mapping[str, Any]) -> Limits:
    """Read the limits from a Deployment's spec. A rollout that may neither add nor remove would stand still."""
    want = spec.get("replicas", 1)
    strategy = spec.get("strategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return Limits(want)
    rolling = strategy.get("rollingUpdate") or {}
    surge = math.ceil(_share(rolling.get("maxSurge", "25%"), want))
    unavailable = math.floor(_share(rolling.get("maxUnavailable", "25%"), want))
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Limits(want, surge, min(unavailable, want))


def _share(value: int | str, of: int) -> float:
    if isinstance(value, str) and value.endswith("%"):
        return int(value[:-1]) * of / 100
    return int(value)


def rolling(new: Side, olds: Sequence[Side], within: Limits) -> Scales:
    """The next step of a rolling update: grow the new side, or, where it cannot grow, shrink the old ones."""
    total = new.replicas + sum(old.replicas for old in olds)
    if new.replicas > within.want:
        return {new.name: within.want}
    if new.replicas < within.want and total < within.most:
        return {new.name: min(within.want, new.replicas + within.most - total)}
    return _shrink(new, olds, within, total)


def _shrink(new: Side, olds: Sequence[Side], within: Limits, total: int) -> Scales:
    """Take away old pods, broken ones first, as long as enough available ones remain."""
    spare = total - within.fewest_available - (new.replicas - new.good)
    left = {old.name: old.replicas for old in olds}
    for old in olds:
        broken = max(0, min(old.replicas - old.good, spare))
        left[old.name] -= broken
        spare -= broken
    free = min(spare, new.good + sum(old.good for old in olds) - within.fewest_available)
    for old in olds:
        taken = max(0, min(left[old.name], free))
        left[old.name] -= taken
        free -= taken
    return {old.name: left[old.name] for old in olds if left[old.name] != old.replicas}


def recreate(new: Side, olds: Sequence[Side], within: Limits) -> Scales:
    """The next step of a Recreate: old sides to nothing, and the new one only when no old pod exists any more."""
    if running := {old.name: 0 for old in olds if old.replicas}:
        return running
    if any(old.pods for old in olds) or new.replicas == within.want:
        return {}
    return {new.name: within.want}


def resized(new: Side | None, olds: Sequence[Side], within: Limits, *, is_rolling: bool) -> Scales:
    """The Deployment was resized in the middle of things: every side keeps its share of the whole."""
    sides = [*([new] if new else []), *olds]
    active = [side for side in sides if side.replicas]
    if len(active) <= 1:
        return {only.name: within.want for only in active or sides[:1] if only.replicas != within.want}
    if new and new.replicas == new.good == within.want:
        return {old.name: 0 for old in olds if old.replicas}
    return _in_proportion(active, within) if is_rolling else {}


def _in_proportion(active: Sequence[Side], within: Limits) -> Scales:
    """Every side grows or shrinks by its share; what rounding leaves over goes to the largest ones."""
    missing = within.most - sum(side.replicas for side in active)
    ordered = sorted(active, key=lambda side: -side.replicas)
    after: Scales = {}
    for side in ordered:
        share = round(side.replicas * within.most / (side.most or within.most or 1)) - side.replicas
        share = max(0, min(share, missing)) if missing > 0 else min(0, max(share, missing))
        after[side.name] = side.replicas + share
        missing -= share
    for side in ordered:
        rest = max(missing, -after[side.name])
        after[side.name] += rest
        missing -= rest
    return {side.name: after[side.name] for side in active if after[side.name] != side.replicas}
