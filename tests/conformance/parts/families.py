"""What the tables of routers and scalers say that a cluster must serve; a new row of theirs joins by itself."""

from collections.abc import Iterable, Iterator
from typing import Any

from davy.api import codec
from davy.kube.kinds import BUILTIN, Kind
from davy.routers import ROUTERS
from davy.scalers import SCALERS
from davy.targets import TARGETS

VERSIONS = {"keda.sh": "v1alpha1", "serving.knative.dev": "v1"}
"""Versions of kinds that a table names by their group; those of the others are the cluster's own."""
FURTHER = (Kind("serving.knative.dev/v1", "Revision"),)
"""Kinds that nothing but the sides of a target name."""

Manifest = dict[str, Any]

EXAMPLE: Manifest = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "app", "namespace": "default", "uid": "u"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
        "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "app"},
        "routeRef": {"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute", "name": "app"},
        "service": {"port": 80, "hosts": ["app.example.com"], "gatewayRefs": [{"name": "gateway"}]},
        "analysis": {"interval": "10s", "threshold": 1, "stepWeight": 10},
    },
}
"""A canary that every router can serve."""


def provided() -> tuple[Kind, ...]:
    """The kinds of routers' objects, targets and scalers that no cluster has by itself, in one version each."""
    found: dict[tuple[str, str], Kind] = {}
    for kind in (*routed(), *named(TARGETS), *named(SCALERS), *FURTHER):
        found.setdefault((kind.group, kind.kind), kind)
    return tuple(kind for kind in found.values() if kind not in BUILTIN)


def named(table: Iterable[tuple[str, str]]) -> Iterator[Kind]:
    for group, kind in table:
        if group in VERSIONS:
            yield Kind(f"{group}/{VERSIONS[group]}", kind)


def routed() -> Iterator[Kind]:
    for name, router in ROUTERS.items():
        canary = codec.decode_canary({**EXAMPLE, "spec": {**EXAMPLE["spec"], "provider": name}})
        for ref in router.reads(canary):
            yield Kind(ref.api_version, ref.kind)
