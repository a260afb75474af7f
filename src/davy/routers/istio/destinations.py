"""Where the requests go: the two sides with their shares, and copies of requests."""

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core.snapshot import Routing

MESH = "mesh"
"""Istio's word for all sidecars, as opposed to gateways."""


def destination(canary: Canary, host: str) -> Manifest:
    """A Service, by its short name."""
    service = canary.spec.service
    through_gateway = service.delegation or (bool(service.gateways) and service.gateways[0] != MESH)
    # A gateway cannot tell by itself which of several ports is meant; a sidecar goes by the port that was called.
    port = {"port": {"number": service.port}} if service.port_discovery and through_gateway else {}
    return {"host": host, **port}


def share(canary: Canary, host: str, weight: int, cookie: str = "") -> Manifest:
    """One side. `cookie`: what those who come to it are told to keep."""
    told = {"headers": {"response": {"add": {"Set-Cookie": cookie}}}} if cookie else {}
    return {"destination": destination(canary, host), "weight": weight, **told}


def sides(canary: Canary, routing: Routing, primary_cookie: str = "", canary_cookie: str = "") -> list[Manifest]:
    """The split."""
    return [
        share(canary, canary.primary_service, routing.primary, primary_cookie),
        share(canary, canary.canary_service, routing.canary, canary_cookie),
    ]


def copies(canary: Canary, routing: Routing) -> Manifest:
    """Copies of requests to the canary, whose answers nobody sees: of all requests, or of `mirrorWeight` percent."""
    if not routing.mirrored:
        return {}
    percent = canary.analysis.mirror_weight
    limit = {"mirrorPercentage": {"value": percent}} if percent > 0 else {}
    return {"mirror": destination(canary, canary.canary_service), **limit}


def tcp_rules(canary: Canary, routing: Routing) -> list[Manifest]:
    """The one rule for connections. Of the service's matches only the port means something to a connection."""
    ports = [{"port": match.port} if match.port else {} for match in canary.spec.service.match]
    return [{**({"match": ports} if ports else {}), "route": sides(canary, routing)}]
