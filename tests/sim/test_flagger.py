"""The same scenarios that were recorded from Flagger 1.44, put through the mind: what it says and where it goes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from davy.core.snapshot import Value
from davy.sim import scenarios
from davy.sim.run import Run, stands
from davy.sim.scenarios import CANARY, deployment, world

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "core" / "recorded" / "flagger.json").read_text())
OURS = sorted(name for name in RECORDED if name.startswith(("gwv1", "k8s")))
"""Those of the providers that we have."""

POLLING = "observed deployment generation less than desired generation"
"""Flagger looks at an interval and meets rollouts that have just begun; we are told when there is something to see."""

MORE: dict[str, list[str]] = {
    "k8s-init-primary-bad": ["Initialization done! app.test"],
}
"""What we say and Flagger does not: a first primary that was mended is initialised after all."""

LESS: dict[str, list[str]] = {
    "k8s-init-primary-bad": ["Canary failed! Scaling down app.test"],
}
"""What Flagger says and we do not: it takes down a healthy app whose first primary does not come up."""


def started(name: str) -> Run:
    trace = RECORDED[name]
    spec = {key: trace[key] for key in ("skipAnalysis", "revertOnDeletion", "progressDeadlineSeconds") if key in trace}
    made = scenarios.canary(trace["provider"], trace["analysis"], **spec)
    numbers = {"request-success-rate": 100.0, "request-duration": 200.0}
    run = Run(world(deployment(first(name)), made), CANARY, lambda world, canary, metric: Value(numbers[metric]))
    for one in trace["script"]:
        stimulate(run, one, numbers)
    return run


def first(name: str) -> str:
    return "pbad-0" if name == "k8s-init-primary-bad" else "1.0"


def stimulate(run: Run, step: dict[str, Any], numbers: dict[str, float]) -> None:
    match step:
        case {"wait": {"phase": phase}}:
            run.until(lambda run: stands("ended" if phase in ("Failed", "Succeeded") else phase, run.status))
        case {"wait": {"iterations": count}}:
            run.until(lambda run: run.status["iterations"] == count)
        case {"image": tag}:
            run.happens("release", tag)
        case {"metrics": {"success": number}}:
            numbers["request-success-rate"] = float(number)
        case {"sleep": seconds}:
            run.quiet(timedelta(seconds=seconds))
        case {"delete": _}:
            run.happens("delete")
        case _:
            raise NotImplementedError(step)


def distinct(sentences: list[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


@pytest.mark.parametrize("name", OURS)
def test_what_is_said_is_what_flagger_says_in_the_same_order(name: str) -> None:
    said = distinct([one.message for one in started(name).said])
    recorded = [text for _, text in RECORDED[name]["events"] if POLLING not in text]
    ours = [text for text in said if text not in MORE.get(name, [])]
    theirs = [text for text in recorded if text not in LESS.get(name, [])]
    assert distinct([generic(text) for text in ours]) == distinct([generic(text) for text in theirs])


def generic(text: str) -> str:
    """Why a workload is not ready is told in its own words, which depend on the moment."""
    head, found, _ = text.partition(" not ready: ")
    return head + found


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith(("promote", "bluegreen", "stepweights"))])
def test_the_status_goes_the_way_of_flaggers(name: str) -> None:
    """Phases, iterations and failed checks in the same order; the weights too, where Flagger's are the real ones."""
    run = started(name)
    ours = [
        (item["phase"], item["iterations"], item["failedChecks"])
        for event in run.world.log
        if event.ref == CANARY and (item := (event.manifest or {}).get("status"))
    ]
    theirs = [(phase, iterations, failed) for phase, _, iterations, failed in RECORDED[name]["status"]]
    assert list(dict.fromkeys(ours)) == list(dict.fromkeys(theirs))
