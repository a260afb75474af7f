"""One app and its canary, as they are given to the API server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from davy.api.ref import Manifest, Ref

APP = Ref("apps/v1", "Deployment", "test", "app")
CANARY = Ref("flagger.app/v1beta1", "Canary", "test", "app")
METRIC: Manifest = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def deployment(tag: str = "1.0", replicas: int = 2) -> Manifest:
    return {
        "apiVersion": APP.api_version,
        "kind": APP.kind,
        "metadata": {"name": APP.name, "namespace": APP.namespace, "labels": {"app": "app"}},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "app"}},
            "template": {
                "metadata": {"labels": {"app": "app"}},
                "spec": {"containers": [{"name": "app", "image": f"registry.example/app:{tag}"}]},
            },
        },
    }


def canary(provider: str = "gatewayapi:v1", analysis: Manifest | None = None, **spec: Any) -> Manifest:
    steps = analysis or {"stepWeight": 20, "maxWeight": 40}
    return {
        "apiVersion": CANARY.api_version,
        "kind": CANARY.kind,
        "metadata": {"name": CANARY.name, "namespace": CANARY.namespace},
        "spec": {
            "provider": provider,
            "progressDeadlineSeconds": 60,
            "targetRef": {"apiVersion": APP.api_version, "kind": APP.kind, "name": APP.name},
            "service": {"port": 80, "targetPort": 8080, "gatewayRefs": [{"name": "gateway", "namespace": "ingress"}]},
            "analysis": {"interval": "10s", "threshold": 2, "metrics": [METRIC], **steps},
            **spec,
        },
    }
