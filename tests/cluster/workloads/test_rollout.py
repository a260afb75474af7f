"""The rollout's arithmetic: cases that people know, and random walks that must never break the limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.workloads import rollout
from davy.cluster.workloads.rollout import Limits, Side


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (3, "25%", "25%", Limits(3, 1, 0)),
        (10, "25%", "25%", Limits(10, 3, 2)),
        (4, 0, 1, Limits(4, 0, 1)),
        (1, 0, 0, Limits(1, 0, 1)),  # neither more nor fewer: it would stand still
        (3, "0%", "10%", Limits(3, 0, 1)),
        (2, 1, "100%", Limits(2, 1, 2)),
        (2, 1, 5, Limits(2, 1, 2)),
        (0, "25%", "25%", Limits(0, 0, 0)),
    ],
)
def test_limits_round_surge_up_and_unavailable_down(
    replicas: int, surge: Any, unavailable: Any, expected: Limits
) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    found = rollout.limits({"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}})
    assert found == expected or (replicas == 0 and found.want == 0)


def test_recreate_has_no_leeway() -> None:
    assert rollout.limits({"replicas": 3, "strategy": {"type": "Recreate"}}) == Limits(3, 0, 0)


@pytest.mark.parametrize(
    ("new", "olds", "within", "expected"),
    [
        pytest.param(Side("n", 0), [], Limits(3, 1), {"n": 3}, id="first release at once"),
        pytest.param(Side("n", 0), [Side("o", 3, 3)], Limits(3, 1), {"n": 1}, id="surge first"),
        pytest.param(Side("n", 1, 0), [Side("o", 3, 3)], Limits(3, 1), {}, id="wait for the new one"),
        pytest.param(Side("n", 1, 1), [Side("o", 3, 3)], Limits(3, 1), {"o": 2}, id="one for one"),
        pytest.param(Side("n", 1, 1), [Side("o", 2, 3)], Limits(3, 1), {"n": 2}, id="an old status frees nothing"),
        pytest.param(Side("n", 1, 0), [Side("o", 3, 1)], Limits(3, 1, 1), {"o": 2}, id="broken ones first"),
        pytest.param(Side("n", 4, 4), [], Limits(3, 1), {"n": 3}, id="too many new ones"),
        pytest.param(Side("n", 3, 3), [Side("o", 1, 1)], Limits(3, 1), {"o": 0}, id="the last old one"),
        pytest.param(Side("n", 3, 3), [Side("a", 1, 0), Side("b", 1, 1)], Limits(3, 1), {"a": 0, "b": 0}, id="both"),
        pytest.param(Side("n", 0), [Side("o", 4, 4)], Limits(4, 0, 1), {"o": 3}, id="no surge: make room"),
    ],
)
def test_the_next_step_of_a_rolling_update(
    new: Side, olds: list[Side], within: Limits, expected: dict[str, int]
) -> None:
    assert rollout.rolling(new, olds, within) == expected


@pytest.mark.parametrize(
    ("new", "olds", "expected"),
    [
        (Side("n", 0), [Side("o", 3, 3, 3)], {"o": 0}),
        (Side("n", 0), [Side("o", 0, 0, 1)], {}),
        (Side("n", 0), [Side("o", 0, 0, 0)], {"n": 3}),
        (Side("n", 3), [Side("o", 0, 0, 0)], {}),
    ],
)
def test_recreate_waits_for_the_last_old_pod(new: Side, olds: list[Side], expected: dict[str, int]) -> None:
    assert rollout.recreate(new, olds, Limits(3)) == expected


@pytest.mark.parametrize(
    ("new", "olds", "within", "expected"),
    [
        pytest.param(Side("n", 3, 3, 3, 4), [], Limits(5, 2), {"n": 5}, id="one side"),
        pytest.param(Side("n", 0), [Side("o", 0)], Limits(3, 1), {"n": 3}, id="from nothing"),
        pytest.param(Side("n", 5, 5), [Side("o", 1, 1)], Limits(5, 2), {"o": 0}, id="already done"),
        pytest.param(
            Side("n", 5, 0, 0, 13), [Side("o", 8, 8, 8, 13)], Limits(15, 3), {"n": 7, "o": 11}, id="in proportion"
        ),
        pytest.param(Side("n", 1, 1, 1, 4), [Side("o", 3, 3, 3, 4)], Limits(0, 0), {"n": 0, "o": 0}, id="to nothing"),
    ],
)
def test_a_resize_in_the_middle_keeps_the_shares(
    new: Side, olds: list[Side], within: Limits, expected: dict[str, int]
) -> None:
    assert rollout.resized(new, olds, within, is_rolling=True) == expected


@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    want=st.integers(0, 40),
    surge=st.integers(0, 10),
    before=st.integers(1, 60),
)
def test_a_resize_never_exceeds_what_is_allowed(sizes: list[int], want: int, surge: int, before: int) -> None:
    sides = [Side(f"s{n}", size, size, size, before) for n, size in enumerate(sizes)]
    within = Limits(want, surge)
    after = rollout.resized(None, sides, within, is_rolling=True)
    total = sum(after.get(side.name, side.replicas) for side in sides)
    assert all(size >= 0 for size in after.values())
    assert total <= max(within.most, want)


@dataclass
class Crew:
    """A ReplicaSet with its pods (ready or not), and the availability that its status last told."""

    name: str
    replicas: int = 0
    pods: list[bool] = field(default_factory=list)
    told: int = 0

    def side(self) -> Side:
        return Side(self.name, self.replicas, self.told, len(self.pods))

    def act(self) -> None:
        """What the ReplicaSet controller does: too few are added, too many go, the unready first."""
        self.pods += [False] * (self.replicas - len(self.pods))
        self.pods = sorted(self.pods, reverse=True)[: self.replicas]


class World:
    """A Deployment in the middle of releases; every actor may be late, statuses may be old."""

    def __init__(self, within: Limits) -> None:
        self.within = within
        self.crews = [Crew("r0", within.want, [True] * within.want, within.want)]

    def scale(self) -> None:
        olds = [crew.side() for crew in self.crews[:-1]]
        for name, replicas in rollout.rolling(self.crews[-1].side(), olds, self.within).items():
            next(crew for crew in self.crews if crew.name == name).replicas = replicas

    def release(self) -> None:
        self.crews.append(Crew(f"r{len(self.crews)}"))

    def back(self, which: int) -> None:
        self.crews.append(self.crews.pop(which % len(self.crews)))

    def act(self, which: int) -> None:
        self.crews[which % len(self.crews)].act()

    def tell(self, which: int) -> None:
        crew = self.crews[which % len(self.crews)]
        crew.told = sum(crew.pods)

    def ready(self, which: int) -> None:
        crew = self.crews[which % len(self.crews)]
        crew.pods = [True] * len(crew.pods)

    @property
    def available(self) -> int:
        return sum(sum(crew.pods) for crew in self.crews)

    @property
    def asked(self) -> int:
        return sum(crew.replicas for crew in self.crews)


MOVES = st.one_of(
    st.just(("scale",)),
    st.just(("scale",)),
    st.just(("release",)),
    st.tuples(st.sampled_from(["act", "tell", "ready", "back"]), st.integers(0, 5)),
)
LIMITS = st.builds(
    lambda want, surge, unavailable: Limits(want, surge, min(want, unavailable or (0 if surge else 1))),
    st.integers(1, 12),
    st.integers(0, 4),
    st.integers(0, 4),
)


@given(within=LIMITS, moves=st.lists(MOVES, max_size=60))
def test_no_walk_leaves_the_limits(within: Limits, moves: list[tuple[Any, ...]]) -> None:
    world = World(within)
    for move, *arguments in moves:
        getattr(world, move)(*arguments)
        assert world.available >= within.fewest_available
        assert world.asked <= within.most


@given(within=LIMITS, moves=st.lists(MOVES, max_size=30))
def test_every_rollout_ends_when_all_do_their_part(within: Limits, moves: list[tuple[Any, ...]]) -> None:
    world = World(within)
    for move, *arguments in moves:
        getattr(world, move)(*arguments)
    for _ in range(4 * within.want + 4):
        world.scale()
        for which in range(len(world.crews)):
            world.act(which)
            world.ready(which)
            world.tell(which)
    assert world.crews[-1].replicas == within.want == world.available == world.asked
