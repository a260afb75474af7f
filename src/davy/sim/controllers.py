"""The controllers of the model, by the kind that each of them tends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from davy.api.ref import Ref
from davy.sim import daemonsets, deployments, knative, routes, scaling, services

if TYPE_CHECKING:
    from davy.sim.world import World


class Controller(NamedTuple):
    """One controller, asked about one object of its kind."""

    tend: Callable[[World, Ref], None]
    """It catches up with the present moment."""
    moments: Callable[[World, Ref], Iterable[datetime]]
    """When it will have something to do again; those that are past mean nothing."""
    ready: Callable[[World, Ref], int]
    """Pods that serve for the object now, whatever is shown."""


TABLE: Mapping[tuple[str, str], Controller] = {
    ("autoscaling", "HorizontalPodAutoscaler"): Controller(scaling.tend, scaling.moments, scaling.ready),
    ("keda.sh", "ScaledObject"): Controller(scaling.tend, scaling.moments, scaling.ready),
    ("apps", "Deployment"): Controller(deployments.tend, deployments.moments, deployments.ready),
    ("apps", "DaemonSet"): Controller(daemonsets.tend, daemonsets.moments, daemonsets.ready),
    ("serving.knative.dev", "Service"): Controller(knative.tend, knative.moments, knative.ready),
    ("serving.knative.dev", "Revision"): Controller(knative.nothing, knative.never, knative.revision_ready),
    ("", "Service"): Controller(services.tend, services.moments, services.ready),
    **{kind: Controller(routes.tend, routes.moments, routes.ready) for kind in routes.KINDS},
}
"""(API group, kind) → who tends it. In this order: what scales comes before what is scaled."""

KINDS = tuple(dict.fromkeys(kind for _, kind in TABLE))


def of(ref: Ref) -> Controller | None:
    return TABLE.get((ref.group, ref.kind))
