"""T13 (argo-rollouts#3080, #3316, #2522, #1904, #3457; flagger#523, #1578, #1247, #1591): a stale cache, a moving
deadline.

Expected: nothing is true only in memory, every reconcile can start from the server's state; an absolute deadline in
the status ends every waiting state; a metric tells that nothing goes on. Stimuli: 409s, lost watches, a compacted
resourceVersion, a clock that jumps, pods that flap, replicas and template changed in one write.

A waiting state without a deadline is one that waits for somebody who is named (a gate, a human, a node); see T14.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import aiohttp
import pytest
from tests.disasters.gateway import Traits
from tests.disasters.manifests import APP, NAMESPACE, PRIMARY, deployment
from tests.disasters.plane import Luck
from tests.disasters.stage import DEPLOYMENT, running

from davy.sim.cases import Case, Scenario
from davy.sim.faults import Deed, Faults, Span

LUCK = [Luck.CONFLICT, Luck.BUSY, Luck.BROKEN, Luck.LOST, Luck.CRASH]


@pytest.mark.parametrize("luck", LUCK)
@pytest.mark.parametrize(("tag", "end"), [("2.0", "Succeeded"), ("2.1", "Failed")])
async def test_every_second_write_of_a_release_meets_with_bad_luck(luck: Luck, tag: str, end: str) -> None:
    async with running(readings={"2.1": 50.0}) as s:
        s.plane.luck = lambda number: luck if number % 2 else None
        await s.release(tag)
        await s.ended(end, within=1800)
        s.plane.luck = lambda number: None
        await s.passes(120)
        assert (s.tag(PRIMARY), s.replicas(APP), s.weight_in_force) == ("2.0" if end == "Succeeded" else "1.0", 0, 0)
        assert s.runs_started() == 1
        assert not await s.quiet(600)


async def test_a_server_that_refuses_all_writes_for_an_hour_is_gone_on_with() -> None:
    async with running() as s:
        await s.release("2.0")
        await s.at(weight=20)
        s.plane.luck = lambda number: Luck.BROKEN
        await s.passes(3600)
        assert s.status()["canaryWeight"] == 20
        s.plane.luck = lambda number: None
        await s.ended("Succeeded")


@pytest.mark.parametrize("compacted", [False, True], ids=["kept", "compacted"])
async def test_watches_that_break_off_all_the_time_lose_nothing(compacted: bool) -> None:
    async with running() as s:
        await s.release("2.0")
        for _ in range(20):
            s.plane.cut()
            if compacted:
                s.plane.store.compact()
            await s.passes(4)
        await s.ended("Succeeded")
        assert (s.tag(PRIMARY), s.runs_started()) == ("2.0", 1)


async def test_what_happens_while_no_watch_is_there_is_found() -> None:
    """The target is edited, its primary deleted and made again, while all watches are down and the log is compacted."""
    async with running(tolerated=None) as s:
        s.plane.cut()
        s.plane.store.compact()
        await s.release("2.0")
        s.plane.store.compact()
        await s.ended("Succeeded")
        assert s.tag(PRIMARY) == "2.0"


async def test_the_deadline_does_not_move_with_pods_that_flap() -> None:
    """flagger#1591: a condition that keeps moving kept the deadline away. Two pods in turns: the rollout never ends."""
    async with running(gateway=Traits(0.0), analysis={"stepWeight": 20, "canaryReadyThreshold": 100}) as s:
        await s.release("flap1-2")
        deadline = datetime.fromisoformat(s.status().get("readyBy") or s.clock().isoformat())
        await s.until(lambda: s.phase == "Failed" or s.status().get("canaryWeight", 0) > 0, within=70)
        assert deadline <= s.clock() + timedelta(seconds=60)


async def test_the_deadline_is_absolute_over_restarts() -> None:
    async with running() as s:
        await s.release("bad-2")
        await s.until(lambda: bool(s.status().get("readyBy")))
        deadline = datetime.fromisoformat(s.status()["readyBy"])
        for _ in range(5):
            await s.restart(away=2)
            await s.passes(5)
        await s.reached("Failed")
        assert abs((s.clock() - deadline).total_seconds()) <= 11


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
async def test_a_clock_that_jumps_stops_nothing(jump: float) -> None:
    async with running() as s:
        await s.release("2.0")
        await s.at(weight=20)
        s.skew = jump
        before = s.now
        await s.until(lambda: s.status()["canaryWeight"] == 40, within=30)
        assert s.now - before <= 21
        await s.ended("Succeeded")


async def test_replicas_and_template_in_one_write_are_one_revision() -> None:
    async with running() as s:
        body = {"spec": {"replicas": 3, "template": deployment("2.0")["spec"]["template"]}}
        await s.person.patch(DEPLOYMENT, NAMESPACE, APP, body, content="merge")
        await s.ended("Succeeded")
        assert (s.tag(PRIMARY), s.runs_started()) == ("2.0", 1)
        assert s.workloads.ready(PRIMARY) == 3


async def test_the_canary_is_made_anew_under_the_same_name_while_the_operator_is_away() -> None:
    async with running("kubernetes", tolerated=None) as s:
        found = s.plane.get("canaries.flagger.app", NAMESPACE, APP)
        assert found is not None
        await s.stop()
        await s.edit({"metadata": {"finalizers": None}})
        await s.delete()
        await s.passes(5)
        await s.scale(APP, 2)
        kept = {key: found["metadata"][key] for key in ("name", "namespace")}
        await s.create({**{key: found[key] for key in ("apiVersion", "kind", "spec")}, "metadata": kept})
        await s.start()
        await s.reached("Initialized")
        await s.release("2.0")
        await s.ended("Succeeded")


NO_SERIES = pytest.mark.xfail(strict=True, reason="there is no series that tells of a canary that does not go on")


@NO_SERIES
async def test_a_series_tells_that_nothing_goes_on() -> None:
    async with running() as s:
        await s.release("2.0")
        await s.at(weight=20)
        s.plane.luck = lambda number: Luck.BROKEN
        await s.passes(600)
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{s.port}/metrics") as answer:
            text = await answer.text()
        lines = [line for line in text.splitlines() if line.startswith("davy_") and 'name="app"' in line]
        assert any(float(line.rpartition(" ")[2]) >= 500 for line in lines)


@pytest.mark.parametrize("second", range(0, 60, 6))
def test_simulated_with_a_broken_watch_a_late_cache_and_refused_writes(second: int) -> None:
    scenario = Scenario(name="T13", script=(Deed(do="release", value="1.1", when="Initialized"),))
    faults = Faults(
        blind=(Span(second, second + 15),), lag=second % 7, refuse=(3, 5, 9), fail=(4, 12), lose=(6, 10), slow_answers=2
    )
    run = Case(scenario, faults).run().to_the_end()
    assert run.phase == "Succeeded"
