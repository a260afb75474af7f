"""The autoscalers of the model: HorizontalPodAutoscalers and KEDA's ScaledObjects, which go by the traffic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from davy.api.ref import Manifest, Ref

if TYPE_CHECKING:
    from davy.sim.world import World

UP, DOWN = timedelta(seconds=3), timedelta(seconds=20)
"""How long an autoscaler watches before it acts."""

PAUSED = "autoscaling.keda.sh/paused-replicas"


def tend(world: World, ref: Ref) -> None:
    """What is wanted is done when it has been wanted long enough; what KEDA is told, at once."""
    scaler = world.objects[ref]
    workload = scales(ref, scaler)
    live = world.objects.get(workload)
    wanted = wish(world, scaler, workload)
    if live is None or wanted is None or wanted == replicas(live):
        world.wishes.pop(ref, None)
        return
    if world.wishes.get(ref, (None,))[0] != wanted:
        world.wishes[ref] = wanted, world.now
    if world.now >= due(world, ref, scaler, live):
        del world.wishes[ref]
        world.update(workload, {**live, "spec": {**live["spec"], "replicas": wanted}})


def moments(world: World, ref: Ref) -> Iterator[datetime]:
    """When it acts."""
    scaler = world.objects[ref]
    live = world.objects.get(scales(ref, scaler))
    if live is not None and ref in world.wishes:
        yield due(world, ref, scaler, live)


def ready(world: World, ref: Ref) -> int:
    return 0


def due(world: World, ref: Ref, scaler: Manifest, live: Manifest) -> datetime:
    wanted, since = world.wishes[ref]
    if paused(scaler):
        return since
    return since + (UP if wanted > replicas(live) else DOWN)


def scales(ref: Ref, scaler: Manifest) -> Ref:
    """The workload that it scales."""
    target: Mapping[str, str] = scaler["spec"]["scaleTargetRef"]
    return Ref(target.get("apiVersion", "apps/v1"), target.get("kind", "Deployment"), ref.namespace, target["name"])


def replicas(workload: Manifest) -> int:
    return int(workload["spec"].get("replicas", 1))


def paused(scaler: Manifest) -> bool:
    return PAUSED in (scaler["metadata"].get("annotations") or {})


def wish(world: World, scaler: Manifest, workload: Ref) -> int | None:
    """Pods that the workload should have; None: it is left alone. An HPA leaves alone what is at zero; KEDA does not.

    What keeps KEDA's own objects still is an annotation with the number to keep them at.
    """
    spec = scaler["spec"]
    if paused(scaler):
        return int(scaler["metadata"]["annotations"][PAUSED])
    hpa = scaler["kind"] == "HorizontalPodAutoscaler"
    live = world.objects.get(workload)
    if hpa and live is not None and replicas(live) == 0:
        return None
    least = int(spec.get("minReplicas", 1) if hpa else spec.get("minReplicaCount", 0))
    most = int(spec["maxReplicas"] if hpa else spec.get("maxReplicaCount", 100))
    needed = -(-world.load * world.shares.get(workload, 0) // 100)
    return min(max(least, needed), most)
