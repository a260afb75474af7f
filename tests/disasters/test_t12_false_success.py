"""T12 (flagger#1581, #1815, #189; argo-rollouts#4479, #4602, #4604): Succeeded, though nothing good was ever seen.

Expected: success needs positive evidence: all required checks measured and passed, the primary's template equal to
the analysed one, all pods of the primary ready. Tried: a table of odd replies of the metrics server, and one of odd
specs.

What Flagger runs is run (decisions.md, The API 4), also a `maxWeight` that is no multiple of `stepWeight`: in Flagger
that ended with `Succeeded` on the old version; here it ends on the new one.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.disasters.manifests import APP, METRIC, PRIMARY, canary, deployment
from tests.disasters.outside import HANGS
from tests.disasters.stage import Stage, running, stage
from tests.disasters.workloads import DEPLOYMENTS

from davy.kube.errors import Invalid
from davy.sim.cases import Case, Scenario
from davy.sim.faults import Deed

ERROR = '{"status":"error","errorType":"bad_data","error":"invalid parameter \\"query\\": 1:8: parse error"}'
TEXT = '{"status":"success","data":{"resultType":"string","result":[0,"100"]}}'
NO_NUMBER = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"many"]}]}}'
NOT_A_PAIR = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":100}]}}'
RANGE = '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"100"]]}]}}'

SILENT_INFINITY = pytest.mark.xfail(strict=True, reason="an infinite success rate is above every minimum")
SILENT_SERIES = pytest.mark.xfail(strict=True, reason="of several series the last one counts, whatever the others say")

REPLIES: dict[str, Any] = {
    "empty": None,
    "NaN": "NaN",
    "too low": 98.9,
    "an error with status 200": ERROR,
    "a text that looks like a number": TEXT,
    "a sample that is no number": NO_NUMBER,
    "a sample that is no pair": NOT_A_PAIR,
    "a range": RANGE,
    "a login page": "<html><body>Sign in</body></html>",
    "nothing at all": "",
    "half an answer": '{"status":"success","data":',
    "another shape": '{"status":"success","data":[]}',
}


def sample(value: str) -> str:
    """Prometheus' answer with one sample."""
    return f'{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[0,"{value}"]}}]}}}}'


async def never_promoted(s: Stage) -> None:
    await s.release("2.0")
    await s.ended("Failed", within=1800)
    assert s.tag(PRIMARY) == "1.0"
    assert "pass" not in {each["verdict"] for each in s.status()["analysis"]}


@pytest.mark.parametrize("reply", REPLIES)
async def test_a_reply_that_is_no_evidence_promotes_nothing(reply: str) -> None:
    body = sample(REPLIES[reply]) if REPLIES[reply] == "NaN" else REPLIES[reply]
    async with running() as s:
        s.outside.reading = lambda query: body
        await never_promoted(s)


@pytest.mark.parametrize("value", [pytest.param("+Inf", marks=SILENT_INFINITY), "-Inf"])
async def test_an_infinite_value_promotes_nothing(value: str) -> None:
    async with running() as s:
        s.outside.reading = lambda query: sample(value)
        await never_promoted(s)


@pytest.mark.parametrize(
    "series", [[100.0, 100.0, 50.0], pytest.param([50.0, 60.0, 100.0], marks=SILENT_SERIES)], ids=str
)
async def test_several_series_promote_nothing_if_one_of_them_is_bad(series: list[float]) -> None:
    """flagger#1815: the gauge said 1 while other series said 20, and the bad version was shipped."""
    async with running() as s:
        s.outside.reading = lambda query: series
        await s.release("2.0")
        await s.ended("Failed", within=1800)


@pytest.mark.parametrize("status", [HANGS, 301, 401, 404, 429, 500, 503])
async def test_a_metrics_server_that_refuses_promotes_nothing(status: int) -> None:
    async with running() as s:
        s.outside.status = status
        await never_promoted(s)


BAD_METRICS: dict[str, dict[str, Any]] = {
    "a name that nobody knows": {"name": "request-sucess-rate", "interval": "1m", "thresholdRange": {"min": 99}},
    "a template that does not exist": {"name": "mine", "templateRef": {"name": "gone"}, "thresholdRange": {"min": 1}},
    "neither query nor template": {"name": "mine", "interval": "1m", "thresholdRange": {"max": 1}},
}


@pytest.mark.parametrize("metric", BAD_METRICS)
async def test_a_metric_that_cannot_be_measured_is_an_error_and_not_passed_over(metric: str) -> None:
    """flagger#1581."""
    async with stage() as s:
        await s.create(deployment())
        await s.until(lambda: s.workloads.ready(APP) == 2)
        await s.create(canary(analysis={"stepWeight": 50, "metrics": [METRIC, BAD_METRICS[metric]]}))
        await s.start()
        await s.passes(60)
        if s.phase == "Initialized":
            await s.release("2.0")
            await s.passes(600)
        assert s.phase != "Succeeded"
        assert not s.exists(DEPLOYMENTS, PRIMARY) or s.tag(PRIMARY) == "1.0"
        assert s.condition("Ready")["status"] == "False"


ODD_SPECS: dict[str, dict[str, Any]] = {
    "maxWeight is no multiple of stepWeight": {"stepWeight": 30, "maxWeight": 50},
    "maxWeight below stepWeight": {"stepWeight": 50, "maxWeight": 10},
    "stepWeights beyond maxWeight": {"stepWeights": [10, 80], "maxWeight": 50},
    "stepWeight of 100": {"stepWeight": 100},
    "stepWeight beyond 100": {"stepWeight": 150},
    "no metrics": {"stepWeight": 50, "metrics": []},
}


@pytest.mark.parametrize("spec", ODD_SPECS)
async def test_an_odd_spec_succeeds_only_with_the_new_version(spec: str) -> None:
    async with running(analysis=ODD_SPECS[spec]) as s:
        await s.release("2.0")
        await s.ended("Succeeded", within=1800)
        assert (s.tag(PRIMARY), s.workloads.ready(PRIMARY), s.weight_in_force) == ("2.0", 2, 0)


REFUSED: dict[str, dict[str, Any]] = {
    "no step at all": {"maxWeight": 50},
    "iterations with weights": {"iterations": 2, "stepWeight": 20, "maxWeight": 50},
}


@pytest.mark.parametrize("spec", REFUSED)
async def test_what_never_worked_is_refused_by_the_definition(spec: str) -> None:
    async with stage() as s:
        with pytest.raises(Invalid, match=r"spec\.analysis"):
            await s.create(canary(analysis=REFUSED[spec]))


async def test_steps_that_would_never_end_start_nothing_and_say_so() -> None:
    """Flagger stays at 50 % for ever."""
    async with stage() as s:
        await s.create(deployment(), canary(analysis={"stepWeights": [50, 20, 90]}))
        await s.start()
        await s.until(lambda: "spec.analysis.stepWeights" in s.condition("Ready").get("message", ""))
        assert (s.phase, s.exists(DEPLOYMENTS, PRIMARY)) == ("", False)


async def test_skipping_the_analysis_waits_for_the_primary() -> None:
    """flagger#1202: Flagger reports Succeeded in the tick that changes the template."""
    async with running(skipAnalysis=True) as s:
        s.workloads.hold(PRIMARY)
        await s.release("2.0")
        await s.passes(30)
        assert s.phase != "Succeeded"
        assert s.workloads.ready(APP) == 2
        s.workloads.hold(PRIMARY, held=False)
        await s.ended("Succeeded")
        assert s.workloads.ready(PRIMARY) == 2


async def test_what_is_promoted_is_what_was_analysed() -> None:
    """The target is edited in the very moment in which the template is to be copied."""
    async with running(analysis={"stepWeight": 50, "maxWeight": 50}) as s:
        await s.release("2.0")
        await s.at(weight=50)
        await s.reached("Promoting")
        await s.release("2.1")
        copied: list[tuple[str, int]] = []
        s.plane.hear(DEPLOYMENTS, lambda _: copied.append((s.tag(PRIMARY), s.runs_started())))
        await s.until(lambda: s.tag(PRIMARY) == "2.1")
        assert ("2.1", 1) not in copied, "only a run of its own brings it into the primary"
        await s.ended("Succeeded")


@pytest.mark.parametrize("provider", ["gatewayapi:v1", "kubernetes"])
@pytest.mark.parametrize("tag", ["none-1", "err-1", "1.2", "bad-1", "pbad-1"])
def test_simulated_without_evidence(provider: str, tag: str) -> None:
    """The witness looks at every status that says Succeeded: `Unproven`."""
    run = Case(
        Scenario(name="T12", provider=provider, script=(Deed(do="release", value=tag, when="Initialized"),))
    ).run()
    run.to_the_end()
    assert run.phase == "Failed"
