"""The operator's Prometheus series: Flagger's names, labels and values."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest

from davy.api import codec
from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Measured, Phase
from davy.controller.series import Series

from . import manifests


def a_canary(**spec: Any) -> Canary:
    return codec.decode_canary(manifests.canary(**spec))


def text(series: Series) -> str:
    return generate_latest(series.registry).decode()


@pytest.mark.parametrize(
    ("phase", "value"), [(Phase.PROGRESSING, 0), (Phase.SUCCEEDED, 1), (Phase.FAILED, 2), (Phase.INITIALIZED, 1)]
)
def test_the_status_is_a_number_by_phase(phase: Phase, value: int) -> None:
    series = Series("kubernetes")
    series.moved(a_canary(), CanaryStatus(phase=phase))
    assert f'flagger_canary_status{{name="app",namespace="test"}} {value}.0' in text(series)


def test_weights_are_given_for_both_workloads() -> None:
    series = Series("kubernetes")
    series.moved(a_canary(), CanaryStatus(phase=Phase.PROGRESSING, canary_weight=30))
    assert 'flagger_canary_weight{namespace="test",workload="app"} 30.0' in text(series)
    assert 'flagger_canary_weight{namespace="test",workload="app-primary"} 70.0' in text(series)


@pytest.mark.parametrize(
    ("metric", "told"), [({}, 0.25), ({"query": "mine"}, 250.0), ({"templateRef": {"name": "x"}}, 250.0)]
)
def test_the_built_in_latency_is_told_in_seconds(metric: dict[str, Any], told: float) -> None:
    series = Series("kubernetes")
    history = (Measured(metric="request-duration", value=250.0),)
    canary = a_canary(analysis={"iterations": 1, "metrics": [{"name": "request-duration", **metric}]})
    series.moved(canary, CanaryStatus(phase=Phase.PROGRESSING, analysis=history))
    line = f'flagger_canary_metric_analysis{{metric="request-duration",name="app",namespace="test"}} {told}'
    assert line in text(series)


def test_every_series_of_flaggers_is_there_and_no_other_of_its_name() -> None:
    series = Series("kubernetes")
    canary = a_canary()
    series.counted(["test"])
    series.judged(canary, 0.2)
    history = (Measured(metric="x", value=1.0),)
    for phase in (Phase.PROGRESSING, Phase.SUCCEEDED, Phase.FAILED):
        series.moved(canary, CanaryStatus(phase=phase, analysis=history))
    names = {line.partition("{")[0].partition(" ")[0] for line in text(series).splitlines() if line[0] != "#"}
    assert {name for name in names if name.startswith("flagger_")} == {
        "flagger_info",
        "flagger_canary_total",
        "flagger_canary_status",
        "flagger_canary_weight",
        "flagger_canary_metric_analysis",
        "flagger_canary_successes_total",
        "flagger_canary_failures_total",
        "flagger_canary_duration_seconds_bucket",
        "flagger_canary_duration_seconds_count",
        "flagger_canary_duration_seconds_sum",
    }
    assert "process_resident_memory_bytes" in names


@pytest.mark.parametrize(
    ("phase", "spec", "line"),
    [
        (Phase.SUCCEEDED, {}, 'successes_total{analysis_status="completed",deployment_strategy="canary"'),
        (
            Phase.SUCCEEDED,
            {"skipAnalysis": True},
            'successes_total{analysis_status="skipped",deployment_strategy="canary"',
        ),
        (Phase.FAILED, {}, 'failures_total{analysis_status="completed",deployment_strategy="canary"'),
    ],
)
def test_an_end_is_counted_once(phase: Phase, spec: dict[str, object], line: str) -> None:
    series = Series("kubernetes")
    before = a_canary(**spec)
    after = CanaryStatus(phase=phase)
    series.moved(before, after)
    series.moved(replace(before, status=after), after)
    found = [each for each in text(series).splitlines() if line in each]
    assert [each.rpartition(" ")[2] for each in found] == ["1.0"]


def test_a_deleted_canary_leaves_no_gauge_behind() -> None:
    series = Series("kubernetes")
    canary = a_canary()
    series.moved(canary, CanaryStatus(phase=Phase.PROGRESSING, canary_weight=30))
    series.forget(canary)
    assert 'name="app"' not in text(series)
    assert 'workload="app' not in text(series)


def test_a_namespace_that_became_empty_is_counted_no_more() -> None:
    series = Series("kubernetes")
    series.counted(["a", "a", "b"])
    series.counted(["a"])
    assert 'flagger_canary_total{namespace="a"} 1.0' in text(series)
    assert 'namespace="b"' not in text(series)


def test_a_tick_that_judged_is_timed() -> None:
    series = Series("kubernetes")
    series.judged(a_canary(), 0.2)
    assert 'flagger_canary_duration_seconds_count{name="app",namespace="test"} 1.0' in text(series)
    assert 'flagger_canary_duration_seconds_sum{name="app",namespace="test"} 0.2' in text(series)
