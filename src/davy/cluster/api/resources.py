"""The kinds the server serves: one row of facts per resource, and the registry that custom kinds join."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from davy.cluster.api.schema import Schema, builtin

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
NAMED = frozenset(("metadata.name", "metadata.namespace"))


@dataclass(frozen=True, slots=True)
class Custom:
    """What only a custom resource has: its schema, its printer columns, where its scale is."""

    schema: Schema
    columns: tuple[dict[str, Any], ...] = ()
    replicas_path: str = ""
    status_replicas_path: str = ""
    selector_path: str = ""
    deprecated: str = ""  # the warning that goes with every write


@dataclass(frozen=True, slots=True)
class Resource:
    """A served resource: one version of one plural; versions of one plural share their collection in the store."""

    group: str
    version: str
    plural: str
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: frozenset[str] = frozenset()
    categories: tuple[str, ...] = ()
    fields: frozenset[str] = NAMED
    counted: bool = False  # metadata.generation is kept
    singular: str = ""
    list_kind: str = ""
    storage_version: str = ""
    stored_as: str = ""  # the collection, where it is that of another group's resource
    custom: Custom | None = None

    @property
    def group_version(self) -> str:
        """As in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def collection(self) -> str:
        """The name of its collection in the store, which is also how messages call it (`deployments.apps`)."""
        if self.stored_as:
            return self.stored_as
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def schema(self) -> Schema:
        """What its objects are made of."""
        return self.custom.schema if self.custom is not None else builtin(self.group, self.version, self.kind)

    def empty(self) -> dict[str, Any]:
        """An object of it before anything is known about it."""
        fields = {} if self.custom is not None or self.schema.untyped else self.schema.nothing
        return {**fields, "apiVersion": self.group_version, "kind": self.kind, "metadata": {}}

    @property
    def storage_group_version(self) -> str:
        """The `apiVersion` its objects are stored with."""
        if self.stored_as:
            return self.storage_version
        version = self.storage_version or self.version
        return f"{self.group}/{version}" if self.group else version

    @property
    def list_name(self) -> str:
        """The kind of its lists."""
        return self.list_kind or f"{self.kind}List"

    @property
    def singular_name(self) -> str:
        """As discovery tells it."""
        return self.singular or self.kind.lower()


def _row(
    group_version: str,
    plural: str,
    kind: str,
    short: str = "",
    *,
    subresources: str = "",
    select: str = "",
    namespaced: bool = True,
    listed: bool = False,
    counted: bool = False,
) -> Resource:
    group, _, version = group_version.rpartition("/")
    return Resource(
        group,
        version,
        plural,
        kind,
        tuple(short.split()),
        namespaced,
        frozenset(subresources.split()),
        ("all",) if listed else (),
        NAMED | frozenset(select.split()),
        counted,
    )


_POD_FIELDS = (
    "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork "
    "status.phase status.podIP status.nominatedNodeName"
)
_EVENT_FIELDS = (
    "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion "
    "involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent source.component type"
)
_RBAC = "rbac.authorization.k8s.io/v1"

BUILTIN: tuple[Resource, ...] = (
    _row("v1", "bindings", "Binding"),
    _row("v1", "configmaps", "ConfigMap", "cm"),
    _row("v1", "endpoints", "Endpoints", "ep"),
    _row("v1", "events", "Event", "ev", select=_EVENT_FIELDS),
    _row(
        "v1", "namespaces", "Namespace", "ns", subresources="status finalize", namespaced=False, select="status.phase"
    ),
    _row("v1", "nodes", "Node", "no", subresources="status", namespaced=False, select="spec.unschedulable"),
    _row("v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", subresources="status"),
    _row(
        "v1",
        "pods",
        "Pod",
        "po",
        subresources="status log eviction ephemeralcontainers binding",
        listed=True,
        counted=True,
        select=_POD_FIELDS,
    ),
    _row("v1", "secrets", "Secret", select="type"),
    _row("v1", "serviceaccounts", "ServiceAccount", "sa"),
    _row("v1", "services", "Service", "svc", subresources="status", listed=True, select="spec.clusterIP spec.type"),
    _row("apps/v1", "controllerrevisions", "ControllerRevision"),
    _row("apps/v1", "daemonsets", "DaemonSet", "ds", subresources="status", listed=True, counted=True),
    _row("apps/v1", "deployments", "Deployment", "deploy", subresources="status scale", listed=True, counted=True),
    _row(
        "apps/v1",
        "replicasets",
        "ReplicaSet",
        "rs",
        subresources="status scale",
        listed=True,
        counted=True,
        select="status.replicas",
    ),
    _row("apps/v1", "statefulsets", "StatefulSet", "sts", subresources="status scale", listed=True, counted=True),
    _row(
        "autoscaling/v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        "hpa",
        subresources="status",
        listed=True,
    ),
    Resource(
        "autoscaling",
        "v1",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        ("hpa",),
        subresources=frozenset(("status",)),
        categories=("all",),
        storage_version="autoscaling/v2",
        stored_as="horizontalpodautoscalers.autoscaling",
    ),
    _row("batch/v1", "cronjobs", "CronJob", "cj", subresources="status", listed=True, counted=True),
    _row("batch/v1", "jobs", "Job", subresources="status", listed=True, counted=True, select="status.successful"),
    _row("coordination.k8s.io/v1", "leases", "Lease"),
    _row("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", counted=True),
    Resource(
        "events.k8s.io",
        "v1",
        "events",
        "Event",
        ("ev",),
        fields=NAMED | frozenset(_EVENT_FIELDS.split()),
        storage_version="v1",
        stored_as="events",
    ),
    _row("networking.k8s.io/v1", "ingresses", "Ingress", "ing", subresources="status", counted=True),
    _row("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "netpol", counted=True),
    _row("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", subresources="status", counted=True),
    _row(_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    _row(_RBAC, "clusterroles", "ClusterRole", namespaced=False),
    _row(_RBAC, "rolebindings", "RoleBinding"),
    _row(_RBAC, "roles", "Role"),
    _row(
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "crd crds",
        subresources="status",
        namespaced=False,
        counted=True,
    ),
)


@dataclass(slots=True)
class Registry:
    """Which resources are served just now."""

    _served: dict[tuple[str, str, str], Resource] = field(default_factory=dict)
    age: int = 0  # grows with every change, so that documents made from it know when they are old

    @classmethod
    def builtin(cls) -> Registry:
        """The kinds that need no definition."""
        registry = cls()
        registry.add(*(row for row in BUILTIN if row.plural != "bindings"))
        return registry

    def add(self, *resources: Resource) -> None:
        """Serve these (again)."""
        for resource in resources:
            self._served[resource.group, resource.version, resource.plural] = resource
        self.age += 1

    def remove(self, group: str, plural: str) -> None:
        """Serve no version of it any more."""
        for key in [key for key in self._served if key[0] == group and key[2] == plural]:
            del self._served[key]
        self.age += 1

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource behind a path."""
        return self._served.get((group, version, plural))

    def of_kind(self, group_version: str, kind: str) -> Resource | None:
        """The resource an object's apiVersion and kind mean."""
        return next((r for r in self._served.values() if r.kind == kind and r.group_version == group_version), None)

    def of_collection(self, collection: str) -> Resource | None:
        """One resource of a collection (the first version served)."""
        return next((r for r in self._served.values() if r.collection == collection), None)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._served.values())

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, each in the order clients should prefer."""
        groups: dict[str, list[str]] = {}
        for resource in self._served.values():
            versions = groups.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        return {group: sorted(versions, key=_preference, reverse=True) for group, versions in groups.items()}


def _preference(version: str) -> tuple[Any, ...]:
    """Kubernetes' order of versions: v2 > v1 > v1beta2 > v1beta1 > v1alpha1 > anything else."""
    stem = version.removeprefix("v")
    for rank, word in enumerate(("alpha", "beta")):
        major, found, minor = stem.partition(word)
        if found and major.isdigit() and minor.isdigit():
            return (rank + 1, int(major), int(minor))
    return (3, int(stem), 0) if stem.isdigit() else (0, 0, 0)
