"""Traffic providers, one per file: how the traffic is split between primary and canary."""

from collections.abc import Mapping

from davy.routers.base import Router
from davy.routers.gateway_api import GatewayApi
from davy.routers.istio import Istio
from davy.routers.knative import Knative
from davy.routers.kubernetes import Kubernetes

ROUTERS: Mapping[str, Router] = {
    "gatewayapi:v1": GatewayApi("v1"),
    "gatewayapi:v1beta1": GatewayApi("v1beta1"),
    "istio": Istio(),
    "knative": Knative(),
    "kubernetes": Kubernetes(),
}
"""`spec.provider` → the router."""


class UnknownRouter(LookupError):  # noqa: N818 - a state of the manifest, not a mistake in the program
    """A provider that is not there; the text names those that are."""


def router_for(name: str) -> Router:
    """The router of that provider; raises `UnknownRouter`."""
    try:
        return ROUTERS[name]
    except KeyError:
        raise UnknownRouter(f"unknown provider {name!r}; known: {', '.join(sorted(ROUTERS))}") from None
