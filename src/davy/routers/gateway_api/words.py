"""Small pieces of an HTTPRoute: a field if there is something to say, a backend, a parent."""

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.api.service import GatewayRef


def given(field: str, value: object) -> Manifest:
    """The field if there is something to say."""
    return {field: value} if value else {}


def parent(gateway: GatewayRef) -> Manifest:
    """One entry of `parentRefs`."""
    return {
        "group": gateway.group,
        "kind": gateway.kind,
        **given("namespace", gateway.namespace),
        "name": gateway.name,
        **given("sectionName", gateway.section_name),
        **given("port", gateway.port),
    }


def to_service(name: str, port: int) -> Manifest:
    """A reference to a Service."""
    return {"group": "", "kind": "Service", "name": name, "port": port}


def backend(name: str, port: int, weight: int) -> Manifest:
    """One side of a split."""
    return to_service(name, port) | {"weight": weight}


def backends(canary: Canary, primary: int, trial: int) -> list[Manifest]:
    """Both sides of a split, the primary first."""
    port = canary.spec.service.port
    return [backend(canary.primary_service, port, primary), backend(canary.canary_service, port, trial)]
