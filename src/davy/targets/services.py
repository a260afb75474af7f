"""The three Services of a canary: in front of the target, in front of the primary, and the apex that clients call."""

from collections.abc import Iterable, Mapping
from typing import Literal

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.service import ServiceMetadata
from davy.core import names
from davy.targets.base import Selector

Side = Literal["primary", "target"]

SIDECARS = frozenset({"istio-proxy", "envoy"})
"""Containers of meshes, whose ports are nobody else's business."""

NOTHING: Mapping[Ref, Manifest] = {}


def services(
    canary: Canary, selector: Selector, target: Manifest | None = None, existing: Mapping[Ref, Manifest] = NOTHING
) -> tuple[Manifest, Manifest]:
    """The canary's and the primary's Service, in this order, for server-side apply.

    `target`: the workload, for `portDiscovery`. `existing`: the Services that are there; one that was not made for this
    Canary is used but not owned, and its metadata stays its owner's.
    """
    spec = canary.spec.service
    return (
        service(canary, names.canary_service(canary), selector, "target", spec.canary, target, existing),
        service(canary, names.primary_service(canary), selector, "primary", spec.primary, target, existing),
    )


def apex(
    canary: Canary,
    selector: Selector,
    side: str,
    target: Manifest | None = None,
    existing: Mapping[Ref, Manifest] = NOTHING,
) -> Manifest:
    """The apex Service with the selector at that side, `primary` or `target`; otherwise as `services`."""
    return service(canary, names.apex_service(canary), selector, side, canary.spec.service.apex, target, existing)


def selects(service: Manifest | None, selector: Selector) -> str:
    """The side whose pods the Service selects, `primary` or `target`; empty if neither, or if it is not there."""
    labels = (service or {}).get("spec", {}).get("selector") or {}
    sides = {selector.primary: "primary", selector.value: "target"}
    return sides.get(labels.get(selector.key, ""), "")


def service(
    canary: Canary,
    ref: Ref,
    selector: Selector,
    side: str,
    extra: ServiceMetadata,
    target: Manifest | None,
    existing: Mapping[Ref, Manifest],
) -> Manifest:
    """One Service. What only the API server may choose (address, node ports, type) is never part of it."""
    live = existing.get(ref)
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            **(foreign_metadata() if names.adopted(canary, live) else own_metadata(canary, ref, selector, extra)),
        },
        "spec": {
            **address(canary, live),
            **preference(canary),
            "selector": {selector.key: selector.primary if side == "primary" else selector.value},
            "ports": ports(canary, target),
        },
    }


def own_metadata(canary: Canary, ref: Ref, selector: Selector, extra: ServiceMetadata) -> Manifest:
    """Metadata of a Service that we made; keys in `unmanagedMetadata` are left as they are found."""
    unmanaged = canary.spec.service.unmanaged_metadata
    return {
        "labels": managed({**extra.labels, selector.key: ref.name}, unmanaged.labels),
        "annotations": managed({**extra.annotations, **names.FLUX_OPT_OUT}, unmanaged.annotations),
        "ownerReferences": [names.owner(canary)],
    }


def foreign_metadata() -> Manifest:
    """All that is written into the metadata of somebody else's Service: Flux must not put its selector back."""
    return {"annotations": dict(names.FLUX_OPT_OUT)}


def managed(wanted: Mapping[str, str], unmanaged: Iterable[str]) -> dict[str, str]:
    """What is left of the wanted keys."""
    return {key: value for key, value in wanted.items() if key not in unmanaged}


def address(canary: Canary, live: Manifest | None) -> Manifest:
    """A Service is born headless or not; the API server refuses to change it later, so the live one decides."""
    headless = canary.spec.service.headless if live is None else live.get("spec", {}).get("clusterIP") == "None"
    return {"clusterIP": "None"} if headless else {}


def preference(canary: Canary) -> Manifest:
    """Which endpoints are preferred, if anything is said about it."""
    distribution = canary.spec.service.traffic_distribution
    return {"trafficDistribution": distribution} if distribution else {}


def ports(canary: Canary, target: Manifest | None) -> list[Manifest]:
    """The port of the spec first, then the discovered ones. No name and no number comes twice: the API refuses that."""
    spec = canary.spec.service
    first: Manifest = {
        "name": spec.port_name,
        "protocol": "TCP",
        "port": spec.port,
        "targetPort": spec.container_port,
        **({"appProtocol": spec.app_protocol} if spec.app_protocol else {}),
    }
    found = {spec.port: first}
    for name, fallback, number in discovered(canary, target) if spec.port_discovery else ():
        taken = {port["name"] for port in found.values()}
        free = fallback if not name or name in taken else name
        found.setdefault(number, {"name": free, "protocol": "TCP", "port": number, "targetPort": number})
    return list(found.values())


def discovered(canary: Canary, target: Manifest | None) -> Iterable[tuple[str, str, int]]:
    """The other ports of the target's containers: their name (may be empty), the name if that is taken, the number."""
    pod = (target or {}).get("spec", {}).get("template", {}).get("spec", {})
    for container in pod.get("containers") or ():
        if container["name"] in SIDECARS:
            continue
        for index, port in enumerate(container.get("ports") or ()):
            if canary.spec.service.container_port not in (port["containerPort"], port.get("name")):
                yield port.get("name", ""), f"tcp-{container['name']}-{index}", port["containerPort"]
