"""What kind of object is meant, and where the well-known kinds live in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """apiVersion and kind, as an object spells them: `Kind("apps/v1", "Deployment")`."""

    api_version: str
    kind: str

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]

    @property
    def root(self) -> str:
        """The path below which the group's resources are served."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Kind:
        """The kind that a manifest names. Raises ValueError if it names none."""
        try:
            return cls(manifest["apiVersion"], manifest["kind"])
        except KeyError as missing:
            raise ValueError(f"manifest without {missing.args[0]}: every object needs apiVersion and kind") from None

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}"


class Resource(NamedTuple):
    """Where a kind is served: its plural name, and whether its objects live in namespaces."""

    plural: str
    namespaced: bool = True


# Kinds that every cluster serves, so that the first request needs no discovery.
BUILTIN: Mapping[Kind, Resource] = {
    Kind("v1", "ConfigMap"): Resource("configmaps"),
    Kind("v1", "Endpoints"): Resource("endpoints"),
    Kind("v1", "Event"): Resource("events"),
    Kind("v1", "Namespace"): Resource("namespaces", namespaced=False),
    Kind("v1", "Node"): Resource("nodes", namespaced=False),
    Kind("v1", "Pod"): Resource("pods"),
    Kind("v1", "Secret"): Resource("secrets"),
    Kind("v1", "Service"): Resource("services"),
    Kind("v1", "ServiceAccount"): Resource("serviceaccounts"),
    Kind("apps/v1", "DaemonSet"): Resource("daemonsets"),
    Kind("apps/v1", "Deployment"): Resource("deployments"),
    Kind("apps/v1", "ReplicaSet"): Resource("replicasets"),
    Kind("apps/v1", "StatefulSet"): Resource("statefulsets"),
    Kind("autoscaling/v2", "HorizontalPodAutoscaler"): Resource("horizontalpodautoscalers"),
    Kind("coordination.k8s.io/v1", "Lease"): Resource("leases"),
    Kind("discovery.k8s.io/v1", "EndpointSlice"): Resource("endpointslices"),
    Kind("networking.k8s.io/v1", "Ingress"): Resource("ingresses"),
    Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"): Resource(
        "customresourcedefinitions", namespaced=False
    ),
}
