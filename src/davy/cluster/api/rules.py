"""The rules of kinds: what is valid, what may change, what a status write may touch, what deserves a warning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from davy.cluster.api import cel, names, pods, structural
from davy.cluster.api.errors import Cause
from davy.cluster.api.fields import Path
from davy.cluster.api.resources import Resource
from davy.cluster.api.schema import Schema
from davy.cluster.api.selectors import from_selector
from davy.cluster.api.store import Manifest
from davy.cluster.api.structural import shown

Rule = Callable[[Manifest, Manifest | None], Iterator[Cause]]

_UNCHECKED = Cause(
    "FieldValueInvalid",
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
_BLOCKING = {
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
}


def broken(resource: Resource, new: Manifest, old: Manifest | None, subresource: str = "") -> Iterator[Cause]:
    """What is wrong with an object, or with what has become of it; of a status write only the status is looked at."""
    if old is None:
        yield from names.metadata(resource.collection, new["metadata"], custom=resource.custom is not None)
    else:
        changed = list(names.metadata_update(new["metadata"], old["metadata"], custom=resource.custom is not None))
        yield from changed
        yield from changed  # a real server looks at metadata twice and tells both
    if resource.custom:
        yield from _custom(resource, new, old, subresource)
    elif (rule := _RULES.get(resource.collection)) is not None:
        yield from rule(new, old)


def _custom(resource: Resource, new: Manifest, old: Manifest | None, subresource: str) -> Iterator[Cause]:
    schema = resource.schema
    before: Any = structural.ABSENT if old is None else old
    if subresource == "status":
        found = list(_status(schema, new, old or {}))
    else:
        found = list(structural.validate(schema, new, before))
        found += structural.scale_paths(resource, new)
    found += structural.duplicates(schema, new)
    yield from found
    if cel.has_rules(schema):
        missing_name = old is None and not new["metadata"].get("name")
        if missing_name or any(cause.reason in _BLOCKING for cause in found):
            yield _UNCHECKED
        else:
            yield from cel.check(schema, new, before)


def _status(schema: Schema, new: Manifest, old: Manifest) -> Iterator[Cause]:
    """What is wrong with a status; a real server tells the place whole and the field in the text from there on."""
    if "status" in new and "status" in schema.properties:
        before = old.get("status", structural.ABSENT)
        for cause in structural.validate(schema.field("status"), new["status"], before):
            yield Cause(cause.reason, f"status.{cause.field}" if cause.field else "status", cause.message)


# -- status and generation -------------------------------------------------------------------------------------

_STATUS_RESETS: dict[str, tuple[Path, ...]] = {
    "pods": (("f:spec",), ("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:ownerReferences")),
    "deployments.apps": (("f:spec",), ("f:metadata", "f:labels")),
}


def withheld(resource: Resource, subresource: str) -> tuple[Path, ...]:
    """The fields that a write through this endpoint cannot touch."""
    if subresource == "status":
        return _STATUS_RESETS.get(resource.collection, (("f:spec",),))
    return (("f:status",),) if "status" in resource.subresources else ()


def restrict(resource: Resource, old: Manifest, new: Manifest, subresource: str) -> Manifest:
    """The new object with everything put back that this endpoint does not write."""
    if subresource == "status":
        return _status_only(resource, old, new)
    if "status" in resource.subresources:
        return _with_status_of(old, new)
    return new


def _with_status_of(old: Manifest, new: Manifest) -> Manifest:
    kept = {key: value for key, value in new.items() if key != "status"}
    return {**kept, "status": old["status"]} if "status" in old else kept


def _status_only(resource: Resource, old: Manifest, new: Manifest) -> Manifest:
    kept = {key: value for key, value in old.items() if key not in ("status", "metadata")}
    status = {"status": new["status"]} if "status" in new else {}
    if resource.custom:
        metadata = {key: value for key, value in old["metadata"].items() if key != "managedFields"}
        managed = new["metadata"].get("managedFields")
        return {**kept, **status, "metadata": {**metadata, **({"managedFields": managed} if managed else {})}}
    metadata = dict(new["metadata"])
    for path in _STATUS_RESETS.get(resource.collection, ()):
        if path[0] == "f:metadata":
            _put_back(metadata, old["metadata"], path[1][2:])
    return {**kept, **status, "metadata": metadata}


def _put_back(metadata: Manifest, old: Manifest, name: str) -> None:
    metadata.pop(name, None)
    if name in old:
        metadata[name] = old[name]


def moved(resource: Resource, old: Manifest, new: Manifest) -> bool:
    """Whether what the object asks for has changed, so that its generation must grow."""
    ignored = {"metadata", "apiVersion", "kind"}
    if "status" in resource.subresources or not resource.custom:
        ignored.add("status")
    if resource.collection == "deployments.apps" and _annotations(old) != _annotations(new):
        return True
    return any(old.get(key) != new.get(key) for key in {*old, *new} - ignored)


def _annotations(manifest: Manifest) -> Any:
    return manifest["metadata"].get("annotations") or {}


# -- builtin kinds ---------------------------------------------------------------------------------------------


def required(path: str, why: str = "") -> Cause:
    """A field that must be there."""
    return Cause("FieldValueRequired", path, f"Required value: {why}" if why else "Required value")


def immutable(path: str, new: Any, old: Any) -> Iterator[Cause]:
    """A field that must not change."""
    if new != old:
        yield Cause("FieldValueInvalid", path, f"Invalid value: {shown(new, sort=False)}: field is immutable")


def _supported(path: str, value: Any, allowed: tuple[str, ...]) -> Iterator[Cause]:
    """A field that takes only some values."""
    if value not in allowed:
        listed = ", ".join(f'"{name}"' for name in allowed)
        yield Cause("FieldValueNotSupported", path, f'Unsupported value: "{value}": supported values: {listed}')


def _not_negative(spec: Manifest, name: str) -> Iterator[Cause]:
    value = spec.get(name)
    if isinstance(value, int) and value < 0:
        message = f"Invalid value: {value}: must be greater than or equal to 0"
        yield Cause("FieldValueInvalid", f"spec.{name}", message)


def _workload(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    yield from _not_negative(spec, "replicas")
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        message = f"Invalid value: {shown(selector)}: empty selector is invalid for deployment"
        yield Cause("FieldValueInvalid", "spec.selector", message)
    yield from _template(spec, selector or {})
    for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        yield from _not_negative(spec, name)
    yield from _deadline(spec)
    if old is not None:
        yield from immutable("spec.selector", selector, (old.get("spec") or {}).get("selector"))


def _deadline(spec: Manifest) -> Iterator[Cause]:
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        message = f"Invalid value: {deadline}: must be greater than minReadySeconds"
        yield Cause("FieldValueInvalid", "spec.progressDeadlineSeconds", message)


def _template(spec: Manifest, selector: Manifest) -> Iterator[Cause]:
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    terms = from_selector(selector)
    if not terms or not all(term.matches(labels) for term in terms):
        message = f"Invalid value: {shown(labels or None)}: `selector` does not match template `labels`"
        yield Cause("FieldValueInvalid", "spec.template.metadata.labels", message)
    yield from names.labels(labels, "spec.template.labels")
    yield from pods.broken(template.get("spec") or {}, "spec.template.spec")
    policy = (template.get("spec") or {}).get("restartPolicy", "Always")
    if policy != "Always":
        message = f'Unsupported value: "{policy}": supported values: "Always"'
        yield Cause("FieldValueNotSupported", "spec.template.spec.restartPolicy", message)


def _pod(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    if old is None:
        yield from pods.broken(new.get("spec") or {}, "spec")
    else:
        yield from pods.frozen(new.get("spec") or {}, old.get("spec") or {})


def _service(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    ports = spec.get("ports") or []
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    for index, port in enumerate(ports):
        yield from _service_port(port, f"spec.ports[{index}]", len(ports) > 1)
    yield from _service_duplicates(ports)
    yield from _supported("spec.type", spec.get("type"), _SERVICE_TYPES)
    yield from names.labels(spec.get("selector") or {}, "spec.selector")
    if old is not None and old["spec"].get("clusterIP") and spec.get("type") != "ExternalName":
        first = f"Invalid value: {shown(spec.get('clusterIPs') or [])}: may not change once set"
        if spec.get("clusterIP") != old["spec"]["clusterIP"]:
            yield Cause("FieldValueInvalid", "spec.clusterIPs[0]", first)


def _service_port(port: Manifest, path: str, several: bool) -> Iterator[Cause]:
    if several and not port.get("name"):
        yield required(f"{path}.name")
    number = port.get("port", 0)
    if not 1 <= number <= 65535:
        message = f"Invalid value: {number}: must be between 1 and 65535, inclusive"
        yield Cause("FieldValueInvalid", f"{path}.port", message)
    if port.get("protocol") not in ("TCP", "UDP", "SCTP"):
        listed = f'Unsupported value: "{port.get("protocol")}": supported values: "SCTP", "TCP", "UDP"'
        yield Cause("FieldValueNotSupported", f"{path}.protocol", listed)
    target = port.get("targetPort", number)
    if isinstance(target, int) and not 1 <= target <= 65535:
        message = f"Invalid value: {target}: must be between 1 and 65535, inclusive"
        yield Cause("FieldValueInvalid", f"{path}.targetPort", message)


_GO_PORT = {"Name": "", "Protocol": "", "AppProtocol": None, "Port": 0, "TargetPort": 0, "NodePort": 0}
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def _service_duplicates(ports: list[Manifest]) -> Iterator[Cause]:
    seen: set[tuple[Any, Any]] = set()
    named: set[str] = set()
    for index, port in enumerate(ports):
        key, name = (port.get("port"), port.get("protocol")), port.get("name", "")
        if name and name in named:
            yield Cause("FieldValueDuplicate", f"spec.ports[{index}].name", f'Duplicate value: "{name}"')
        if key in seen:
            text = shown(_GO_PORT | {"Protocol": key[1], "Port": key[0]}, sort=False)
            yield Cause("FieldValueDuplicate", f"spec.ports[{index}]", f"Duplicate value: {text}")
        seen.add(key)
        named.add(name)


def _autoscaler(new: Manifest, _old: Manifest | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    most, least = spec.get("maxReplicas", 0), spec.get("minReplicas", 1)
    if most < 1:
        message = f"Invalid value: {most}: must be greater than 0"
        yield Cause("FieldValueInvalid", "spec.maxReplicas", message)
    if most < least:
        message = f"Invalid value: {most}: must be greater than or equal to `minReplicas`"
        yield Cause("FieldValueInvalid", "spec.maxReplicas", message)


def _secret(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    if old is not None:
        yield from immutable("type", new.get("type"), old.get("type"))
    yield from _frozen_data(new, old)


_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def _frozen_data(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    for name in ("data", "binaryData"):
        for key in new.get(name) or ():
            if not _CONFIG_KEY.fullmatch(key):
                yield names.invalid(f"{name}[{key}]", key, _CONFIG_KEY_TEXT)
    if old is None or not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield Cause("FieldValueForbidden", "immutable", "Forbidden: field is immutable when `immutable` is set")
    for name in ("data", "binaryData"):
        if new.get(name) != old.get(name):
            yield Cause("FieldValueForbidden", name, "Forbidden: field is immutable when `immutable` is set")


def _lease(new: Manifest, _old: Manifest | None) -> Iterator[Cause]:
    seconds = (new.get("spec") or {}).get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        message = f"Invalid value: {seconds}: must be greater than 0"
        yield Cause("FieldValueInvalid", "spec.leaseDurationSeconds", message)


def _event(new: Manifest, _old: Manifest | None) -> Iterator[Cause]:
    if new["apiVersion"] == "events.k8s.io/v1":
        if _old is None and not new.get("eventTime"):
            yield required("eventTime")
        return
    involved = (new.get("involvedObject") or {}).get("namespace", "")
    home = new["metadata"].get("namespace", "")
    if involved != home and not (not involved and home == "default"):
        message = f'Invalid value: "{involved}": does not match event.namespace'
        yield Cause("FieldValueInvalid", "involvedObject.namespace", message)


def _endpoint_slice(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    if not new.get("addressType"):
        yield required("addressType")
    else:
        yield from _supported("addressType", new["addressType"], ("FQDN", "IPv4", "IPv6"))
    if old is not None:
        yield from immutable("addressType", new.get("addressType"), old.get("addressType"))
    for index, endpoint in enumerate(new.get("endpoints") or ()):
        if not endpoint.get("addresses"):
            yield required(f"endpoints[{index}].addresses", "must contain at least 1 address")


def _definition(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    from davy.cluster.api import definitions

    yield from definitions.broken(new, old)


_RULES: dict[str, Rule] = {
    "configmaps": _frozen_data,
    "secrets": _secret,
    "pods": _pod,
    "services": _service,
    "events": _event,
    "leases.coordination.k8s.io": _lease,
    "deployments.apps": _workload,
    "replicasets.apps": _workload,
    "daemonsets.apps": _workload,
    "statefulsets.apps": _workload,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "customresourcedefinitions.apiextensions.k8s.io": _definition,
}

_TEMPLATES = {"deployments.apps", "replicasets.apps", "daemonsets.apps", "statefulsets.apps"}


def warnings(resource: Resource, new: Manifest, old: Manifest | None) -> Iterator[str]:
    """What a real server warns of, when what it warns of is new."""
    unchanged = old is not None and old["metadata"].get("generation") == new["metadata"].get("generation")
    if resource.custom is not None:
        return
    if resource.counted and unchanged:
        return
    if resource.collection == "pods":
        yield from pods.warnings(new.get("spec") or {}, "spec")
    elif resource.collection in _TEMPLATES:
        template = (new.get("spec") or {}).get("template") or {}
        yield from pods.warnings(template.get("spec") or {}, "spec.template.spec")
