"""T14 (flagger#874, #1801, #1248, #1268, #1588): a gate is closed, and other conditions forget that the release goes
on.

Expected: waiting has nothing to do with the phase; analysis and rollback keep working; no weight without ready
endpoints; a hook runs once per step; a gate that cannot be reached is visible, and not the same as one that has not
approved. Stimuli: closed for twelve hours at each point; metrics that turn bad meanwhile; a new revision; a gate that
answers 500, hangs, is gone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.disasters.manifests import APP, PRIMARY, hook
from tests.disasters.outside import HANGS
from tests.disasters.stage import Stage, running

from davy.sim.cases import Case, Scenario
from davy.sim.faults import Dark, Deed, Faults, Span

HOURS = 12 * 3600.0
GONE = "http://127.0.0.1:1/hook"
"""Nobody listens there."""

POINTS = {
    "confirm-rollout": "Waiting",
    "confirm-traffic-increase": "Progressing",
    "confirm-promotion": "WaitingPromotion",
}
"""Gates, and the phase in which a release waits at each."""
MEANWHILE = [("release", "1.3"), ("lose target", 20), ("lose primary", 20), ("annotate", "x")]
UNREACHABLE = {"500": 500, "hangs": HANGS, "gone": -1}


async def gated(s: Stage, *kinds: str, **more: Any) -> None:
    """The canary has hooks of these kinds; the paths of gates answer 403."""
    hooks = [hook(kind, f"{s.outside.url}/hook/{kind}") | more for kind in kinds]
    s.outside.answers |= {kind: 403 for kind in kinds if kind.startswith("confirm") or kind == "rollback"}
    await s.edit({"spec": {"analysis": {"webhooks": hooks}}})


async def at_the_gate(s: Stage, kind: str) -> None:
    await s.until(lambda: (s.status().get("closedGate") or {}).get("type") == kind)


@pytest.mark.parametrize("kind", POINTS)
async def test_closed_for_twelve_hours_and_then_opened(kind: str) -> None:
    """Nothing moves, nothing fails, the target has its pods, and the gate is asked once per interval."""
    async with running(analysis={"stepWeight": 50, "maxWeight": 50, "interval": "5m"}) as s:
        await gated(s, kind)
        await s.release("2.0")
        await at_the_gate(s, kind)
        before = s.weight_written, s.replicas(APP), s.phase
        await s.passes(HOURS)
        assert (s.weight_written, s.replicas(APP), s.phase) == before
        if s.weight_written:
            assert s.workloads.ready(APP) == 2
        assert s.outside.count()[kind] <= HOURS / 300 + 5
        assert s.condition("Ready")["reason"] == "GateClosed"
        assert f"{kind} hook {kind} has not approved yet" in s.status()["message"]
        assert len([words for words in s.said() if "waiting for" in words]) == 1, "it is told once"
        s.outside.answers[kind] = 200
        await s.ended("Succeeded", within=1800)


@pytest.mark.parametrize("kind", ["confirm-traffic-increase", "confirm-promotion"])
async def test_metrics_that_turn_bad_while_waiting_roll_back(kind: str) -> None:
    """flagger#1801: eighteen failures, a threshold of five, and no rollback while it waited."""
    async with running(analysis={"stepWeight": 50, "maxWeight": 50}) as s:
        if kind == "confirm-traffic-increase":
            await s.release("2.0")
            await s.at(weight=50)
            await gated(s, kind)
        else:
            await gated(s, kind)
            await s.release("2.0")
        await at_the_gate(s, kind)
        await s.passes(120)
        s.outside.reading = lambda query: 80.0
        await s.ended("Failed", within=120)
        assert s.tag(PRIMARY) == "1.0"


@pytest.mark.parametrize("kind", POINTS)
async def test_a_new_revision_while_waiting_is_the_one_that_waits(kind: str) -> None:
    async with running(analysis={"stepWeight": 50, "maxWeight": 50}) as s:
        await gated(s, kind)
        await s.release("2.0")
        await at_the_gate(s, kind)
        await s.passes(60)
        await s.release("3.0")
        await s.passes(60)
        s.outside.answers[kind] = 200
        await s.ended("Succeeded")
        assert s.tag(PRIMARY) == "3.0"


@pytest.mark.parametrize("how", UNREACHABLE)
@pytest.mark.parametrize("kind", POINTS)
async def test_a_gate_that_cannot_be_reached_is_not_one_that_has_not_approved(kind: str, how: str) -> None:
    async with running(analysis={"stepWeight": 50, "maxWeight": 50}) as s:
        await gated(s, kind, **({"url": GONE} if how == "gone" else {}))
        s.outside.answers[kind] = max(UNREACHABLE[how], 0)
        await s.release("2.0")
        await s.until(lambda: s.condition("Ready").get("reason") == "GateUnreachable")
        assert "cannot be reached" in s.status()["message"]
        await s.passes(300)
        assert s.tag(PRIMARY) == "1.0"
        assert s.phase != "Failed"
        if how != "gone":
            s.outside.answers[kind] = 403
            await s.until(lambda: s.condition("Ready").get("reason") == "GateClosed")
            s.outside.answers[kind] = 200
            await s.ended("Succeeded")


async def test_half_the_traffic_goes_to_no_empty_side_while_waiting() -> None:
    """flagger#874: somebody scales the canary to zero while a gate is closed; its pods come back or the weight goes."""
    async with running(analysis={"stepWeight": 50, "maxWeight": 50}, tolerated=2.0) as s:
        await gated(s, "confirm-promotion")
        await s.release("2.0")
        await at_the_gate(s, "confirm-promotion")
        await s.scale(APP, 0)
        await s.passes(30)
        assert s.workloads.ready(APP) or s.weight_in_force == 0


@pytest.mark.parametrize("state", ["pods not ready", "at a gate", "in a step"])
async def test_the_rollback_hook_is_heard_in_every_state(state: str) -> None:
    """flagger#1268: it was asked only once the pods were ready."""
    async with running(analysis={"stepWeight": 50, "maxWeight": 50}, progressDeadlineSeconds=3600) as s:
        gates = ("confirm-promotion",) if state == "at a gate" else ()
        await gated(s, "rollback", *gates)
        await s.release("bad-2" if state == "pods not ready" else "2.0")
        if state == "at a gate":
            await at_the_gate(s, "confirm-promotion")
        elif state == "in a step":
            await s.at(weight=50)
        else:
            await s.passes(20)
        s.outside.answers["rollback"] = 200
        await s.ended("Failed", within=60)
        assert (s.tag(PRIMARY), s.weight_in_force, s.replicas(APP)) == ("1.0", 0, 0)


async def test_hooks_run_once_per_revision_step_and_end() -> None:
    """flagger#1248: tests before the rollout were repeated at every tick of a closed gate."""
    async with running(analysis={"stepWeight": 20, "maxWeight": 60}) as s:
        await gated(s, "pre-rollout", "rollout", "post-rollout", "confirm-traffic-increase")
        s.outside.answers["confirm-traffic-increase"] = 403
        await s.release("2.0")
        await at_the_gate(s, "confirm-traffic-increase")
        await s.passes(300)
        s.outside.answers["confirm-traffic-increase"] = 200
        await s.ended("Succeeded")
        await s.passes(60)
        counts = s.outside.count()
        assert (counts["pre-rollout"], counts["post-rollout"]) == (1, 1)
        keys = [call.key for call in s.outside.called("rollout")]
        assert len(keys) == len(set(keys))
        assert all(keys)


async def test_a_restart_at_a_gate_repeats_no_test_that_has_passed() -> None:
    async with running(analysis={"stepWeight": 20, "maxWeight": 60}) as s:
        await gated(s, "pre-rollout", "confirm-traffic-increase")
        await s.release("2.0")
        await at_the_gate(s, "confirm-traffic-increase")
        for _ in range(3):
            await s.restart(away=20)
            await s.passes(20)
        assert s.outside.count()["pre-rollout"] == 1
        s.outside.answers["confirm-traffic-increase"] = 200
        await s.ended("Succeeded")


async def test_a_slow_gate_delays_no_other_canary() -> None:
    """And not its own rollback either."""
    async with running(analysis={"stepWeight": 50, "maxWeight": 50}) as s:
        await gated(s, "confirm-promotion", "rollback")
        s.outside.answers["confirm-promotion"] = HANGS
        await s.release("2.0")
        await s.until(lambda: s.outside.count()["confirm-promotion"] > 0)
        s.outside.answers["rollback"] = 200
        await s.ended("Failed", within=60)


@pytest.mark.parametrize("gate", POINTS)
@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=str)
def test_simulated_with_a_gate_closed_for_twelve_hours(gate: str, meanwhile: tuple[str, Any]) -> None:
    hooks = [{"name": "gate", "type": gate, "url": "http://hooks.test/"}]
    scenario = Scenario(
        name="T14",
        analysis={"stepWeight": 20, "maxWeight": 40, "interval": "60s", "webhooks": hooks},
        script=(
            Deed(do="behave", value=f"{gate} closed", when="Initialized"),
            Deed(do="release", value="1.1", when="Initialized"),
            Deed(do=meanwhile[0], value=meanwhile[1], when=POINTS[gate], after=3600),
            Deed(do="behave", value=f"{gate} open", when=POINTS[gate], after=HOURS),
        ),
    )
    run = Case(scenario).run().to_the_end(limit=timedelta(hours=14))
    assert run.phase == "Succeeded"


@pytest.mark.parametrize("says", ["broken", "gone", "silent"])
def test_simulated_with_hooks_that_cannot_be_reached(says: str) -> None:
    hooks = [{"name": kind, "type": kind, "url": "http://hooks.test/"} for kind in (*POINTS, "pre-rollout", "rollout")]
    scenario = Scenario(
        name="T14",
        analysis={"stepWeight": 20, "maxWeight": 40, "threshold": 100, "webhooks": hooks},
        script=(Deed(do="release", value="1.1", when="Initialized"),),
    )
    run = Case(scenario, Faults(dark=(Dark(Span(10, 400), says, "hooks"),))).run().to_the_end()
    assert run.phase == "Succeeded"
