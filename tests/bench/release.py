"""A whole cluster, operator and load: how soon releases are seen, bad ones taken back, and what all that asks for."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from davy.demo import figures, logs, manifests
from davy.demo.alongside import alongside
from davy.demo.choreography import deployed, loaded, released, watched_over
from davy.demo.manifests import APPS, BAD, GOOD, SHOP, App, Release
from davy.demo.options import Rates
from davy.demo.ports import free_port
from davy.demo.scene import Scene
from davy.demo.summary import Figures
from davy.demo.theatre import Theatre, theatre

from .figure import Figure, Goal
from .tap import Asked, as_outsider, tapped, verbs

SETTLE, IDLE = 3.0, 15.0
"""Seconds until the last words of a release are said, and seconds in which nothing happens."""

QUICK = App("quick", "kubernetes", {"interval": "1s", "threshold": 1, "iterations": 1}, routed=False)
QUICK_RELEASES = 4
LONGEST = 60.0
BOUNDARY = SHOP.analysis["threshold"]


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as directory, tapped() as heard:
        logs.into(Path(directory) / "bench.log")
        return uvloop.run(_measured(Path(directory), heard))


async def _measured(directory: Path, heard: list[Asked]) -> list[Figure]:
    scene = Scene(figures.process_age)
    async with theatre(scene, directory, port=free_port(0), rates=Rates()) as stage:
        as_outsider(stage.cluster.kubeconfig)
        return await alongside(_played(stage, heard), stage.watchers())


async def _played(stage: Theatre, heard: list[Asked]) -> list[Figure]:
    await deployed(stage)
    await watched_over(stage)
    await loaded(stage)
    good = await _heard(heard, released(stage, SHOP, GOOD))
    bad = await _heard(heard, released(stage, SHOP, BAD))
    memory = stage.figures()
    quick = await _quick(stage, heard)
    await asyncio.sleep(SETTLE)
    idle = await _heard(heard, asyncio.sleep(IDLE))
    await stage.close_doors()
    seen = (_seen(good, SHOP), _seen(bad, SHOP), *quick)
    return [_revision(seen), _rollback(bad), _memory(memory), _idle(idle), _run(good)]


async def _heard(heard: list[Asked], doing: Awaitable[object]) -> list[Asked]:
    """What is asked while that is done."""
    before = len(heard)
    await doing
    return heard[before:]


async def _quick(stage: Theatre, heard: list[Asked]) -> list[float]:
    """More releases, without analysis: how soon each is seen."""
    canary = manifests.canary(QUICK)
    canary["spec"]["skipAnalysis"] = True
    await stage.apply(manifests.deployment(QUICK, Release("1.0")))
    await stage.apply(canary)
    await _until(stage, QUICK, "Initialized")
    found = []
    for number in range(QUICK_RELEASES):
        asked = await _heard(heard, _release(stage, Release(f"{number + 2}.0")))
        found.append(_seen(asked, QUICK))
    return found


async def _release(stage: Theatre, release: Release) -> None:
    await stage.release(QUICK, release)
    await _until(stage, QUICK, "Progressing", "Promoting", "Finalising")
    await _until(stage, QUICK, "Succeeded")


async def _until(stage: Theatre, app: App, *phases: str) -> None:
    scene = stage.scene

    def there() -> bool | None:
        found = scene.canaries.get(app.name)
        return True if found is not None and found.status.phase in phases else None

    await scene.until(there, LONGEST, f"{app.name} to be {' or '.join(phases)}")


def _first(asked: list[Asked], wanted: Callable[[Asked], bool]) -> Asked:
    return next(each for each in asked if wanted(each))


def _status_of(app: App) -> Callable[[Asked], bool]:
    return lambda each: each.by_operator and each.path.endswith(f"/canaries/{app.name}/status")


def _seen(asked: list[Asked], app: App) -> float:
    """Seconds from the answer to the Deployment's patch to the answer to the status that says Progressing."""
    patched = _first(asked, lambda each: not each.by_operator and each.path.endswith(f"/deployments/{app.name}"))
    status = _status_of(app)
    told = _first(asked, lambda each: status(each) and each.written["status"].get("phase") == "Progressing")
    return told.ended - patched.ended


def _revision(seen: tuple[float, ...]) -> Figure:
    return Figure(
        what="new revision seen after the image is set",
        unit="s",
        values=seen,
        goal=Goal(0.2),
        note="from the API server's answer to the patch of the Deployment to its answer to the status that says"
        " Progressing; of the demo's two releases under load, and more of a canary without analysis.",
    )


def _rollback(asked: list[Asked]) -> Figure:
    """The write that remembers the last failed check, and the first write of the route that follows it."""
    status = _status_of(SHOP)
    crossed = _first(asked, lambda each: status(each) and each.written["status"].get("failedChecks", 0) >= BOUNDARY)
    routed = _first(
        asked, lambda each: each.by_operator and each.began >= crossed.ended and "/httproutes/" in each.path
    )
    return Figure(
        what="rollback begun after the check that crosses the threshold",
        unit="ms",
        values=((routed.ended - crossed.ended) * 1000,),
        note="from the answer to the status write that remembers the check to the answer to the HTTPRoute write that"
        " takes the weight back. The goal is one tick, which is the interval of the analysis: 2,000 ms here.",
        goal=Goal(2000),
    )


def _memory(found: Figures) -> Figure:
    return Figure(
        what="memory of the cluster's and the operator's processes together",
        unit="MiB",
        values=(found.cluster_memory + found.operator_memory,),
        goal=Goal(150),
        note=f"resident, after two releases under load: cluster and screen {found.cluster_memory:.0f}, operator"
        f" {found.operator_memory:.0f}; without pods, load generator and Envoy.",
    )


def _idle(asked: list[Asked]) -> Figure:
    ours = [each for each in asked if each.by_operator and each.verb != "WATCH"]
    return Figure(
        what="requests of the idle operator to the API server, watches apart",
        unit="per minute",
        values=(len(ours) * 60 / IDLE,),
        goal=Goal(0),
        note=f"{len(APPS) + 1} canaries at rest for {IDLE:g} s; watches opened anew meanwhile:"
        f" {sum(each.by_operator and each.verb == 'WATCH' for each in asked)}.",
    )


def _run(asked: list[Asked]) -> Figure:
    ours = [each for each in asked if each.by_operator]
    events = sum(each.path.endswith("/events") or "/events/" in each.path for each in ours)
    return Figure(
        what="requests of one good release from 10 to 50 %, promotion included",
        unit="requests",
        values=(float(len(ours)),),
        note=f"{verbs(asked)}; {events} of them Events.",
    )
