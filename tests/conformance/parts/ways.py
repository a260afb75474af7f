"""The way of a release, by its phases and steps: as Flagger was recorded to go it, and as Davy goes it."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from tests.conformance.parts.left import Trace

Way = list[tuple[str, int]]

INITIALIZED = [("Initializing", 0), ("Initialized", 0)]
PROMOTED = [("Promoting", 0), ("Finalising", 0), ("Succeeded", 0)]


def weights(*each: int) -> Way:
    return [("Progressing", weight) for weight in each]


OTHERWISE: Mapping[str, Way] = {
    "istio-hook-waiting-rollback": [*INITIALIZED, ("Waiting", 0), ("Failed", 0)],
    "istio-revert-in-analysis": [*INITIALIZED, *weights(0, 10, 20, 0, 10, 20, 30), *PROMOTED],
    "istio-skip-analysis": [*INITIALIZED, *weights(0), *PROMOTED],
    "k8s-delete-plain": [*INITIALIZED, ("Terminating", 0)],
    "k8s-skip-analysis": [*INITIALIZED, *weights(0), *PROMOTED],
    # Flagger takes its own change of the traffic for a new revision, once.
    "knative-promote": [*INITIALIZED, *weights(0, 10, 20, 30), *PROMOTED],
    "knative-rollback": [*INITIALIZED, *weights(0, 10), ("Failed", 0)],
}
"""How a release goes with Davy where it goes another way on purpose (docs/differences.md)."""
FURTHER = frozenset({"istio-promotion-bad"})
"""Releases that end with Flagger and go on with Davy."""


def way(trace: Trace, since: int = 0) -> Way:
    """How the release should go, from the status of that number on."""
    recorded = steps(trace.statuses[since:])
    if trace.name not in OTHERWISE:
        return recorded
    whole = OTHERWISE[trace.name]
    return whole[whole.index(recorded[0]) :] if recorded[0] in whole else recorded


def step(status: Mapping[str, Any]) -> int:
    """How far an analysis is: its iteration, or the canary's weight."""
    return int(status.get("iterations") or status.get("canaryWeight") or 0)


def steps(statuses: Iterable[Mapping[str, Any]]) -> Way:
    """The phases in order; within the analysis its steps, by weight or by iteration."""
    told = [
        (phase, step(status) if phase == "Progressing" else 0) for status in statuses if (phase := status.get("phase"))
    ]
    return [each for each, _ in groupby(told)]
