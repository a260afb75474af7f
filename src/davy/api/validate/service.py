"""`spec.service`: ports, and what the provider needs or cannot work with."""

import re
from collections.abc import Iterator

from davy.api import durations
from davy.api.canary import Canary
from davy.api.validate.known import Known
from davy.api.validate.problem import Problem, error, warning
from davy.api.validate.target import provider_of
from davy.settings import Settings

PORTS = range(1, 65536)
GATEWAY_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")
"""What the Gateway API takes for a duration; anything else in it is refused by the API server."""


def problems(canary: Canary, settings: Settings, known: Known) -> Iterator[Problem]:
    """All problems of these fields."""
    provider = provider_of(canary, settings)
    if not canary.spec.target_ref.knative:
        yield from ports(canary)
    if provider.startswith("gatewayapi"):
        yield from gateway(canary, provider)
    if provider == "istio":
        yield from delegation(canary)
    if provider == "appmesh" and not canary.spec.service.mesh_name:
        message = "provider appmesh needs the name of the mesh; write it here"
        yield error("spec.service.meshName", "MeshMissing", message)
    drain = canary.spec.service.drain_seconds
    if drain is not None and not 0 <= drain < float("inf"):
        message = f"{drain:g} is not a time to wait; write 0 or more seconds"
        yield error("spec.service.drainSeconds", "OutOfRange", message)


def ports(canary: Canary) -> Iterator[Problem]:
    """The port, without which no Service can be made."""
    service = canary.spec.service
    if not service.port:
        yield error("spec.service.port", "PortMissing", "is needed for the Services; write the port that clients call")
    elif service.port not in PORTS:
        yield error("spec.service.port", "OutOfRange", f"{service.port} is not a port; write one from 1 to 65535")
    if isinstance(service.target_port, int) and service.target_port and service.target_port not in PORTS:
        message = f"{service.target_port} is not a port; write one from 1 to 65535 or a port's name"
        yield error("spec.service.targetPort", "OutOfRange", message)


def gateway(canary: Canary, provider: str) -> Iterator[Problem]:
    """What an HTTPRoute needs, and what cannot be said in one."""
    service = canary.spec.service
    if not service.gateway_refs:
        message = f"provider {provider} needs at least one Gateway that the route hangs on; name it here"
        yield error("spec.service.gatewayRefs", "GatewayMissing", message)
    if provider == "gatewayapi:v1":
        for name, text in (("timeout", service.timeout), ("backendTimeout", service.backend_timeout)):
            if text and not GATEWAY_DURATION.fullmatch(text):
                message = f"{text!r} is not a duration of the Gateway API; write for example 30s, 500ms or 1m30s"
                yield error(f"spec.service.{name}", "BadDuration", message)
        yield from timeouts(canary)
    for index, match in enumerate(service.match):
        if match.uri and not (match.uri.exact or match.uri.prefix or match.uri.regex):
            message = "says nothing about the path; write exact, prefix or regex, or leave it out"
            yield error(f"spec.service.match[{index}].uri", "MatchEmpty", message)
        if match.method and not match.method.exact:
            message = "the Gateway API compares a method as a whole; write exact"
            yield error(f"spec.service.match[{index}].method", "MatchUnsupported", message)


def timeouts(canary: Canary) -> Iterator[Problem]:
    """The whole request cannot have less time than its part."""
    service = canary.spec.service
    whole, part = (durations.seconds_or(text, 0) for text in (service.timeout, service.backend_timeout))
    if whole and part > whole:
        message = f"{service.backend_timeout} is more than the whole request has; write at most {service.timeout}"
        yield error("spec.service.backendTimeout", "OutOfRange", message)


def delegation(canary: Canary) -> Iterator[Problem]:
    """A delegate gets hosts and gateways from the VirtualService that delegates to it."""
    service = canary.spec.service
    for name, given in (("hosts", service.hosts), ("gateways", service.gateways)):
        if service.delegation and given:
            message = f"a delegate VirtualService has no {name} of its own; leave them out, or set delegation to false"
            yield error(f"spec.service.{name}", "DelegationConflict", message)
    if service.delegation and service.gateway_refs:
        yield warning("spec.service.gatewayRefs", "Ignored", "are used by the Gateway API only; leave them out")
