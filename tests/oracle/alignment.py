"""The cheapest way to lay two sequences beside each other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

GAP = 1.0
"""Cost of an item that has no partner."""


def aligned(left: Sequence[A], right: Sequence[B], cost: Callable[[A, B], float]) -> list[tuple[A | None, B | None]]:
    """Pairs in order; an item without a partner stands beside None. Two items cost `cost`; beyond 2 they never pair."""
    costs = _table(left, right, cost)
    pairs: list[tuple[A | None, B | None]] = []
    i, j = len(left), len(right)
    while i or j:
        if i and j and _same(costs[i][j], costs[i - 1][j - 1] + cost(left[i - 1], right[j - 1])):
            i, j = i - 1, j - 1
            pairs.append((left[i], right[j]))
        elif j and _same(costs[i][j], costs[i][j - 1] + GAP):
            j -= 1
            pairs.append((None, right[j]))
        else:
            i -= 1
            pairs.append((left[i], None))
    return pairs[::-1]


def _same(one: float, other: float) -> bool:
    return abs(one - other) < 1e-9


def _table(left: Sequence[A], right: Sequence[B], cost: Callable[[A, B], float]) -> list[list[float]]:
    """The cheapest cost of each pair of beginnings."""
    costs = [[j * GAP for j in range(len(right) + 1)]]
    for i, one in enumerate(left):
        row = [costs[i][0] + GAP]
        for j, other in enumerate(right):
            row.append(min(costs[i][j] + cost(one, other), costs[i][j + 1] + GAP, row[j] + GAP))
        costs.append(row)
    return costs


def exact(one: object, other: object) -> float:
    """Pairs equal items only."""
    return 0.0 if one == other else float("inf")
