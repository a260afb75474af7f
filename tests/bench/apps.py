"""The apps that are measured: of the usual size, with all that may stand around an app."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from tests.disasters.manifests import IMAGE, NAMESPACE, hook

Manifest = dict[str, Any]

KINDS = ("confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion", "post-rollout")
METRICS: list[Manifest] = [
    {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}},
    {"name": "request-duration", "interval": "1m", "thresholdRange": {"max": 500}},
]
STEPS: Mapping[str, Any] = MappingProxyType({"interval": "10s", "threshold": 5, "stepWeight": 10, "maxWeight": 50})
NONE: Mapping[str, Any] = MappingProxyType({})
GATEWAYS: Manifest = {
    "istio": {"gateways": ["istio-system/public"], "hosts": ["app.example"]},
    "gatewayapi:v1": {"gatewayRefs": [{"name": "gateway", "namespace": "ingress"}], "hosts": ["app.example"]},
    "kubernetes": {},
}


class App(Struct, frozen=True, kw_only=True):
    """One app. `configs`: a ConfigMap and a Secret in its environment; `hooks`: one of each kind."""

    name: str = "app"
    provider: str = "gatewayapi:v1"
    configs: bool = False
    scaler: bool = False
    affinity: bool = False
    hooks: bool = False
    analysis: Mapping[str, Any] = STEPS
    more: Mapping[str, Any] = NONE
    """Further fields of the Canary's spec."""

    def around(self) -> list[Manifest]:
        """All but the Canary."""
        found = [deployment(self)]
        found += configs(self.name) if self.configs else []
        return found + ([scaler(self.name)] if self.scaler else [])

    def containers(self, tag: str) -> list[Manifest]:
        sources = [{"configMapRef": {"name": self.name}}, {"secretRef": {"name": self.name}}] if self.configs else []
        return [
            {
                "name": "app",
                "image": f"{IMAGE}:{tag}",
                "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9797}],
                "env": [{"name": f"VARIABLE_{index}", "value": "x" * 40} for index in range(10)],
                "envFrom": sources,
                "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
            }
        ]

    def canary(self, receiver: str) -> Manifest:
        """`receiver`: address of what is called."""
        scaled = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": self.name}
        return {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": {
                "provider": self.provider,
                "progressDeadlineSeconds": 60,
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name},
                **({"autoscalerRef": scaled} if self.scaler else {}),
                "service": {"port": 80, "targetPort": "http", "portDiscovery": True, **GATEWAYS[self.provider]},
                "analysis": {
                    **self.analysis,
                    "metrics": METRICS,
                    **({"sessionAffinity": {"cookieName": "release"}} if self.affinity else {}),
                    **({"webhooks": webhooks(receiver)} if self.hooks else {}),
                },
                **self.more,
            },
        }

    def released(self, tag: str) -> Manifest:
        """What `kubectl set image` writes, as a merge patch."""
        return {"spec": {"template": {"spec": {"containers": self.containers(tag)}}}}


def deployment(app: App) -> Manifest:
    labels = {"app": app.name, "team": "checkout"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app.name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 2,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": app.name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": app.containers("1.0")}},
        },
    }


def configs(name: str) -> list[Manifest]:
    metadata = {"name": name, "namespace": NAMESPACE}
    data = {f"key{index}": "y" * 60 for index in range(20)}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": data},
    ]


def scaler(name: str) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": 80}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 2,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def webhooks(url: str) -> list[Manifest]:
    """One of each kind; whoever is asked about a rollback must say no."""
    return [hook(kind, f"{url}/hook/yes") for kind in KINDS] + [
        hook("rollback", f"{url}/hook/no"),
        hook("event", f"{url}/hook/yes"),
    ]


def istio() -> list[Manifest]:
    """Definitions of Istio's kinds that let everything through."""
    return [defined("VirtualService", "virtualservices"), defined("DestinationRule", "destinationrules")]


def defined(kind: str, plural: str) -> Manifest:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.networking.istio.io"},
        "spec": {
            "group": "networking.istio.io",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


APPS: Mapping[str, App] = {
    "gatewayapi:v1": App(),
    "istio": App(provider="istio"),
    "gatewayapi:v1, with configs and HPA": App(configs=True, scaler=True),
    "istio, with configs and HPA": App(provider="istio", configs=True, scaler=True),
    "istio, with configs, HPA, affinity and hooks": App(
        provider="istio", configs=True, scaler=True, affinity=True, hooks=True
    ),
}
"""What is released, in words."""
