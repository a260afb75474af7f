"""What the demo applies: a namespace, a Gateway, and two apps with their Canaries, as a user would write them."""

from __future__ import annotations

from typing import Any

import msgspec

from davy.api.ref import Manifest

NAMESPACE = "demo"
GATEWAY = "public"
IMAGE = "davy.dev/demo-app"
PORT = 8080  # ports below 1024 are refused to ordinary users, on loopback too
REPLICAS = 2

WINDOW = 3  # seconds that a check looks back: longer than a step, and six scrapes
LEAST_SUCCESS = 99.0  # percent
MOST_DURATION = 500.0  # milliseconds


class Release(msgspec.Struct, frozen=True):
    """A version of an app. `error_rate` (0..1) of its answers are errors."""

    version: str
    error_rate: float = 0.0

    @property
    def good(self) -> bool:
        """Whether it should be promoted."""
        return self.error_rate == 0


FIRST = Release("1.0")
GOOD = Release("2.0")
BAD = Release("3.0", error_rate=0.2)


class App(msgspec.Struct, frozen=True):
    """One app of the demo: its name, the provider of its Canary, and how a release is tried."""

    name: str
    provider: str
    analysis: dict[str, Any]
    routed: bool

    @property
    def host(self) -> str:
        """The host name that reaches it through the Gateway; names below localhost need no DNS."""
        return f"{self.name}.localhost"

    @property
    def primary(self) -> str:
        """Name of the primary Deployment and its Service."""
        return f"{self.name}-primary"

    @property
    def canary_service(self) -> str:
        """Name of the Service in front of the release under trial."""
        return f"{self.name}-canary"


def _analysis(**steps: Any) -> dict[str, Any]:
    return {
        "interval": "2s",
        "threshold": 2,
        **steps,
        "metrics": [
            {"name": "request-success-rate", "interval": f"{WINDOW}s", "thresholdRange": {"min": LEAST_SUCCESS}},
            {"name": "request-duration", "interval": f"{WINDOW}s", "thresholdRange": {"max": MOST_DURATION}},
        ],
    }


SHOP = App("shop", "gatewayapi:v1", _analysis(stepWeight=10, maxWeight=50), routed=True)
CART = App("cart", "kubernetes", _analysis(iterations=4), routed=False)
APPS = (SHOP, CART)


def namespace() -> Manifest:
    """The namespace of everything else."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def gateway(port: int) -> Manifest:
    """Where requests come in."""
    listener = {"name": "http", "port": port, "protocol": "HTTP"}
    spec = {"gatewayClassName": "davy", "listeners": [listener]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": _metadata(GATEWAY),
        "spec": spec,
    }


def deployment(app: App, release: Release) -> Manifest:
    """The app's Deployment: the Canary's target."""
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT), "prometheus.io/path": "/metrics"}
    pod = {
        "metadata": {"labels": {"app": app.name}, "annotations": annotations},
        "spec": {"containers": [_container(release)], "terminationGracePeriodSeconds": 10},
    }
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": {"app": app.name}}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(app.name), "spec": spec}


def canary(app: App) -> Manifest:
    """How releases of the app are tried."""
    service: dict[str, Any] = {"port": PORT, "targetPort": "http"}
    if app.routed:
        service |= {"hosts": [app.host], "gatewayRefs": [{"name": GATEWAY, "namespace": NAMESPACE}]}
    spec = {
        "provider": app.provider,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": app.name},
        "progressDeadlineSeconds": 60,
        "service": service,
        "analysis": app.analysis,
    }
    return {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": _metadata(app.name), "spec": spec}


def released(release: Release) -> Manifest:
    """What a release changes in the Deployment, as a strategic merge patch (`kubectl set image`, `kubectl set env`)."""
    container = {key: value for key, value in _container(release).items() if key in ("name", "image", "env")}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def _container(release: Release) -> dict[str, Any]:
    env = {"APP_VERSION": release.version, "APP_ERROR_RATE": f"{release.error_rate:g}"}
    return {
        "name": "app",
        "image": f"{IMAGE}:{release.version}",
        "ports": [{"name": "http", "containerPort": PORT}],
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1},
    }


def _metadata(name: str) -> dict[str, str]:
    return {"name": name, "namespace": NAMESPACE}
