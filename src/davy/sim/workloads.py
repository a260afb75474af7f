"""Ways to release an app: each strategy, provider, kind of target and autoscaler at least once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from davy.sim.manifests import COOKIES, ITERATED, MATCH, WEIGHTED


class Workload(NamedTuple):
    """One way to release one kind of app: what all stories are told of."""

    name: str
    middle: str
    """A moment in the middle of the analysis."""
    but: tuple[str, ...] = ()
    """Stories that cannot happen to it."""
    given: Mapping[str, Any] = {}
    """Fields of the scenario."""


PODLESS = ("never ready", "promotion fails", "mended", "worse", "only served anew", "served anew")
"""Stories of pods that do not start, and of their template."""
ONE_COPY = ("promotion fails", "mended", "worse", "only served anew", "served anew")
"""Stories that need a primary of another make than the target."""

MESH: Mapping[str, Any] = {"provider": "istio", "gateway": "silent"}
MIRRORED = {**WEIGHTED, "mirror": True}

WORKLOADS: tuple[Workload, ...] = (
    Workload("weighted", "weight 20"),
    Workload("iterated", "iterations 1", given={"analysis": ITERATED}),
    Workload("blue-green", "iterations 1", given={"provider": "kubernetes", "analysis": ITERATED}),
    Workload("watched", "iterations 1", given={"provider": "kubernetes"}),
    Workload("mesh", "weight 20", given=MESH),
    Workload("A/B", "iterations 1", given={"analysis": {**ITERATED, "match": MATCH}}),
    Workload("A/B in a mesh", "iterations 1", given={**MESH, "analysis": {**ITERATED, "match": MATCH}}),
    Workload("mirrored", "mirrored 1", given={"analysis": MIRRORED}),
    Workload("mirrored blue-green", "iterations 1", given={**MESH, "analysis": {**ITERATED, "mirror": True}}),
    Workload("sessions", "weight 20", given={"analysis": {**WEIGHTED, "sessionAffinity": COOKIES}}),
    Workload("sessions in a mesh", "weight 20", given={**MESH, "analysis": {**WEIGHTED, "sessionAffinity": COOKIES}}),
    Workload("HPA", "weight 20", given={"scaler": "hpa", "load": 6}),
    Workload("KEDA", "weight 20", given={"scaler": "keda", "load": 6}),
    Workload("KEDA blue-green", "iterations 1", given={"scaler": "keda", "load": 6, "analysis": ITERATED}),
    Workload("configured", "weight 20", given={"configured": True}),
    Workload("daemons", "weight 20", given={"kind": "DaemonSet"}),
    Workload(
        "daemons blue-green",
        "iterations 1",
        given={"provider": "kubernetes", "analysis": ITERATED, "kind": "DaemonSet"},
    ),
    Workload("service", "weight 20", PODLESS, {**MESH, "kind": "Service"}),
    Workload("Knative", "weight 20", ONE_COPY, {"provider": "knative", "kind": "Knative"}),
)
"""Each strategy, provider, kind of target and autoscaler at least once."""
