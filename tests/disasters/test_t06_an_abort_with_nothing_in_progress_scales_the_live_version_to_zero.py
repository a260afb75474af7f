"""T6 (argo-rollouts#1292): a command where it makes no sense.

Expected: nothing is done, and a sentence says why, unless a run of that very revision is under way. Tried: every
command (and one that is none) in every state in which no run is under way, and with the name of another revision in
those in which one is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tests.disasters.manifests import APP, PRIMARY, canary, deployment
from tests.disasters.stage import Stage, running, stage

from davy.sim.cases import Case, Scenario
from davy.sim.deeds import APP as TARGET
from davy.sim.deeds import PRIMARY as COPY
from davy.sim.faults import Deed

COMMANDS = ("abort", "promote", "retry", "pause", "resume", "rollback")


@asynccontextmanager
async def initializing() -> AsyncIterator[Stage]:
    async with stage() as s:
        await s.create(deployment("slow30-1", 2))
        await s.until(lambda: s.workloads.ready(APP) == 2)
        await s.create(canary(progressDeadlineSeconds=600))
        await s.start()
        await s.until(lambda: s.exists("deployments.apps", PRIMARY))
        yield s


@asynccontextmanager
async def initialized() -> AsyncIterator[Stage]:
    async with running() as s:
        yield s


@asynccontextmanager
async def succeeded() -> AsyncIterator[Stage]:
    async with running() as s:
        await s.release("1.1")
        await s.ended("Succeeded")
        yield s


@asynccontextmanager
async def failed() -> AsyncIterator[Stage]:
    async with running(readings={"1.2": 50.0}) as s:
        await s.release("1.2")
        await s.ended("Failed")
        yield s


@asynccontextmanager
async def finalising() -> AsyncIterator[Stage]:
    async with running(service={"drainSeconds": 300}) as s:
        await s.passes(300)
        await s.release("1.1")
        await s.reached("Finalising")
        await s.until(lambda: s.weight_written == 0)
        yield s


@asynccontextmanager
async def suspended() -> AsyncIterator[Stage]:
    async with running() as s:
        await s.edit({"spec": {"suspend": True}})
        await s.until(lambda: s.condition("Ready").get("reason") == "Suspended")
        yield s


@asynccontextmanager
async def deleting() -> AsyncIterator[Stage]:
    async with running(service={"drainSeconds": 300}) as s:
        await s.delete()
        await s.reached("Terminating")
        yield s


STATES: dict[str, Callable[[], object]] = {
    "initializing": initializing,
    "initialized": initialized,
    "succeeded": succeeded,
    "failed": failed,
    "finalising": finalising,
    "suspended": suspended,
    "deleting": deleting,
}
MEANT = {("failed", "retry")}
"""What makes sense."""
UNHEARD = pytest.mark.xfail(strict=True, reason="a command is not looked at while the canary is being deleted")


def cases() -> list[object]:
    found = [(state, command) for state in STATES for command in COMMANDS if (state, command) not in MEANT]
    return [pytest.param(*each, marks=[UNHEARD] if each[0] == "deleting" else []) for each in found]


def standing(s: Stage) -> tuple[object, ...]:
    return s.replicas(APP), s.replicas(PRIMARY), s.tag(PRIMARY), s.weight_written, s.selects(), s.phase


@pytest.mark.parametrize(("state", "command"), cases())
async def test_nothing_is_done_and_a_sentence_says_why(state: str, command: str) -> None:
    async with STATES[state]() as s:  # type: ignore[attr-defined]
        before = standing(s)
        await s.command(f"{command} by=alice")
        await s.passes(5)
        assert standing(s) == before
        assert "was refused: " in s.outcome
        assert any(f"{command} by alice was refused" in words for words in s.said())


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_for_another_revision_does_nothing_in_the_middle_of_a_run(command: str) -> None:
    async with running(analysis={"stepWeight": 20, "maxWeight": 60, "interval": "60s"}) as s:
        await s.release("1.1")
        await s.at(weight=20)
        before = standing(s)
        await s.command(f"{command} revision=v1:0000 by=alice")
        await s.passes(5)
        assert standing(s) == before
        assert "was refused: " in s.outcome


async def test_what_makes_sense_is_done_once() -> None:
    """The same words again are the same command, until the annotation has been taken away."""
    async with running(readings={"1.2": 50.0}) as s:
        await s.release("1.2")
        await s.ended("Failed")
        await s.command("retry by=alice")
        await s.reached("Progressing")
        await s.ended("Failed")
        await s.edit({"metadata": {"labels": {"somebody": "writes"}}})
        await s.passes(60)
        assert s.runs_started() == 2
        await s.edit({"metadata": {"annotations": {"davy.dev/command": None}}})
        await s.until(lambda: not s.outcome)
        await s.command("retry by=alice")
        await s.until(lambda: s.runs_started() == 3)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("when", ["Initialized", "Succeeded", "Finalising", "Terminating"])
def test_simulated_in_states_without_a_run(command: str, when: str) -> None:
    script = (
        *((Deed(do="release", value="1.1", when="Initialized"),) if when in ("Succeeded", "Finalising") else ()),
        *((Deed(do="delete", when="Initialized"),) if when == "Terminating" else ()),
        Deed(do="command", value=command, when=when),
    )
    run = Case(Scenario(name="T6", script=script)).run().to_the_end()
    if when == "Terminating":
        assert run.world.ready(TARGET) == 2
    else:
        assert run.world.ready(COPY) == 2
        assert "refused" in run.status["command"]["outcome"]
