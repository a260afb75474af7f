"""Snapshots made by hand: a canary in the middle of something, with everything in order unless said otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from davy.api.analysis import Analysis, Metric, ThresholdRange
from davy.api.canary import Canary, CanarySpec, TargetRef
from davy.api.service import Service
from davy.api.status import CanaryStatus, Phase
from davy.api.words import Metadata
from davy.core import times
from davy.core.names import FINALIZER
from davy.core.revisions import revision
from davy.core.snapshot import Confirmed, Progressing, Ready, Routing, Snapshot, Stuck, Traffic, Workload
from davy.core.times import to_milliseconds

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
OLD, NEW = revision("old"), revision("new")
METRIC = Metric(name="request-success-rate", interval="1m", threshold_range=ThresholdRange(min=99))
WEIGHTED = Analysis(interval="10s", threshold=2, step_weight=20, max_weight=40, metrics=(METRIC,))
ITERATED = Analysis(interval="10s", threshold=2, iterations=2, metrics=(METRIC,))
READY, SLOW, STUCK = Ready(), Progressing("0 of 2 updated replicas are available"), Stuck("exceeded its deadline")


def ago(seconds: float) -> str:
    return to_milliseconds(NOW - timedelta(seconds=seconds))


def status(phase: Phase = Phase.INITIALIZED, **fields: Any) -> CanaryStatus:
    """At rest the old revision is known; in a run the new one is, which began a minute ago."""
    resting = phase in (Phase.NONE, Phase.INITIALIZING, Phase.INITIALIZED, Phase.SUCCEEDED)
    known = {
        "last_applied_spec": OLD if resting else NEW,
        "last_promoted_spec": OLD,
        "target_fence": "u/1" if resting else "u/2",
        "run_started_at": None if resting else ago(60),
        "last_transition_time": ago(60),
    }
    begun = times.read(fields.get("run_started_at", known["run_started_at"]))
    known["ready_by"] = to_milliseconds(begun + timedelta(seconds=60)) if begun else None
    return CanaryStatus(phase=phase, **{**known, **fields})


def canary(status_: CanaryStatus, analysis: Analysis | None = WEIGHTED, **spec: Any) -> Canary:
    target = TargetRef("apps/v1", "Deployment", "app")
    return Canary(
        metadata=Metadata(name="app", namespace="test", uid="c-1", generation=1, finalizers=(FINALIZER,)),
        spec=CanarySpec(
            target_ref=target,
            analysis=analysis,
            **{"progress_deadline_seconds": 60, "service": Service(port=80), **spec},
        ),
        status=status_,
    )


def target(**fields: Any) -> Workload:
    known = {"name": "app", "fence": "u/2", "revision": NEW, "replicas": 2, "serving": 2, "readiness": READY}
    return Workload(**{**known, **fields})


def primary(**fields: Any) -> Workload:
    known = {"name": "app-primary", "fence": "p/1", "revision": revision("primary"), "replicas": 2, "serving": 2}
    return Workload(**{**known, "readiness": READY, "carries": OLD, **fields})


def snapshot(phase: Phase = Phase.PROGRESSING, /, **fields: Any) -> Snapshot:
    """`weight`, `at`: the routing; `target`, `primary`, `analysis`, `spec`: as above; any other word: of the status."""
    names = ("target", "primary", "analysis", "spec", "routing", "confirmation", "now", "shifts", "apex", "answers")
    seen = (
        "mirrors",
        "matches",
        "keeps_sessions",
        "configs",
        "unread",
        "scaler_floor",
        "conflicts",
        "alerts",
        "restorable",
    )
    further = {name: fields.pop(name) for name in seen if name in fields}
    annotations = fields.pop("annotations", {})
    made = {name: fields.pop(name) for name in names if name in fields}
    known = status(phase, **fields)
    spec = made.get("spec", {})
    return Snapshot(
        now=made.get("now", NOW),
        canary=annotated(canary(known, made.get("analysis", WEIGHTED), **spec), annotations),
        target=made.get("target", target()),
        primary=made.get("primary", primary()),
        apex_selects=made.get("apex", "primary"),
        traffic=Traffic(
            made.get("routing", Routing(100 - known.canary_weight, known.canary_weight)),
            made.get("confirmation", Confirmed()),
        ),
        provider="gatewayapi:v1" if made.get("shifts", True) else "kubernetes",
        shifts=made.get("shifts", True),
        interval=timedelta(seconds=10),
        answers=made.get("answers", {}),
        **further,
    )


def annotated(canary_: Canary, annotations: dict[str, str]) -> Canary:
    return replace(canary_, metadata=replace(canary_.metadata, annotations=annotations))


def deleted(s: Snapshot, seconds: float = 1) -> Snapshot:
    """The same, while the canary is being deleted since so many seconds."""
    metadata = replace(s.canary.metadata, deletion_timestamp=ago(seconds))
    return replace(s, canary=replace(s.canary, metadata=metadata))
