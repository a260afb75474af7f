"""Whole releases in the model: what is reached, in which order, what is said, and that nothing is written at rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from davy.api.ref import Manifest
from davy.api.validate import Problem
from davy.core.decide import decide
from davy.core.plan import Plan
from davy.core.snapshot import Snapshot
from davy.perceive import Seen
from davy.sim import scenarios
from davy.sim.crews import APART, START
from davy.sim.faults import Faults
from davy.sim.run import Run
from davy.sim.scenarios import APEX, APP, CANARY, ITERATED, PRIMARY, ROUTE, WEIGHTED, always, by_tag, release, world

BAD = by_tag({"1.2": 80.0})
PROVIDERS = [
    ("gatewayapi:v1", WEIGHTED),
    ("gatewayapi:v1", ITERATED),
    ("kubernetes", ITERATED),
    ("kubernetes", WEIGHTED),
]


def started(
    provider: str = "gatewayapi:v1", analysis: Manifest = WEIGHTED, faults: Faults | None = None, **spec: Any
) -> Run:
    made = world(scenarios.deployment(), scenarios.canary(provider, analysis, **spec))
    run = Run(made, CANARY, BAD, faults=faults or Faults())
    return run.until(lambda run: run.phase == "Initialized")


def ended(run: Run) -> bool:
    return run.phase in ("Succeeded", "Failed") and bool(run.status.get("runEndedAt"))


def image(run: Run, ref: object = APP) -> str:
    return str(run.world.objects[ref]["spec"]["template"]["spec"]["containers"][0]["image"])  # type: ignore[index]


@pytest.mark.parametrize(("provider", "analysis"), PROVIDERS)
def test_a_good_release_is_promoted_and_then_nothing_is_written(provider: str, analysis: Manifest) -> None:
    run = started(provider, analysis)
    release(run.world, "1.1")
    run.until(ended)
    assert run.phases[-4:] == ["Progressing", "Promoting", "Finalising", "Succeeded"]
    assert image(run, PRIMARY).endswith(":1.1")
    assert run.world.objects[APP]["spec"]["replicas"] == 0
    assert run.quiet(timedelta(hours=1)) == 0


@pytest.mark.parametrize(("provider", "analysis"), PROVIDERS)
def test_a_bad_release_is_rolled_back_with_the_number_that_condemned_it(provider: str, analysis: Manifest) -> None:
    run = started(provider, analysis)
    release(run.world, "1.2")
    run.until(ended)
    assert run.phase == "Failed"
    assert image(run, PRIMARY).endswith(":1.0")
    assert run.world.objects[APP]["spec"]["replicas"] == 0
    assert "success rate 80.00% < 99%" in run.status["message"]
    assert run.status["analysis"][-1]["value"] == 80.0
    assert run.quiet(timedelta(hours=1)) == 0


def test_the_sentences_of_a_promotion_are_flaggers() -> None:
    run = started()
    release(run.world, "1.1")
    run.until(ended)
    assert [said.message for said in run.said] == [
        "all the metrics providers are available!",
        "Initialization done! app.test",
        "New revision detected! Scaling up app.test",
        "Starting canary analysis for app.test",
        "Advance app.test canary weight 20",
        "Advance app.test canary weight 40",
        "Copying app.test template spec to app-primary.test",
        "Routing all traffic to primary",
        "Promotion completed! Scaling down app.test",
    ]


def test_every_step_lasts_one_interval() -> None:
    run = started()
    release(run.world, "1.1")
    begun = run.world.now
    run.until(lambda run: run.phase == "Promoting")
    assert run.world.now - begun == timedelta(seconds=START + APART) + 2 * timedelta(seconds=10)


def test_a_new_revision_in_the_middle_starts_over() -> None:
    run = started()
    release(run.world, "1.1")
    run.until(lambda run: run.status.get("canaryWeight") == 40)
    release(run.world, "1.3")
    run.until(lambda run: run.status.get("canaryWeight", 0) == 0 and run.phase == "Progressing")
    assert "New revision detected! Restarting analysis for app.test" in [said.message for said in run.said]
    run.until(ended)
    assert image(run, PRIMARY).endswith(":1.3")


def test_a_canary_that_never_becomes_ready_is_rolled_back_at_its_deadline() -> None:
    run = started()
    release(run.world, "bad-1")
    run.until(ended)
    assert run.phase == "Failed"
    assert image(run, PRIMARY).endswith(":1.0")
    assert any("after 60 s (progressDeadlineSeconds)" in said.message for said in run.said)


@pytest.mark.parametrize("provider", ["gatewayapi:v1", "kubernetes"])
def test_after_a_failed_promotion_the_canary_keeps_serving(provider: str) -> None:
    run = started(provider, ITERATED)
    release(run.world, "pbad-1")
    run.until(lambda run: run.phase == "Failed")
    run.quiet(timedelta(minutes=10))
    assert run.status["canaryWeight"] == 100
    assert run.world.ready(APP) == 2
    assert run.quiet(timedelta(hours=1)) == 0


@pytest.mark.parametrize("provider", ["gatewayapi:v1", "kubernetes"])
def test_a_release_after_a_failed_promotion_mends_it(provider: str) -> None:
    run = started(provider, ITERATED)
    release(run.world, "pbad-1")
    run.until(lambda run: run.phase == "Failed")
    release(run.world, "1.1")
    run.until(lambda run: run.phase == "Succeeded")
    assert image(run, PRIMARY).endswith(":1.1")


def test_without_an_answer_for_the_metric_the_release_fails_as_in_flagger() -> None:
    run = started()
    release(run.world, "none-1")
    run.until(ended)
    assert run.phase == "Failed"
    assert run.status["analysis"][-1]["verdict"] == "no-data"


def test_without_an_answer_the_release_waits_where_the_metric_says_hold() -> None:
    metric = {**scenarios.METRIC, "onNoData": "hold"}
    run = started(analysis={**WEIGHTED, "metrics": [metric]})
    release(run.world, "none-1")
    run.until(lambda run: run.status.get("canaryWeight") == 20)
    run.quiet(timedelta(minutes=10))
    assert (run.phase, run.status["canaryWeight"], run.status.get("failedChecks", 0)) == ("Progressing", 20, 0)


def test_skipping_the_analysis_still_waits_for_the_primary() -> None:
    run = started(skipAnalysis=True)
    release(run.world, "1.1")
    run.until(ended)
    assert run.phase == "Succeeded"
    assert run.world.ready(PRIMARY) == 2
    assert "Promotion completed! Canary analysis was skipped for app.test" in [said.message for said in run.said]


def test_traffic_is_given_back_step_by_step_where_wished() -> None:
    run = started(analysis={**WEIGHTED, "stepWeightPromotion": 30})
    release(run.world, "1.1")
    run.until(ended)
    advances = [said.message for said in run.said if "primary weight" in said.message]
    assert advances == ["Advance app.test primary weight 90", "Advance app.test primary weight 100"]


def test_a_first_primary_that_cannot_start_leaves_the_app_as_it_was() -> None:
    made = world(scenarios.deployment("pbad-1"), scenarios.canary())
    run = Run(made, CANARY, always(100))
    run.until(lambda run: run.status.get("phase") == "Initializing")
    run.quiet(timedelta(minutes=10))
    assert run.phase == "Initializing"
    assert made.ready(APP) == 2
    assert ROUTE not in made.objects
    assert APEX not in made.objects
    release(made, "1.1")
    run.until(lambda run: run.phase == "Initialized")


def test_a_deleted_canary_gives_the_target_its_replicas_and_traffic_back_first() -> None:
    run = started()
    run.world.delete(CANARY)
    run.until(lambda run: CANARY not in run.world.objects)
    assert run.world.ready(APP) == 2
    assert PRIMARY not in run.world.objects


def test_suspended_means_that_nothing_is_touched() -> None:
    run = started()
    scenarios.edit(run.world, suspend=True)
    run.rest()
    release(run.world, "1.1")
    assert run.quiet(timedelta(hours=1)) == 0
    scenarios.edit(run.world, suspend=False)
    run.until(ended)
    assert run.phase == "Succeeded"


def test_a_weight_changed_by_hand_is_put_back_at_once() -> None:
    run = started()
    release(run.world, "1.1")
    run.until(lambda run: run.status.get("canaryWeight") == 20)
    run.happens("weigh", 95)
    run.rest()
    weights = [backend["weight"] for backend in run.world.objects[ROUTE]["spec"]["rules"][0]["backendRefs"]]
    assert weights == [80, 20]
    assert run.phase == "Progressing"


def test_the_mind_is_a_function() -> None:
    """The same snapshot gives the same decision; nothing in it is random."""
    seen: list[Snapshot] = []

    def noted(snapshot: Snapshot) -> object:
        seen.append(snapshot)
        return decide(snapshot)

    run = started()
    run.mind = noted  # type: ignore[assignment]
    release(run.world, "1.1")
    run.until(ended)
    assert len(seen) > 20
    assert all(decide(snapshot) == decide(snapshot) for snapshot in seen)
    assert any(isinstance(decide(snapshot), Plan) for snapshot in seen)


def test_a_rollback_under_an_invalid_spec_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A MetricTemplate is deleted in the middle of a run: the checks fail, and what was begun must still be ended."""
    run = started()
    release(run.world, "1.2")
    run.until(lambda run: run.status.get("canaryWeight") == 20)
    gone = Problem("spec.analysis.metrics[0].templateRef", "TemplateMissing", "is gone", "error")
    real = run.eyes.gather

    def gather(*what: Any) -> Seen:
        found = real(*what)
        return replace(found, problems=(gone,), last_valid=found.canary.spec)

    monkeypatch.setattr(run.eyes, "gather", gather)
    run.until(lambda run: bool(run.status.get("runEndedAt")))
    weights = [backend["weight"] for backend in run.world.objects[ROUTE]["spec"]["rules"][0]["backendRefs"]]
    assert (run.phase, weights, run.world.objects[APP]["spec"]["replicas"]) == ("Failed", [100, 0], 0)
