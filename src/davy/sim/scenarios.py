"""Ready-made worlds and stimuli: one app, one canary, and what people do to them."""

from __future__ import annotations

import copy
from typing import Any

from davy.api.canary import API_VERSION
from davy.api.ref import Manifest, Ref
from davy.core.snapshot import NoData, Reading, Value
from davy.sim.run import Readings
from davy.sim.world import World

NAMESPACE = "test"
APP = Ref("apps/v1", "Deployment", NAMESPACE, "app")
PRIMARY = Ref("apps/v1", "Deployment", NAMESPACE, "app-primary")
CANARY = Ref(API_VERSION, "Canary", NAMESPACE, "app")
ROUTE = Ref("gateway.networking.k8s.io/v1", "HTTPRoute", NAMESPACE, "app")
APEX = Ref("v1", "Service", NAMESPACE, "app")

WEIGHTED: Manifest = {"stepWeight": 20, "maxWeight": 40}
ITERATED: Manifest = {"iterations": 2}
METRIC: Manifest = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}


def deployment(tag: str = "1.0", replicas: int = 2) -> Manifest:
    container = {"name": "app", "image": f"registry.example/app:{tag}", "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": APP.api_version,
        "kind": APP.kind,
        "metadata": {"name": APP.name, "namespace": NAMESPACE, "labels": {"app": "app"}},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "app"}},
            "template": {"metadata": {"labels": {"app": "app"}}, "spec": {"containers": [container]}},
        },
    }


def canary(provider: str = "gatewayapi:v1", analysis: Manifest | None = None, **spec: Any) -> Manifest:
    judged = {"interval": "10s", "threshold": 2, "metrics": [METRIC], **(analysis or WEIGHTED)}
    return {
        "apiVersion": CANARY.api_version,
        "kind": CANARY.kind,
        "metadata": {"name": CANARY.name, "namespace": NAMESPACE},
        "spec": {
            "provider": provider,
            "progressDeadlineSeconds": 60,
            "targetRef": {"apiVersion": APP.api_version, "kind": APP.kind, "name": APP.name},
            "service": {"port": 80, "targetPort": 8080, "gatewayRefs": [{"name": "gateway", "namespace": "ingress"}]},
            "analysis": judged,
            **spec,
        },
    }


def world(*manifests: Manifest) -> World:
    """A world with these objects; with none: the app and a weighted canary."""
    made = World()
    for manifest in manifests or (deployment(), canary()):
        made.create(copy.deepcopy(manifest))
    made.settle()
    return made


def release(world: World, tag: str) -> None:
    """`kubectl set image`."""
    new = copy.deepcopy(world.objects[APP])
    new["spec"]["template"]["spec"]["containers"][0]["image"] = f"registry.example/app:{tag}"
    world.update(APP, new)


def edit(world: World, **spec: Any) -> None:
    """`kubectl patch canary`."""
    new = copy.deepcopy(world.objects[CANARY])
    new["spec"] |= spec
    world.update(CANARY, new)


def always(number: float) -> Readings:
    return lambda world, canary, name: Value(number)


def by_tag(**numbers: float) -> Readings:
    """A success rate by the image tag that the target carries; 100 for any other, nothing at all for `none…`."""

    def reading(world: World, canary: object, name: str) -> Reading:
        tag = world.objects[APP]["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        return NoData() if tag.startswith("none") else Value(numbers.get(tag, 100.0))

    return reading
