"""Runs in which a property was broken once, and what must happen in them instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from davy.api.ref import Manifest
from davy.sim.faults import Crash, Deed, Faults
from davy.sim.run import Run
from davy.sim.scenarios import ALL, APEX, APP, PRIMARY, ROUTE, Case


def weights(run: Run) -> list[int]:
    return [backend["weight"] for backend in run.world.objects[ROUTE]["spec"]["rules"][0]["backendRefs"]]


def ready(run: Run) -> Manifest:
    return next(item for item in run.status["conditions"] if item["type"] == "Ready")


def begun(scenario: str, *deeds: Any, **faults: Any) -> Run:
    return Case(ALL[scenario], Faults(deeds=deeds, **faults)).run()


def test_traffic_moved_in_initialization_goes_back_to_the_target_while_the_primary_is_lost() -> None:
    run = begun("begins, weighted")
    run.until(lambda run: bool(run.status.get("routedAt")))
    run.happens("lose primary", 30)
    run.rest()
    assert weights(run) == [0, 100]
    run.to_the_end()
    assert weights(run) == [100, 0]
    assert run.phase == "Initialized"


def test_the_apex_moved_in_initialization_goes_back_to_the_target_while_the_primary_is_lost() -> None:
    run = begun("begins, blue-green")
    run.until(lambda run: bool(run.status.get("routedAt")))
    run.happens("remove primary")
    run.rest()
    assert run.world.objects[APEX]["spec"]["selector"] == {"app": "app"}
    run.to_the_end()
    assert run.world.objects[APEX]["spec"]["selector"] == {"app": "app-primary"}


def test_a_users_apex_leaves_a_dead_target_also_before_the_primary_is_complete() -> None:
    run = begun("users' apex", Deed(do="lose target", second=0.19, value=20.6))
    run.until(lambda run: run.world.ready(PRIMARY) == 1)
    assert run.world.objects[APEX]["spec"]["selector"] == {"app": "app-primary"}
    assert run.to_the_end().phase == "Succeeded"


def test_drift_is_put_back_also_while_the_canary_is_being_deleted() -> None:
    run = begun("deleted, weighted", Deed(do="weigh", value=23, write=2))
    run.until(lambda run: len(run.writes) >= 2)
    assert run.world.ready(APP) == 0
    assert weights(run) == [100, 0]
    run.to_the_end()
    assert run.world.ready(APP) == 2


def test_a_rollback_without_a_primary_says_what_is_wrong_and_scales_nothing_down() -> None:
    run = begun("never ready, blue-green", Deed(do="remove primary", second=63.46))
    run.to_the_end()
    assert run.phase == "Failed"
    assert ready(run)["reason"] == "PrimaryStuck"
    assert "app-primary is not ready" in run.status["message"]
    assert run.world.objects[APP]["spec"]["replicas"] == 2
    assert run.world.objects[PRIMARY]["spec"]["template"] != {}


def test_the_target_keeps_its_pods_while_the_apex_selects_it() -> None:
    """The primary died, so the apex moved; one pod of it came back, which was taken for everything being back."""
    run = begun("bad, watched", Deed(do="lose primary", second=31.29, value=81.9))
    run.until(lambda run: run.world.ready(PRIMARY) == 1 and run.second > 60)
    assert run.world.objects[APEX]["spec"]["selector"] == {"app": "app"}
    assert run.world.ready(APP) == 2
    run.to_the_end()
    assert run.world.objects[APEX]["spec"]["selector"] == {"app": "app-primary"}
    assert run.world.ready(APP) == 0


@pytest.mark.parametrize("luck", [{"lose": (9,)}, {"crashes": (Crash(9),)}, {"crashes": (Crash(10),)}])
def test_traffic_that_moved_again_settles_again_also_when_putting_it_back_is_cut_short(luck: Any) -> None:
    """The old settle time is forgotten before the drift is put back: afterwards nothing shows that it was there."""
    run = begun("skipped, weighted", Deed(do="weigh", second=11.01, value=17), **luck).to_the_end()
    assert run.phase == "Succeeded"


@pytest.mark.parametrize("write", [0, 1, 2])
def test_a_canary_that_is_deleted_while_nobody_is_there_still_gets_its_target_back(write: int) -> None:
    """The time that is waited for the target counts from when its pods were asked for, not from the deletion."""
    run = begun("deleted, weighted", crashes=(Crash(write, 600),))
    if not write:
        run.happens("delete")
        run.away_until = run.world.now + timedelta(minutes=10)
    run.to_the_end()
    assert run.world.ready(APP) == 2


@pytest.mark.parametrize("scenario", ["begins, weighted", "begins, blue-green", "users' apex"])
def test_a_canary_may_be_deleted_after_any_write_of_its_initialization(scenario: str) -> None:
    """Also between scaling the target down and remembering so: the property `Abandoned` looks on."""
    for write in range(1, len(begun(scenario).until(lambda run: "Initialized" in run.phases).writes)):
        run = begun(scenario, Deed(do="delete", write=write)).to_the_end()
        assert run.world.ready(APP) == 2
        assert APEX not in run.world.objects or run.world.objects[APEX]["spec"]["selector"] == {"app": "app"}


@pytest.mark.parametrize("away", [9, 45, 59.2, 80, 3000])
def test_the_progress_deadline_does_not_run_while_nobody_asks_for_pods(away: float) -> None:
    run = begun("good, weighted", crashes=(Crash(1, away),)).to_the_end()
    assert run.phase == "Succeeded"
