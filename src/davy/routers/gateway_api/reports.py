"""What the controllers of a route's parents say about it, read from the HTTPRoute's status."""

from collections.abc import Iterator

from davy.api.ref import Manifest
from davy.core import names

GROUP = "gateway.networking.k8s.io"


def identity(reference: Manifest, namespace: str) -> tuple[object, ...]:
    """What makes two parent references the same, defaults filled in."""
    return (
        reference.get("group", GROUP),
        reference.get("kind", "Gateway"),
        reference.get("namespace") or namespace,
        reference.get("name"),
        reference.get("sectionName"),
        reference.get("port"),
    )


def parents_of(route: Manifest) -> list[tuple[object, ...]]:
    """The identities of the route's own parents."""
    return [identity(reference, route["metadata"]["namespace"]) for reference in route["spec"].get("parentRefs") or ()]


def reports_of(route: Manifest) -> Iterator[Manifest]:
    """The entries of the status that speak of one of the route's present parents."""
    wanted = parents_of(route)
    for report in (route.get("status") or {}).get("parents") or ():
        if identity(report.get("parentRef", {}), route["metadata"]["namespace"]) in wanted:
            yield report


def abandoned(route: Manifest) -> bool:
    """A controller has written the status, and no parent stands in it any more: the Gateway went, or never was."""
    return (route.get("status") or {}).get("parents") == [] and bool(parents_of(route))


def acceptance(report: Manifest) -> Manifest:
    """The condition `Accepted`; empty if the controller has not said anything."""
    conditions = report.get("conditions") or ()
    return next((item for item in conditions if item.get("type") == "Accepted"), {})


def objections(route: Manifest, report: Manifest) -> Iterator[str]:
    """Why this parent does not accept the route as it stands, for people; nothing if it does or is silent."""
    condition = acceptance(report)
    by = f"{report.get('parentRef', {}).get('name')} ({report.get('controllerName', 'unknown controller')})"
    seen, generation = condition.get("observedGeneration"), route["metadata"].get("generation")
    if seen is not None and generation is not None and seen < generation:
        yield f"{by} has not seen generation {generation} yet"
    elif condition and condition.get("status") != "True":
        yield f"{by} does not accept it: {condition.get('reason', '')} {condition.get('message', '')}".rstrip()


def accepts(route: Manifest, report: Manifest) -> bool:
    """This parent says that it has taken up the very generation."""
    condition = acceptance(report)
    seen = condition.get("observedGeneration")
    return condition.get("status") == "True" and seen is not None and seen == route["metadata"].get("generation")


def acknowledged(route: Manifest) -> bool:
    """Every parent is ours, and our gateway reports only what the proxy has acknowledged."""
    wanted, namespace = parents_of(route), route["metadata"]["namespace"]
    ours = {
        identity(report["parentRef"], namespace)
        for report in reports_of(route)
        if report.get("controllerName") == names.GATEWAY_CONTROLLER and accepts(route, report)
    }
    return bool(wanted) and ours.issuperset(wanted)
