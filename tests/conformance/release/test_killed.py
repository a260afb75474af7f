"""`davy run` is killed again and again in a release: it goes the way it goes uncut, and no step is free."""

import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from tests.conformance.parts.left import Trace, traces
from tests.conformance.parts.processes import Part, free_ports, start
from tests.conformance.parts.script import answer
from tests.conformance.parts.stage import PATIENCE, Scene, Stage
from tests.conformance.parts.ways import step, steps
from tests.conformance.parts.witness import Manifest
from tests.conformance.release.safety import outages

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

INTERVAL = 2
"""Seconds; long enough for a process to start in the middle of a step."""


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    async with stage.scene("killed") as made:
        yield made


def slowed(trace: Trace) -> list[Manifest]:
    made = trace.sources
    for each in made:
        if "analysis" in each["spec"]:
            each["spec"]["analysis"]["interval"] = f"{INTERVAL}s"
    return made


def davy(scene: Scene, directory: Path) -> Part:
    """The operator as a process of its own."""
    [port] = free_ports(1)
    flags = {
        "kubeconfig": scene.stage.plane.kubeconfig,
        "namespace": scene.namespace,
        "metrics-server": scene.metrics,
        "minimum-interval": "1s",
        "listen": "127.0.0.1",
        "port": port,
    }
    return start(
        [sys.executable, "-m", "davy", "run", *(f"--{name}={value}" for name, value in flags.items())], directory
    )


@pytest.mark.parametrize("name", ["gwv1-promote", "k8s-promote"])
async def test_a_release_survives_a_kill_after_every_step(name: str, scene: Scene, tmp_path: Path) -> None:
    trace = next(each for each in traces() if each.name == name)
    answer(trace, scene)
    with ExitStack() as stack:
        running = davy(scene, tmp_path)
        stack.callback(lambda: running.end())
        for each in slowed(trace):
            await scene.create(each)
        await scene.reached("Initialized")
        await trace.release(scene, "1.1")
        seen, kills = None, 0
        while scene.seen.status()["phase"] != "Succeeded":
            seen = await moved(scene, seen)
            running.process.kill()
            running.process.wait()
            running, kills = davy(scene, tmp_path), kills + 1
        await scene.seen.quiet(2 * INTERVAL, within=PATIENCE)
    assert kills >= 5
    assert steps(scene.seen.statuses()) == steps(trace.statuses)
    assert min(gaps(scene.seen.statuses())) >= INTERVAL
    assert [str(each) for each in outages(scene.seen.history())] == []


async def moved(scene: Scene, before: object) -> object:
    """Waits until the release has come further; how far it is."""

    def further() -> object:
        status = scene.seen.status()
        now = (status["phase"], step(status))
        return now if now not in (before, ("Initialized", 0)) else None

    return await scene.seen.until(further, within=PATIENCE, why=lambda: f"it stays at {scene.seen.status()}")


def gaps(statuses: list[Manifest]) -> list[float]:
    """Seconds between each two steps of the analysis."""
    begun: dict[int, datetime] = {}
    for status in statuses:
        if status.get("phase") == "Progressing" and status.get("lastStepAt"):
            begun.setdefault(step(status), datetime.fromisoformat(status["lastStepAt"]))
    return [(later - earlier).total_seconds() for earlier, later in pairwise(begun.values())]
