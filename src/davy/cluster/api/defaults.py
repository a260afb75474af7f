"""What the server fills in on builtin objects: the defaults of their types, and what a new object begins with."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from davy.cluster.api.resources import Resource
from davy.cluster.api.store import Store

Manifest = dict[str, Any]


def fill(resource: Resource, manifest: Manifest) -> None:
    """Set the defaults of the object's type, in place."""
    fill_in = None if resource.custom else _FILL.get(resource.collection)
    if fill_in is not None:
        fill_in(manifest)


def begin(resource: Resource, manifest: Manifest, store: Store) -> None:
    """Set what a new object of this kind begins with: phase, cluster IP, and the like."""
    start = None if resource.custom else _BEGIN.get(resource.collection)
    if start is not None:
        start(manifest, store)


def keep(resource: Resource, old: Manifest, new: Manifest) -> None:
    """Keep, in place, what the server gave the old object and an update does not speak of."""
    if resource.collection == "services" and not resource.custom and new["spec"].get("type") != "ExternalName":
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if not new["spec"].get(name) and name in old["spec"]:
                new["spec"][name] = old["spec"][name]


def _set(target: Manifest, **values: Any) -> None:
    for key, value in values.items():
        if target.get(key) is None:
            target[key] = value


def _child(target: Manifest, key: str) -> Manifest:
    if target.get(key) is None:
        target[key] = {}
    child: Manifest = target[key]
    return child


def _pod_spec(spec: Manifest) -> None:
    _set(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    if spec.get("serviceAccountName"):
        _set(spec, serviceAccount=spec["serviceAccountName"])
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(group) or ():
            _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)


def _container(container: Manifest) -> None:
    latest = _tag(container.get("image") or "") == "latest"
    _set(
        container,
        imagePullPolicy="Always" if latest else "IfNotPresent",
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )
    for port in container.get("ports") or ():
        _set(port, protocol="TCP")
    for env in container.get("env") or ():
        reference = (env.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            _set(reference, apiVersion="v1")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe) is not None:
            _probe(container[probe])
    _resources(container["resources"])


def _tag(image: str) -> str:
    name, _, digest = image.partition("@")
    _, colon, tag = name.rpartition("/")[2].partition(":")
    return tag if colon else ("" if digest else "latest")


def _resources(resources: Manifest) -> None:
    limits, requests = resources.get("limits"), resources.get("requests")
    if limits:
        resources["requests"] = {**limits, **(requests or {})}


def _probe(probe: Manifest) -> None:
    _set(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if probe.get("httpGet") is not None:
        _set(probe["httpGet"], path="/", scheme="HTTP")
    if probe.get("grpc") is not None:
        _set(probe["grpc"], service="")


_VOLUME_MODES = ("configMap", "secret", "projected", "downwardAPI")


def _volume(volume: Manifest) -> None:
    for source in _VOLUME_MODES:
        if volume.get(source) is not None:
            _set(volume[source], defaultMode=0o644)
    if volume.get("hostPath") is not None:
        _set(volume["hostPath"], type="")
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}


def _template(spec: Manifest) -> None:
    template = _child(spec, "template")
    _child(template, "metadata")
    _pod_spec(_child(template, "spec"))


def _pod(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    _pod_spec(spec)
    _set(spec, enableServiceLinks=True)


def _rolling(strategy: Manifest, **values: Any) -> None:
    if strategy["type"] == "RollingUpdate":
        _set(_child(strategy, "rollingUpdate"), **values)


def _deployment(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = _child(spec, "strategy")
    _set(strategy, type="RollingUpdate")
    _rolling(strategy, maxUnavailable="25%", maxSurge="25%")
    _template(spec)


def _replica_set(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    _set(spec, replicas=1)
    if spec.get("template") is not None:
        _template(spec)


def _daemon_set(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    _set(spec, revisionHistoryLimit=10)
    strategy = _child(spec, "updateStrategy")
    _set(strategy, type="RollingUpdate")
    _rolling(strategy, maxUnavailable=1, maxSurge=0)
    _template(spec)


def _stateful_set(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    _set(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", serviceName="")
    strategy = _child(spec, "updateStrategy")
    _set(strategy, type="RollingUpdate")
    _rolling(strategy, partition=0)
    _set(_child(spec, "persistentVolumeClaimRetentionPolicy"), whenDeleted="Retain", whenScaled="Retain")
    _template(spec)


def _job(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    _set(spec, completions=1, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)
    _set(spec, manualSelector=False, podReplacementPolicy="TerminatingOrFailed")
    _template(spec)


def _service(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    _set(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "ClientIP":
        _set(_child(_child(spec, "sessionAffinityConfig"), "clientIP"), timeoutSeconds=10800)
    for port in spec.get("ports") or ():
        _set(port, protocol="TCP", targetPort=port.get("port"))
    if spec["type"] != "ExternalName":
        _set(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _set(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _set(spec, allocateLoadBalancerNodePorts=True)


def _namespace(manifest: Manifest) -> None:
    labels = _child(manifest["metadata"], "labels")
    labels["kubernetes.io/metadata.name"] = manifest["metadata"].get("name", "")


def _secret(manifest: Manifest) -> None:
    _set(manifest, type="Opaque")
    texts = manifest.pop("stringData", None) or {}
    if texts:
        encoded = {key: b64encode(str(text).encode()).decode() for key, text in texts.items()}
        manifest["data"] = {**(manifest.get("data") or {}), **encoded}


def _endpoint_slice(manifest: Manifest) -> None:
    for port in manifest.get("ports") or ():
        _set(port, name="", protocol="TCP")


def _autoscaler(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    _set(spec, minReplicas=1)
    if manifest["apiVersion"] == "autoscaling/v2" and not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _ingress(manifest: Manifest) -> None:
    for rule in (manifest.get("spec") or {}).get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            _set(path, pathType="ImplementationSpecific")


def _definition(manifest: Manifest) -> None:
    spec = _child(manifest, "spec")
    names = _child(spec, "names")
    _set(names, singular=str(names.get("kind", "")).lower(), listKind=f"{names.get('kind', '')}List")
    _set(_child(spec, "conversion"), strategy="None")


_FILL: dict[str, Callable[[Manifest], None]] = {
    "pods": _pod,
    "services": _service,
    "namespaces": _namespace,
    "secrets": _secret,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "daemonsets.apps": _daemon_set,
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "ingresses.networking.k8s.io": _ingress,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "customresourcedefinitions.apiextensions.k8s.io": _definition,
}


def _begin_namespace(manifest: Manifest, _store: Store) -> None:
    spec = _child(manifest, "spec")
    if "kubernetes" not in (spec.get("finalizers") or ()):
        spec["finalizers"] = [*(spec.get("finalizers") or ()), "kubernetes"]
    manifest["status"] = {"phase": "Active"}


def _begin_pod(manifest: Manifest, _store: Store) -> None:
    spec = manifest["spec"]
    _set(spec, preemptionPolicy="PreemptLowerPriority", priority=0)
    tolerated = {toleration.get("key") for toleration in spec.get("tolerations") or ()}
    for trouble in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{trouble}"
        if key not in tolerated:
            toleration = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            spec.setdefault("tolerations", []).append(toleration)
    manifest["status"] = {"phase": "Pending", "qosClass": _quality(manifest["spec"])}


def _quality(spec: Manifest) -> str:
    """The pod's quality of service class, from the requests and limits of its containers."""
    resources = [container.get("resources") or {} for container in spec.get("containers") or ()]
    if not any(resource.get("requests") or resource.get("limits") for resource in resources):
        return "BestEffort"
    full = all(
        {"cpu", "memory"} <= set(resource.get("limits") or ()) and resource["limits"] == resource.get("requests")
        for resource in resources
    )
    return "Guaranteed" if full else "Burstable"


def _begin_service(manifest: Manifest, store: Store) -> None:
    spec = manifest["spec"]
    manifest["status"] = {"loadBalancer": {}}
    if spec["type"] == "ExternalName":
        return
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _free_address(store)
    _set(spec, clusterIPs=[spec["clusterIP"]], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")


_FIRST_ADDRESS = secrets.randbelow(1 << 12) << 8
"""Where the search begins: two clusters on one machine must not want the same addresses."""


def _free_address(store: Store) -> str:
    """A cluster IP nobody has, in 127.96.0.0/12: loopback, so that a local proxy can listen on it."""
    taken = {entry.manifest["spec"].get("clusterIP") for entry in store.items("services").values()}
    numbers = ((_FIRST_ADDRESS + n) % (1 << 20) for n in range(1, 1 << 20))
    return next(_address(n) for n in numbers if n & 0xFF not in (0, 255) and _address(n) not in taken)


def _address(number: int) -> str:
    return f"127.{96 + (number >> 16)}.{number >> 8 & 0xFF}.{number & 0xFF}"


def _begin_empty(manifest: Manifest, _store: Store) -> None:
    manifest["status"] = {}


def _begin_replica_set(manifest: Manifest, _store: Store) -> None:
    manifest["status"] = {"replicas": 0}


_BEGIN: dict[str, Callable[[Manifest, Store], None]] = {
    "namespaces": _begin_namespace,
    "pods": _begin_pod,
    "services": _begin_service,
    "deployments.apps": _begin_empty,
    "replicasets.apps": _begin_replica_set,
}
