"""What people give to the cluster: one app, its Canary, and what may stand around them."""

from __future__ import annotations

from typing import Any

from davy.cluster.gateway.crds import gateway_api_crds

Manifest = dict[str, Any]

NAMESPACE = "test"
APP = "app"
PRIMARY = "app-primary"
IMAGE = "registry.example/app"

METRIC: Manifest = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}
WEIGHTED: Manifest = {"stepWeight": 20, "maxWeight": 60}
WATCHED: Manifest = {"iterations": 3}


def deployment(tag: str = "1.0", replicas: int | None = 2, name: str = APP, **spec: Any) -> Manifest:
    container = {"name": "app", "image": f"{IMAGE}:{tag}", "ports": [{"name": "http", "containerPort": 8080}]}
    counted = {} if replicas is None else {"replicas": replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": {
            **counted,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def canary(
    provider: str = "gatewayapi:v1",
    analysis: Manifest | None = None,
    *,
    name: str = APP,
    service: Manifest | None = None,
    **spec: Any,
) -> Manifest:
    steps = (WEIGHTED if provider.startswith("gatewayapi") else WATCHED) if analysis is None else analysis
    gateways = {"gatewayRefs": [{"name": "gateway", "namespace": "ingress"}]} if provider.startswith("gate") else {}
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "provider": provider,
            "progressDeadlineSeconds": 60,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {"port": 80, "targetPort": 8080, **gateways, **(service or {})},
            "analysis": {"interval": "10s", "threshold": 2, "metrics": [METRIC], **steps},
            **spec,
        },
    }


def service(name: str = APP, **spec: Any) -> Manifest:
    """A Service of the user's own."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def scaler(least: int = 2, most: int = 10, name: str = APP) -> Manifest:
    """A HorizontalPodAutoscaler."""
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [metric],
        },
    }


SCALER_REF: Manifest = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": APP}
KEDA_REF: Manifest = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": APP}


def scaled_object(least: int = 2, most: int = 10, **annotations: str) -> Manifest:
    """KEDA's ScaledObject."""
    trigger = {"type": "prometheus", "name": "load", "metadata": {"query": "sum(rate(requests{job='app'}[1m]))"}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": APP, "namespace": NAMESPACE, "annotations": annotations},
        "spec": {
            "scaleTargetRef": {"name": APP},
            "minReplicaCount": least,
            "maxReplicaCount": most,
            "triggers": [trigger],
        },
    }


def keda() -> Manifest:
    """A definition of ScaledObject that lets everything through."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    names = {
        "kind": "ScaledObject",
        "listKind": "ScaledObjectList",
        "plural": "scaledobjects",
        "singular": "scaledobject",
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "scaledobjects.keda.sh"},
        "spec": {"group": "keda.sh", "names": names, "scope": "Namespaced", "versions": [version]},
    }


def hook(kind: str, url: str, name: str = "", **fields: Any) -> Manifest:
    """A webhook of the analysis."""
    return {"name": name or kind, "type": kind, "timeout": "5s", "retries": 0, "url": url, **fields}


def definitions() -> list[Manifest]:
    """The kinds of the Gateway API."""
    return [dict(each) for each in gateway_api_crds()]


def route(name: str = APP) -> Manifest:
    """An HTTPRoute of the user's own: a header is set, and one path goes elsewhere."""
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-team", "value": "a"}]}}
    everything = {"filters": [header], "backendRefs": [{"name": name, "port": 80}]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"parentRefs": [{"name": "gateway", "namespace": "ingress"}], "rules": [everything]},
    }
