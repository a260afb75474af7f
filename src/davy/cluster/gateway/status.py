"""What the gateway says about GatewayClasses, Gateways and HTTPRoutes in their status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from davy.cluster.gateway.attach import NotAccepted, accepted_by, attachments, parent
from davy.cluster.gateway.backends import Unresolved, references, resolve
from davy.cluster.gateway.objects import GROUP, Gateway, GatewayClass, HTTPRoute, Listener, ParentRef
from davy.cluster.gateway.routes import problems
from davy.cluster.gateway.translate import World

CONTROLLER = "davy.dev/gateway"
Json = dict[str, Any]


def condition(type_: str, generation: int, *, reason: str = "", message: str = "", ok: bool = True) -> Json:
    return {
        "type": type_,
        "status": "True" if ok else "False",
        "reason": reason or type_,
        "message": message,
        "observedGeneration": generation,
    }


def class_status(item: GatewayClass) -> Json:
    return {"conditions": [condition("Accepted", item.metadata.generation, message="served by davy")]}


# --- HTTPRoute


def route_parents(world: World, route: HTTPRoute, *, refused: str | None = None) -> list[Json]:
    """`status.parents` with our entries new and those of other controllers as they are.

    refused: why Envoy does not take this generation; the last good one stays in force then.
    """
    others = [entry for entry in route.status.parents if entry.get("controllerName") != CONTROLLER]
    return others + [
        _route_parent(world, route, ref, gateway, refused)
        for ref in route.spec.parent_refs
        if (gateway := parent(world.gateways, route, ref)) is not None
    ]


def _route_parent(world: World, route: HTTPRoute, ref: ParentRef, gateway: Gateway, refused: str | None) -> Json:
    generation = route.metadata.generation
    return {
        "parentRef": _spelled(ref),
        "controllerName": CONTROLLER,
        "conditions": [_accepted(route, ref, gateway, refused, generation), _resolved(world, route, generation)],
    }


def _spelled(ref: ParentRef) -> Json:
    """The reference as the API serves it: readers look for an entry that equals the one in the spec."""
    return {"group": ref.group, "kind": ref.kind, **msgspec.to_builtins(ref)}


def _accepted(route: HTTPRoute, ref: ParentRef, gateway: Gateway, refused: str | None, generation: int) -> Json:
    found = accepted_by(gateway, route, ref)
    if isinstance(found, NotAccepted):
        return condition("Accepted", generation, reason=found.reason, message=found.message, ok=False)
    problem = refused or next(route_problems(route), None)
    if problem:
        return condition("Accepted", generation, reason="UnsupportedValue", message=problem, ok=False)
    return condition("Accepted", generation, message="in force")


def route_problems(route: HTTPRoute) -> Iterator[str]:
    """What in the spec this gateway cannot do."""
    for index, rule in enumerate(route.spec.rules):
        for words in problems(rule):
            yield f"spec.rules[{index}]: {words}"


def _resolved(world: World, route: HTTPRoute, generation: int) -> Json:
    for ref in references(route):
        found = resolve(world.services, route.metadata.namespace, ref)
        if isinstance(found, Unresolved):
            return condition("ResolvedRefs", generation, reason=found.reason, message=found.message, ok=False)
    return condition("ResolvedRefs", generation)


# --- Gateway


def gateway_status(world: World, gateway: Gateway) -> Json:
    generation = gateway.metadata.generation
    listeners = [_listener_status(world, gateway, listener) for listener in gateway.spec.listeners]
    broken = [c for entry in listeners for c in entry["conditions"] if c["status"] == "False"]
    return {
        "addresses": [{"type": "IPAddress", "value": world.address}],
        "conditions": [
            condition("Accepted", generation),
            _programmed(generation, broken),
        ],
        "listeners": listeners,
    }


def _programmed(generation: int, broken: Sequence[Mapping[str, Any]]) -> Json:
    if broken:
        return condition("Programmed", generation, reason="Invalid", message=broken[0]["message"], ok=False)
    return condition("Programmed", generation)


def _listener_status(world: World, gateway: Gateway, listener: Listener) -> Json:
    mine = attachments([gateway], world.routes)
    attached = {a.route.key for a in mine if a.listener.name == listener.name}
    return {
        "name": listener.name,
        "attachedRoutes": len(attached),
        "supportedKinds": [{"group": GROUP, "kind": "HTTPRoute"}],
        "conditions": _listener_conditions(world, listener, gateway.metadata.generation),
    }


def _listener_conditions(world: World, listener: Listener, generation: int) -> list[Json]:
    if listener.protocol != "HTTP":
        words = f"listener {listener.name}: protocol {listener.protocol} is not supported, only HTTP"
        return [
            condition("Accepted", generation, reason="UnsupportedProtocol", message=words, ok=False),
            condition("Programmed", generation, reason="Invalid", message=words, ok=False),
            condition("ResolvedRefs", generation),
        ]
    problem = world.unusable.get((world.address, listener.port))
    if problem is None:
        return [condition(type_, generation) for type_ in ("Accepted", "Programmed", "ResolvedRefs")]
    words = f"listener {listener.name}: {problem}"
    return [
        condition("Accepted", generation, reason="PortUnavailable", message=words, ok=False),
        condition("Programmed", generation, reason="Invalid", message=words, ok=False),
        condition("ResolvedRefs", generation),
    ]


# --- writing only what is new


def stamped(new: Any, old: Any, now: str) -> Any:
    """`new` with a lastTransitionTime in every condition: the old one where the condition's status is as it was."""
    match new:
        case {"type": str(type_), "status": status, "reason": _}:
            before = _same_type(type_, old)
            since = before.get("lastTransitionTime", now) if before.get("status") == status else now
            return {**new, "lastTransitionTime": since}
        case dict():
            return {key: stamped(value, _member(old, key), now) for key, value in new.items()}
        case list():
            return [stamped(value, _partner(value, old), now) for value in new]
        case _:
            return new


def _member(old: Any, key: str) -> Any:
    return old.get(key) if isinstance(old, dict) else None


def _partner(value: Any, old: Any) -> Any:
    """Where in an old list the entry is that speaks of the same thing; conditions look through the whole list."""
    entries: Iterable[Any] = old if isinstance(old, list) else ()
    if isinstance(value, dict):
        for name in ("parentRef", "name"):
            if name in value:
                return next((entry for entry in entries if _member(entry, name) == value[name]), None)
    return entries


def _same_type(type_: str, conditions: Any) -> Mapping[str, Any]:
    found = conditions if isinstance(conditions, Iterable) else ()
    return next((c for c in found if isinstance(c, dict) and c.get("type") == type_), {})
