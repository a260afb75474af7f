"""The objects of the model's one app: its target in each kind, its canary, and what else may be around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from davy.api.canary import KNATIVE
from davy.api.ref import Manifest, Ref
from davy.core.names import GATEWAY_CONTROLLER
from davy.sim.deeds import APEX, APP, CANARY, CONFIG, NAMESPACE, SECRET, config
from davy.sim.tags import VERSION, tagged
from davy.sim.world import Gateway, World

WEIGHTED: Manifest = {"stepWeight": 20, "maxWeight": 40}
ITERATED: Manifest = {"iterations": 2}
SERVICE: Manifest = {"port": 80, "targetPort": 8080, "gatewayRefs": [{"name": "gateway", "namespace": "ingress"}]}
METRIC: Manifest = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}
MATCH: list[Manifest] = [{"headers": {"x-canary": {"exact": "insider"}}}]
COOKIES: Manifest = {"cookieName": "canary-cookie", "primaryCookieName": "primary-cookie"}

GATEWAYS: Mapping[str, Gateway | None] = {
    "": None,
    "ours": Gateway(GATEWAY_CONTROLLER, 0.0),
    "slow": Gateway("gateway.example/controller", 3.0),
    "silent": Gateway("", 5.0),
}
"""Who takes up the routes: everybody at once, our own gateway, one that reports late, a mesh that says nothing."""

VERSIONS = {"Deployment": "apps/v1", "DaemonSet": "apps/v1", "Service": "v1", "Knative": KNATIVE}
KINDS = {"Knative": "Service"}
"""Words of the model for kinds that have a namesake."""


def hook(kind: str, name: str = "") -> Manifest:
    return {"name": name or kind, "type": kind, "url": "http://hooks.test/"}


def template(tag: str, configured: bool = False) -> Manifest:
    """A pod template; `configured`: with a ConfigMap and a Secret in its environment."""
    container: Manifest = {"name": "app"}
    if configured:
        sources = [{"configMapRef": {"name": CONFIG.name}}, {"secretRef": {"name": SECRET.name}}]
        container["envFrom"] = sources
    return tagged({"metadata": {"labels": {"app": "app"}}, "spec": {"containers": [container]}}, tag)


def deployment(tag: str = "1.0", replicas: int = 2, configured: bool = False) -> Manifest:
    return {
        "apiVersion": APP.api_version,
        "kind": APP.kind,
        "metadata": {"name": APP.name, "namespace": NAMESPACE, "labels": {"app": "app"}},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "app"}},
            "template": template(tag, configured),
        },
    }


def daemonset(tag: str = "1.0", configured: bool = False) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": APP.name, "namespace": NAMESPACE, "labels": {"app": "app"}},
        "spec": {"selector": {"matchLabels": {"app": "app"}}, "template": template(tag, configured)},
    }


def service(tag: str = "1.0") -> Manifest:
    """A core Service that is itself the target: it chooses among pods that people keep."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": APP.name, "namespace": NAMESPACE},
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "app", VERSION: tag},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
        },
    }


def knative(tag: str = "1.0") -> Manifest:
    return {
        "apiVersion": KNATIVE,
        "kind": "Service",
        "metadata": {"name": APP.name, "namespace": NAMESPACE},
        "spec": {"template": template(tag)},
    }


def target(kind: str, tag: str, configured: bool = False, replicas: int = 2) -> Manifest:
    match kind:
        case "DaemonSet":
            return daemonset(tag, configured)
        case "Service":
            return service(tag)
        case "Knative":
            return knative(tag)
        case _:
            return deployment(tag, replicas, configured)


def hpa() -> Manifest:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": APP.name, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP.name},
            "minReplicas": 2,
            "maxReplicas": 8,
        },
    }


def scaled_object() -> Manifest:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": APP.name, "namespace": NAMESPACE, "annotations": {"example.com/team": "a"}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP.name},
            "minReplicaCount": 2,
            "maxReplicaCount": 8,
            "triggers": [{"type": "prometheus", "metadata": {"query": "load of app"}}],
        },
    }


SCALERS = {"hpa": hpa, "keda": scaled_object}


def configs(value: str = "a") -> list[Manifest]:
    """The ConfigMap and the Secret that `template` names."""
    return [config(ref, value) for ref in (CONFIG, SECRET)]


def canary(
    provider: str = "gatewayapi:v1", analysis: Manifest | None = None, kind: str = "Deployment", **spec: Any
) -> Manifest:
    judged = {"interval": "10s", "threshold": 2, "metrics": [METRIC], **(analysis or WEIGHTED)}
    return {
        "apiVersion": CANARY.api_version,
        "kind": CANARY.kind,
        "metadata": {"name": CANARY.name, "namespace": NAMESPACE},
        "spec": {
            "provider": provider,
            "progressDeadlineSeconds": 60,
            "targetRef": {"apiVersion": VERSIONS[kind], "kind": KINDS.get(kind, kind), "name": APP.name},
            "service": SERVICE,
            "analysis": judged,
            **spec,
        },
    }


def own_apex() -> Manifest:
    """A Service with the apex's name that was there before the canary."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": APEX.name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": "app"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }


def world(*manifests: Manifest, gateway: str = "", load: int = 0) -> World:
    """A world with these objects, its pods ready; with none: the app and a weighted canary."""
    made = World(gateway=GATEWAYS[gateway], load=load)
    for manifest in manifests or (deployment(), canary()):
        if manifest["kind"] == CANARY.kind:
            named = manifest["spec"]["targetRef"]
            made.target = Ref(named["apiVersion"], named["kind"], NAMESPACE, named["name"])
            made.shares = {made.target: 100}
        made.create(manifest)
    made.settle()
    while (moment := made.next_event()) is not None:
        made.pass_to(moment)
    return made
