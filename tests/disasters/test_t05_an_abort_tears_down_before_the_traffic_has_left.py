"""T5 (argo-rollouts#4867, #4841, #4973): abort at half the traffic, a slow router, replicas and pods that move
meanwhile.

Expected: the weight goes to 0 and stays there; the canary's pods go only after that; no flapping; an abort is
idempotent.
"""

from __future__ import annotations

import pytest
from tests.disasters.gateway import ROUTES, Traits
from tests.disasters.manifests import APP, PRIMARY, SCALER_REF, hook, scaler
from tests.disasters.stage import Stage, running, weight_of

from davy.sim.cases import Case, Scenario
from davy.sim.faults import Deed

HALF = {"stepWeight": 50, "maxWeight": 100, "interval": "60s"}
SLOW = Traits(20.0)
TROUBLES = [("scale", 4), ("lose primary", 10), ("scale primary", 4), ("lose target", 10)]


def weights(s: Stage, since: int = 0) -> list[int]:
    """What the operator wrote into the route."""
    written = s.plane.written[since:]
    return [weight_of(each.event.entry.manifest) for each in written if each.by == "davy" and ROUTES in each.what]


async def half_way(s: Stage) -> int:
    await s.passes(SLOW.seconds)
    await s.release("2.0")
    await s.at(weight=50)
    return len(s.plane.written)


async def test_the_weight_goes_to_zero_once_and_the_pods_after_it() -> None:
    async with running(analysis=HALF, gateway=SLOW) as s:
        begun = await half_way(s)
        await s.command("abort by=alice")
        await s.until(lambda: s.weight_written == 0, within=1)
        await s.passes(5)
        await s.scale(APP, 5)  # somebody wants more of them
        s.workloads.kill(PRIMARY, seconds=10, count=1)  # a pod of the primary is evicted
        await s.until(lambda: s.weight_in_force == 0)
        assert s.workloads.ready(APP) > 0
        await s.ended("Failed")
        assert s.replicas(APP) == 0
        await s.passes(600)
        assert (weights(s, begun), s.replicas(APP), s.tag(PRIMARY)) == ([0], 0, "1.0")
        assert s.outcome == "abort by alice: done"


async def test_an_autoscaler_that_scales_up_does_not_revive_it() -> None:
    async with running(analysis=HALF, gateway=SLOW, before=(scaler(2, 10),), autoscalerRef=SCALER_REF) as s:
        s.scalers.load = {APP: 6, PRIMARY: 6}
        begun = await half_way(s)
        await s.command("abort")
        await s.ended("Failed")
        await s.passes(600)
        assert (weights(s, begun), s.replicas(APP)) == ([0], 0)


async def test_a_second_abort_changes_nothing_and_is_told_so() -> None:
    async with running(analysis=HALF, gateway=SLOW) as s:
        begun = await half_way(s)
        await s.command("abort at=1")
        await s.reached("Failed")
        await s.command("abort at=2")
        await s.until(lambda: "refused" in s.outcome)
        await s.ended("Failed")
        before = len(s.plane.written)
        await s.edit({"metadata": {"annotations": {"davy.dev/command": "abort at=2"}}})
        await s.passes(120)
        assert weights(s, begun) == [0]
        assert not [each for each in s.plane.written[before:] if each.by == "davy" and "canaries" not in each.what]


async def test_the_operator_dies_in_the_middle_of_the_drain() -> None:
    async with running(analysis=HALF, gateway=SLOW) as s:
        begun = await half_way(s)
        await s.command("abort")
        await s.until(lambda: s.weight_written == 0)
        await s.restart(away=5)
        assert s.workloads.ready(APP) == 2
        await s.until(lambda: s.weight_in_force == 0)
        assert s.workloads.ready(APP) == 2
        await s.ended("Failed")
        assert weights(s, begun) == [0]


@pytest.mark.parametrize("known", [True, False], ids=["it is known", "at the same moment"])
async def test_a_primary_that_is_ill_when_the_abort_comes_gets_no_traffic_before_it_serves(known: bool) -> None:
    """All its pods die just before: the canary, bad or not, is the only copy that answers."""
    async with running(analysis=HALF, gateway=Traits(0.0)) as s:
        await half_way(s)
        s.workloads.kill(PRIMARY, seconds=90)
        await s.passes(1 if known else 0)
        await s.command("abort")
        await s.until(lambda: bool(s.outcome))
        assert ("refused" in s.outcome) is known
        await s.passes(60)
        assert (s.weight_in_force, s.workloads.ready(APP)) == (100, 2)
        await s.until(lambda: s.workloads.ready(PRIMARY) == 2)
        assert s.workloads.ready(APP) == 2


async def test_a_rollback_hook_is_an_abort_too() -> None:
    async with running(analysis=HALF, gateway=SLOW) as s:
        s.outside.answers["rollback"] = 403
        hooks = [hook("rollback", f"{s.outside.url}/hook/rollback")]
        await s.edit({"spec": {"analysis": {"webhooks": hooks}}})
        begun = await half_way(s)
        s.outside.answers["rollback"] = 200
        await s.ended("Failed")
        assert weights(s, begun) == [0]
        assert s.replicas(APP) == 0


@pytest.mark.parametrize("second", [0, 7, 31])
@pytest.mark.parametrize("gateway", ["slow", "silent", "ours"])
@pytest.mark.parametrize(
    "trouble", [("scale", 4), ("lose primary", 10), ("scale primary", 4), ("lose target", 10)], ids=str
)
def test_simulated_aborts_while_something_else_happens(second: float, gateway: str, trouble: tuple[str, float]) -> None:
    aborted = Scenario(
        name="T5",
        gateway=gateway,
        analysis={"stepWeight": 50, "maxWeight": 100, "interval": "30s"},
        script=(
            Deed(do="release", value="1.1", when="Initialized"),
            Deed(do="command", value="abort", when="weight 50", after=second),
            Deed(do=trouble[0], value=trouble[1], when="Failed", after=1),
        ),
    )
    run = Case(aborted).run().to_the_end()
    assert run.phase in ("Failed", "Succeeded")
