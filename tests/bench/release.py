"""A whole cluster, operator and load: how soon releases are seen and bad ones taken back, and what that asks for."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable
from pathlib import Path

import uvloop

from davy.demo import figures, manifests
from davy.demo.alongside import alongside
from davy.demo.choreography import deployed, loaded, released, watched_over
from davy.demo.manifests import BAD, GOOD, SHOP, App, Release
from davy.demo.options import Rates
from davy.demo.ports import free_port
from davy.demo.scene import Scene
from davy.demo.summary import Figures
from davy.demo.theatre import Theatre, theatre

from .figure import Figure, Goal
from .tap import Asked, as_outsider, first, seen, status_of, tapped, verbs

QUICK = App("quick", "kubernetes", {"interval": "1s", "threshold": 1, "iterations": 1}, routed=False)
QUICK_RELEASES = 4
LONGEST = 60.0
BOUNDARY = SHOP.analysis["threshold"]


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as name, tapped() as heard:
        return uvloop.run(_measured(Path(name), heard))


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
    await stage.close_doors()
    revisions = (seen(good, SHOP.name), seen(bad, SHOP.name), *quick)
    return [_revision(revisions), _rollback(bad), _memory(memory), _run(good)]


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
        found.append(seen(asked, QUICK.name))
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


def _revision(found: tuple[float, ...]) -> Figure:
    return Figure(
        what="new revision seen after the image is set",
        unit="s",
        values=found,
        goal=Goal(0.2),
        note="from the API server's answer to the patch of the Deployment to its answer to the status that says"
        " Progressing; of the demo's two releases under load, and more of a canary without analysis.",
    )


def _rollback(asked: list[Asked]) -> Figure:
    """The write that remembers the last failed check, and the first write of the route that follows it."""
    status = status_of(SHOP.name)
    crossed = first(asked, lambda each: status(each) and each.written["status"].get("failedChecks", 0) >= BOUNDARY)
    routed = first(asked, lambda each: each.by_operator and each.began >= crossed.ended and "/httproutes/" in each.path)
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


def _run(asked: list[Asked]) -> Figure:
    ours = [each for each in asked if each.by_operator]
    events = sum(each.path.endswith("/events") or "/events/" in each.path for each in ours)
    return Figure(
        what="requests of one good release from 10 to 50 %, promotion included",
        unit="requests",
        values=(float(len(ours)),),
        note=f"{verbs(asked)}; {events} of them Events.",
    )
