"""Releases that Flagger was not recorded with, in the form of the recordings."""

import copy
from collections.abc import Mapping
from typing import Any

from tests.conformance.parts.left import Trace, merge, recorded
from tests.conformance.parts.ways import INITIALIZED, PROMOTED, Way, weights

GATEWAY, PLAIN = "gwv1-promote", "k8s-promote"

Steps = list[Mapping[str, Any]]


def scenario(name: str, base: str, script: Steps, way: Way, **patches: Mapping[str, Any]) -> Trace:
    """One like the recorded `base`. `patches`: merge patches on the manifests, by kind."""
    source = copy.deepcopy(recorded(base).trace.raw["scenario"])
    for manifest in source["objects"]:
        merge(manifest, patches.get(manifest["kind"], {}))
    statuses = [{"phase": phase, "canaryWeight": step} for phase, step in way]
    return Trace({"scenario": {**source, "name": name, "script": script}, "ended": "ok", "status": statuses})


def phase(name: str) -> Mapping[str, Any]:
    return {"wait": {"phase": name}}


BEGUN: Steps = [phase("Initialized"), {"image": "1.1"}]
WHOLE: Steps = [*BEGUN, phase("Succeeded")]
RUN = [*weights(0, 10, 20, 30), *PROMOTED]


def daemon_set() -> Trace:
    """A DaemonSet is promoted."""
    made = scenario("own-daemonset", PLAIN, WHOLE, [*INITIALIZED, *weights(0, 1, 2, 3), *PROMOTED])
    target, canary = made.raw["scenario"]["objects"]
    target["kind"] = canary["spec"]["targetRef"]["kind"] = "DaemonSet"
    for field in ("replicas", "progressDeadlineSeconds"):
        del target["spec"][field]
    return made


def scenarios() -> list[Trace]:
    return [
        daemon_set(),
        scenario(
            # The target is scaled to zero and up again before its pods have gone.
            "own-revision-while-finalising",
            GATEWAY,
            [*BEGUN, phase("Finalising"), {"image": "1.2"}, phase("Progressing"), phase("Promoting"), {"sleep": 40}],
            [*INITIALIZED, *RUN, *RUN],
        ),
        scenario(
            "own-deleted-at-a-weight",
            GATEWAY,
            [*BEGUN, {"wait": {"weight": 20}}, {"delete": ["Canary", "app"]}, phase("Terminating"), {"sleep": 40}],
            [*INITIALIZED, *weights(0, 10, 20), ("Terminating", 0)],
        ),
        scenario(
            "own-weights-without-a-router",
            PLAIN,
            WHOLE,
            [*INITIALIZED, *weights(*range(12)), *PROMOTED],
            Canary={"spec": {"analysis": {"iterations": None, "stepWeight": 10, "maxWeight": 30}}},
        ),
        scenario(
            "own-mirror",
            GATEWAY,
            WHOLE,
            [*INITIALIZED, *RUN],
            Canary={"spec": {"analysis": {"mirror": True}}},
        ),
        scenario(
            "own-slow-pods",
            GATEWAY,
            [phase("Initialized"), {"image": "slow4-1.1"}, phase("Succeeded")],
            [*INITIALIZED, *RUN],
        ),
        scenario(
            "own-one-pod",
            GATEWAY,
            WHOLE,
            [*INITIALIZED, *RUN],
            Deployment={"spec": {"replicas": 1}},
        ),
        scenario(
            "own-recreate",
            GATEWAY,
            WHOLE,
            [*INITIALIZED, *RUN],
            Deployment={"spec": {"strategy": {"type": "Recreate"}}},
        ),
    ]
