"""What an operator asks while nothing happens to a hundred canaries that have everything a canary can have."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from tests.disasters.manifests import NAMESPACE
from tests.disasters.stage import Stage

from davy.kube.kinds import Kind

from .apps import App
from .figure import Figure, Goal
from .tap import Asked
from .virtual import cluster, initialized, run

CANARIES = 100
MINUTES = 10
LOUD_MINUTES = 2
SYNC = 15.0
"""Seconds between two statuses that the HPA controller writes."""
HPA = Kind("autoscaling/v2", "HorizontalPodAutoscaler")


def apps() -> Iterator[App]:
    """Half of them on each of two providers."""
    for number in range(CANARIES):
        provider = ("istio", "gatewayapi:v1")[number % 2]
        yield App(name=f"app-{number}", provider=provider, configs=True, scaler=True, affinity=True, hooks=True)


def measure() -> list[Figure]:
    return list(run(_measured()))


async def _measured() -> tuple[Figure, ...]:
    async with cluster() as (made, heard):
        await initialized(made, *apps())
        before, called = len(heard), len(made.outside.calls)
        await made.passes(60.0 * MINUTES)
        quiet, between = operators(heard[before:]), len(heard)
        calls = len(made.outside.calls) - called
        await loud(made)
        return _quiet(quiet, calls), _loud(operators(heard[between:]))


def operators(asked: list[Asked]) -> list[Asked]:
    return [each for each in asked if each.by_operator]


async def loud(made: Stage) -> None:
    """Every autoscaler tells of its load over and over."""
    names = [name for _, name in made.plane.items("horizontalpodautoscalers.autoscaling")]
    for turn in range(int(60 * LOUD_MINUTES / SYNC)):
        body = {"status": {"currentReplicas": 2, "desiredReplicas": 2, "currentMetrics": [current(turn)]}}
        for name in names:
            await made.person.patch(HPA, NAMESPACE, name, body, content="merge", subresource="status")
        await asyncio.sleep(SYNC)


def current(turn: int) -> dict[str, object]:
    value = {"averageUtilization": 40 + turn, "averageValue": f"{40 + turn}m"}
    return {"type": "Resource", "resource": {"name": "cpu", "current": value}}


def _quiet(asked: list[Asked], calls: int) -> Figure:
    opened = Counter(each.verb for each in asked)["WATCH"]
    ours = [each for each in asked if each.verb != "WATCH"]
    return Figure(
        what=f"requests of an operator with {CANARIES} canaries at rest, watches and lease apart",
        unit="per minute",
        values=(len(ours) / MINUTES,),
        goal=Goal(0),
        load=None,
        note=f"{MINUTES} minutes of a virtual clock; half of them on Istio, half on the Gateway API, each with a"
        f" ConfigMap, a Secret, an HPA, session affinity and all eight kinds of hooks. Watches opened anew"
        f" in that time: {opened}; hooks called: {calls}. A lease is one PUT each 5 s.",
    )


def _loud(asked: list[Asked]) -> Figure:
    ours = [each for each in asked if each.verb != "WATCH"]
    return Figure(
        what="the same while every HPA writes its status each 15 s",
        unit="per minute",
        values=(len(ours) / LOUD_MINUTES,),
        goal=Goal(0),
        load=None,
        note=f"{LOUD_MINUTES} minutes, {2 * CANARIES} HPAs.",
    )
