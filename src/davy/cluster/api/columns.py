"""The columns of builtin kinds, as a real server prints them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from davy.cluster.api.durations import age
from davy.cluster.api.scale import label_selector

Manifest = dict[str, Any]
Cell = Callable[[Manifest, datetime], Any]

_NAME = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
AGE = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
_DATA = (
    "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. Values "
    "with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not overlap with the "
    "keys in the BinaryData field, this is enforced during validation process."
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, its cell of an object at a time, and whether it is for `-o wide` (priority 1)."""

    name: str
    cell: Cell
    priority: int = 0
    type: str = "string"
    format: str = ""
    description: str = ""

    def definition(self) -> Manifest:
        """As in a Table's columnDefinitions."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def at(path: str, default: Any = None) -> Callable[[Manifest], Any]:
    """What is at a dotted path of an object."""
    names = path.split(".")

    def look(manifest: Manifest) -> Any:
        found: Any = manifest
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return default if found is None else found

    return look


def plain(
    name: str, look: Callable[[Manifest], Any], priority: int = 0, kind: str = "string", text: str = ""
) -> Column:
    """A column that does not look at the time."""
    return Column(name, lambda manifest, _now: look(manifest), priority, kind, "", text)


def aged(description: str = "") -> Column:
    """The age of the object."""
    return Column("Age", lambda m, now: age(m["metadata"].get("creationTimestamp"), now), description=description)


NAME = Column("Name", lambda manifest, _now: manifest["metadata"]["name"], format="name", description=_NAME)
_AGE = aged(AGE)


def _containers(manifest: Manifest) -> list[Manifest]:
    found: list[Manifest] = at("spec.template.spec.containers", [])(manifest)
    return found


def _joined(key: str) -> Callable[[Manifest], str]:
    return lambda manifest: ",".join(str(container.get(key, "")) for container in _containers(manifest))


def _selector(manifest: Manifest) -> str:
    return label_selector(at("spec.selector", {})(manifest)) or "<none>"


_WORKLOAD = (
    plain("Containers", _joined("name"), 1),
    plain("Images", _joined("image"), 1),
    plain("Selector", _selector, 1),
)


# -- pods ------------------------------------------------------------------------------------------------------


def _statuses(manifest: Manifest) -> list[Manifest]:
    found: list[Manifest] = at("status.containerStatuses", [])(manifest)
    return found


def _pod_ready(manifest: Manifest) -> str:
    ready = sum(1 for status in _statuses(manifest) if status.get("ready") and "running" in (status.get("state") or {}))
    return f"{ready}/{len(at('spec.containers', [])(manifest))}"


def _pod_status(manifest: Manifest) -> str:
    reason = at("status.reason")(manifest) or at("status.phase", "Pending")(manifest)
    for status in reversed(_statuses(manifest)):
        reason = _state_reason(status.get("state") or {}) or reason
    if reason == "Completed" and any("running" in (status.get("state") or {}) for status in _statuses(manifest)):
        reason = "Running" if _is_ready(manifest) else "NotReady"
    return "Terminating" if manifest["metadata"].get("deletionTimestamp") else str(reason)


def _state_reason(state: Manifest) -> str:
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting.get("reason") or ended.get("reason"):
        return str(waiting.get("reason") or ended["reason"])
    if "terminated" in state:
        return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"
    return ""


def _is_ready(manifest: Manifest) -> bool:
    conditions = at("status.conditions", [])(manifest)
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


def _restarts(manifest: Manifest, now: datetime) -> str:
    count = sum(status.get("restartCount", 0) for status in _statuses(manifest))
    last = max((_ended(status) for status in _statuses(manifest)), default="")
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def _ended(status: Manifest) -> str:
    return str(at("lastState.terminated.finishedAt", "")(status))


def _gates(manifest: Manifest) -> str:
    gates = at("spec.readinessGates", [])(manifest)
    true = {c.get("type") for c in at("status.conditions", [])(manifest) if c.get("status") == "True"}
    return f"{sum(1 for gate in gates if gate.get('conditionType') in true)}/{len(gates)}" if gates else "<none>"


_PODS = (
    NAME,
    plain("Ready", _pod_ready),
    plain("Status", _pod_status),
    Column("Restarts", _restarts),
    _AGE,
    plain("IP", at("status.podIP", "<none>"), 1),
    plain("Node", at("spec.nodeName", "<none>"), 1),
    plain("Nominated Node", at("status.nominatedNodeName", "<none>"), 1),
    plain("Readiness Gates", _gates, 1),
)


# -- services, endpoints ---------------------------------------------------------------------------------------


def _ports(manifest: Manifest) -> str:
    listed = []
    for port in at("spec.ports", [])(manifest):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        listed.append(f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(listed) or "<none>"


def _external(manifest: Manifest) -> str:
    if at("spec.type")(manifest) == "ExternalName":
        return str(at("spec.externalName", "<none>")(manifest))
    return ",".join(at("spec.externalIPs", [])(manifest)) or "<none>"


def _service_selector(manifest: Manifest) -> str:
    pairs = sorted(at("spec.selector", {})(manifest).items())
    return ",".join(f"{key}={value}" for key, value in pairs) or "<none>"


def _slice_ports(manifest: Manifest) -> str:
    ports = manifest.get("ports") or []
    return _shortened([str(port.get("port", "*")) for port in ports], "<unset>")


def _slice_endpoints(manifest: Manifest) -> str:
    return _shortened([a for endpoint in manifest.get("endpoints") or [] for a in endpoint["addresses"]], "<unset>")


def _shortened(items: list[str], nothing: str) -> str:
    more = f" + {len(items) - 3} more..." if len(items) > 3 else ""
    return ",".join(items[:3]) + more if items else nothing


# -- events ----------------------------------------------------------------------------------------------------


def _seen(manifest: Manifest, now: datetime) -> str:
    series = at("series.lastObservedTime")(manifest)
    last = series or manifest.get("lastTimestamp") or manifest.get("eventTime") or manifest.get("firstTimestamp")
    return age(last, now)


def _first_seen(manifest: Manifest, now: datetime) -> str:
    return age(manifest.get("firstTimestamp") or manifest.get("eventTime"), now)


def _involved(manifest: Manifest) -> str:
    involved = manifest.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _source(manifest: Manifest) -> str:
    source = manifest.get("source") or {}
    names = (source.get("component") or manifest.get("reportingComponent", ""), source.get("host", ""))
    return ", ".join(name for name in names if name)


_EVENTS = (
    Column("Last Seen", _seen),
    plain("Type", at("type", "")),
    plain("Reason", at("reason", "")),
    plain("Object", _involved),
    plain("Subobject", at("involvedObject.fieldPath", ""), 1),
    plain("Source", _source, 1),
    plain("Message", lambda manifest: str(manifest.get("message", "")).strip()),
    Column("First Seen", _first_seen, 1),
    plain("Count", at("count", 1), 1),
    Column("Name", NAME.cell, 1, "string", "name"),
)


# -- autoscalers -----------------------------------------------------------------------------------------------


def _targets(manifest: Manifest) -> str:
    current = {at("resource.name")(m): m for m in at("status.currentMetrics", [])(manifest)}
    shown = [_target(metric, current) for metric in at("spec.metrics", [])(manifest)]
    return ", ".join(shown[:2]) + (f" + {len(shown) - 2} more..." if len(shown) > 2 else "") or "<none>"


def _target(metric: Manifest, current: Manifest) -> str:
    resource = metric.get("resource") or {}
    target, now = resource.get("target") or {}, current.get(resource.get("name", "")) or {}
    if "averageUtilization" in target:
        value = at("resource.current.averageUtilization")(now)
        return f"{resource['name']}: {'<unknown>' if value is None else f'{value}%'}/{target['averageUtilization']}%"
    value = at("resource.current.averageValue", "<unknown>")(now)
    return f"{resource.get('name', metric.get('type'))}: {value}/{target.get('averageValue', '<auto>')}"


def _reference(manifest: Manifest) -> str:
    target = at("spec.scaleTargetRef", {})(manifest)
    return f"{target.get('kind')}/{target.get('name')}"


def _size(name: str) -> Callable[[Manifest], int]:
    return lambda manifest: len(manifest.get(name) or {})


def _map_size(manifest: Manifest) -> int:
    return _size("data")(manifest) + _size("binaryData")(manifest)


def _deployment_ready(manifest: Manifest) -> str:
    return f"{at('status.readyReplicas', 0)(manifest)}/{at('spec.replicas', 0)(manifest)}"


BUILTIN: dict[str, tuple[Column, ...]] = {
    "pods": _PODS,
    "events": _EVENTS,
    "namespaces": (NAME, plain("Status", at("status.phase", "")), _AGE),
    "configmaps": (NAME, plain("Data", _map_size, text=_DATA), _AGE),
    "secrets": (NAME, plain("Type", at("type", "")), plain("Data", _size("data")), _AGE),
    "services": (
        NAME,
        plain("Type", at("spec.type", "")),
        plain("Cluster-IP", at("spec.clusterIP", "<none>")),
        plain("External-IP", _external),
        plain("Port(s)", _ports),
        _AGE,
        plain("Selector", _service_selector, 1),
    ),
    "deployments.apps": (
        NAME,
        plain("Ready", _deployment_ready),
        plain("Up-to-date", at("status.updatedReplicas", 0), kind="integer"),
        plain("Available", at("status.availableReplicas", 0), kind="integer"),
        _AGE,
        *_WORKLOAD,
    ),
    "replicasets.apps": (
        NAME,
        plain("Desired", at("spec.replicas", 0), kind="integer"),
        plain("Current", at("status.replicas", 0), kind="integer"),
        plain("Ready", at("status.readyReplicas", 0), kind="integer"),
        _AGE,
        *_WORKLOAD,
    ),
    "statefulsets.apps": (NAME, plain("Ready", _deployment_ready), _AGE, *_WORKLOAD[:2]),
    "daemonsets.apps": (
        NAME,
        plain("Desired", at("status.desiredNumberScheduled", 0), kind="integer"),
        plain("Current", at("status.currentNumberScheduled", 0), kind="integer"),
        plain("Ready", at("status.numberReady", 0), kind="integer"),
        plain("Up-to-date", at("status.updatedNumberScheduled", 0), kind="integer"),
        plain("Available", at("status.numberAvailable", 0), kind="integer"),
        _AGE,
        *_WORKLOAD,
    ),
    "endpointslices.discovery.k8s.io": (
        NAME,
        plain("AddressType", at("addressType", "")),
        plain("Ports", _slice_ports),
        plain("Endpoints", _slice_endpoints),
        _AGE,
    ),
    "horizontalpodautoscalers.autoscaling": (
        NAME,
        plain("Reference", _reference),
        plain("Targets", _targets),
        plain("MinPods", lambda manifest: str(at("spec.minReplicas", "<unset>")(manifest))),
        plain("MaxPods", at("spec.maxReplicas", 0), kind="integer"),
        plain("Replicas", at("status.currentReplicas", 0), kind="integer"),
        _AGE,
    ),
    "leases.coordination.k8s.io": (NAME, plain("Holder", at("spec.holderIdentity", "")), _AGE),
    "customresourcedefinitions.apiextensions.k8s.io": (
        NAME,
        plain("Created At", at("metadata.creationTimestamp", ""), kind="date"),
    ),
}
