"""Which routes hang on which listeners, and for which hostnames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from davy.cluster.gateway.objects import GROUP, Gateway, HTTPRoute, Listener, ParentRef

ANY = "*"


class Attachment(NamedTuple):
    """A route on a listener: the hostnames that both agree on, "*" for all."""

    gateway: Gateway
    listener: Listener
    route: HTTPRoute
    hostnames: tuple[str, ...]


class NotAccepted(NamedTuple):
    """Why a parent does not take the route. `reason` is one of Gateway API's for Accepted=False."""

    reason: str
    message: str


def attachments(gateways: Sequence[Gateway], routes: Iterable[HTTPRoute]) -> Iterator[Attachment]:
    """Every pair of listener and route that fit together."""
    for route in routes:
        for ref in route.spec.parent_refs:
            gateway = parent(gateways, route, ref)
            found = accepted_by(gateway, route, ref) if gateway else ()
            if not isinstance(found, NotAccepted):
                yield from found


def parent(gateways: Iterable[Gateway], route: HTTPRoute, ref: ParentRef) -> Gateway | None:
    """The Gateway of ours that the reference names."""
    wanted = (ref.namespace or route.metadata.namespace, ref.name)
    if (ref.group, ref.kind) != (GROUP, "Gateway"):
        return None
    return next((g for g in gateways if (g.metadata.namespace, g.metadata.name) == wanted), None)


def accepted_by(gateway: Gateway, route: HTTPRoute, ref: ParentRef) -> tuple[Attachment, ...] | NotAccepted:
    """What the route gets from this Gateway by this reference, or why nothing."""
    named = [listener for listener in gateway.spec.listeners if _is_named(listener, ref)]
    if not named:
        return NotAccepted("NoMatchingParent", f"Gateway {_name(gateway)} has no listener {_wanted(ref)}")
    allowed = [listener for listener in named if _lets_in(gateway, listener, route)]
    if not allowed:
        return NotAccepted(
            "NotAllowedByListeners",
            f"no HTTP listener of Gateway {_name(gateway)} takes routes from namespace {route.metadata.namespace}"
            " (allowedRoutes.namespaces.from: Same or All)",
        )
    shared = [(listener, intersection(listener.hostname, route.spec.hostnames)) for listener in allowed]
    found = tuple(Attachment(gateway, listener, route, hosts) for listener, hosts in shared if hosts)
    if not found:
        return NotAccepted(
            "NoMatchingListenerHostname",
            f"no listener of Gateway {_name(gateway)} serves any of the hostnames {', '.join(route.spec.hostnames)}",
        )
    return found


def _is_named(listener: Listener, ref: ParentRef) -> bool:
    return ref.section_name in (None, listener.name) and ref.port in (None, listener.port)


def _lets_in(gateway: Gateway, listener: Listener, route: HTTPRoute) -> bool:
    if listener.protocol != "HTTP":
        return False
    source = listener.allowed_routes.namespaces.from_
    return source == "All" or (source == "Same" and route.metadata.namespace == gateway.metadata.namespace)


def intersection(listener: str | None, route: Sequence[str]) -> tuple[str, ...]:
    """The hostnames that the listener and the route agree on; of a pair the narrower one."""
    if not route:
        return (listener or ANY,)
    if not listener:
        return tuple(route)
    narrower = [
        host if covers(listener, host) else listener
        for host in route
        if covers(listener, host) or covers(host, listener)
    ]
    return tuple(dict.fromkeys(narrower))


def covers(wide: str, narrow: str) -> bool:
    """Whether every host that `narrow` stands for is one of `wide`: `*.example.com` covers `a.b.example.com`."""
    if wide in (ANY, narrow):
        return True
    return wide.startswith("*.") and narrow.removeprefix("*").endswith(wide[1:])


def _name(gateway: Gateway) -> str:
    return f"{gateway.metadata.namespace}/{gateway.metadata.name}"


def _wanted(ref: ParentRef) -> str:
    return " and ".join(
        [*([f"named {ref.section_name}"] if ref.section_name else []), *([f"on port {ref.port}"] if ref.port else [])]
        or ["at all"]
    )
