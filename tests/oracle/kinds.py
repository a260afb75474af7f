"""The kinds that the oracle watches and writes, with their places in the API."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Json = Any
"""A decoded JSON value of unknown shape."""

FIELD_MANAGER = "oracle"
"""Field manager of every write that the harness makes itself."""


class Served(NamedTuple):
    """Where a kind is served."""

    prefix: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """`apps` of `/apis/apps/v1`; the core group is `v1`."""
        return self.prefix.split("/")[2]


KINDS: Mapping[str, Served] = {
    "Namespace": Served("/api/v1", "namespaces", namespaced=False),
    "Service": Served("/api/v1", "services"),
    "ConfigMap": Served("/api/v1", "configmaps"),
    "Secret": Served("/api/v1", "secrets"),
    "Event": Served("/api/v1", "events"),
    "Deployment": Served("/apis/apps/v1", "deployments"),
    "DaemonSet": Served("/apis/apps/v1", "daemonsets"),
    "HorizontalPodAutoscaler": Served("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Ingress": Served("/apis/networking.k8s.io/v1", "ingresses"),
    "Canary": Served("/apis/flagger.app/v1beta1", "canaries"),
    "MetricTemplate": Served("/apis/flagger.app/v1beta1", "metrictemplates"),
    "AlertProvider": Served("/apis/flagger.app/v1beta1", "alertproviders"),
    "VirtualService": Served("/apis/networking.istio.io/v1beta1", "virtualservices"),
    "DestinationRule": Served("/apis/networking.istio.io/v1beta1", "destinationrules"),
    "HTTPRoute": Served("/apis/gateway.networking.k8s.io/v1", "httproutes"),
    "HTTPProxy": Served("/apis/projectcontour.io/v1", "httpproxies"),
    "TraefikService": Served("/apis/traefik.io/v1alpha1", "traefikservices"),
    "RouteTable": Served("/apis/gateway.solo.io/v1", "routetables"),
    "Upstream": Served("/apis/gloo.solo.io/v1", "upstreams"),
    "ApisixRoute": Served("/apis/apisix.apache.org/v2", "apisixroutes"),
    "TrafficRoute": Served("/apis/kuma.io/v1alpha1", "trafficroutes", namespaced=False),
    "TrafficSplit": Served("/apis/split.smi-spec.io/v1alpha4", "trafficsplits"),
    "VirtualNode@appmesh": Served("/apis/appmesh.k8s.aws/{appmesh}", "virtualnodes"),
    "VirtualRouter@appmesh": Served("/apis/appmesh.k8s.aws/{appmesh}", "virtualrouters"),
    "VirtualService@appmesh": Served("/apis/appmesh.k8s.aws/{appmesh}", "virtualservices"),
    "Service@knative": Served("/apis/serving.knative.dev/v1", "services"),
    "Revision@knative": Served("/apis/serving.knative.dev/v1", "revisions"),
    "ScaledObject": Served("/apis/keda.sh/v1alpha1", "scaledobjects"),
}
"""Kinds that exist in two groups get a suffix. `{appmesh}` is the version of App Mesh's CRDs."""

SUFFIXES = {"appmesh.k8s.aws": "@appmesh", "serving.knative.dev": "@knative"}
BUILT_IN = ("v1", "apps", "autoscaling", "networking.k8s.io")
UNWATCHED = ("Namespace", "MetricTemplate", "AlertProvider")


def kind_of(manifest: Json) -> str:
    """The name of an object's kind in KINDS."""
    return str(manifest["kind"]) + SUFFIXES.get(manifest["apiVersion"].split("/")[0], "")


def watched(definitions: set[str]) -> list[str]:
    """The kinds whose changes belong into a record: built-in ones, and those of the installed CRDs (by their names)."""
    return [
        kind
        for kind, served in KINDS.items()
        if kind not in UNWATCHED and (served.group in BUILT_IN or f"{served.plural}.{served.group}" in definitions)
    ]
