"""Routes of the model: when the proxies take one up, what its status says then, and how people edit one by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from davy.api.ref import Manifest, Ref

if TYPE_CHECKING:
    from davy.sim.world import World

KINDS = (
    ("gateway.networking.k8s.io", "HTTPRoute"),
    ("networking.istio.io", "VirtualService"),
    ("networking.istio.io", "DestinationRule"),
)
"""Objects that proxies follow."""


def tend(world: World, ref: Ref) -> None:
    """The proxies follow a route at once, or after a while; only a gateway that reports says so."""
    live = world.objects[ref]
    gateway = world.gateway
    if gateway is None:
        world.in_force[ref] = live
    elif waits(world, ref, live) and world.now >= due(world, ref):
        world.in_force[ref] = live
        if reports_on(world, ref):
            world.show(ref, {**live, "status": {"parents": reports(live, gateway.controller)}})


def moments(world: World, ref: Ref) -> Iterator[datetime]:
    """When it is taken up."""
    if world.gateway is not None and waits(world, ref, world.objects[ref]):
        yield due(world, ref)


def ready(world: World, ref: Ref) -> int:
    return 0


def due(world: World, ref: Ref) -> datetime:
    """When the proxies take up the route as it stands."""
    return world.written_at[ref] + timedelta(seconds=world.gateway.seconds if world.gateway else 0)


def waits(world: World, ref: Ref, live: Manifest) -> bool:
    """The proxies do not follow it as it stands yet, or nobody has said that they do."""
    known = world.in_force.get(ref)
    if known is None or known.get("spec") != live.get("spec"):
        return True
    return reports_on(world, ref) and taken_up(live) < live["metadata"]["generation"]


def reports_on(world: World, ref: Ref) -> bool:
    return bool(world.gateway and world.gateway.controller and ref.kind == "HTTPRoute")


def taken_up(route: Manifest) -> int:
    """The generation that the gateway has reported."""
    parents = route.get("status", {}).get("parents") or ()
    return max((parent["conditions"][0]["observedGeneration"] for parent in parents), default=0)


def reports(route: Manifest, controller: str) -> list[Manifest]:
    accepted = {"type": "Accepted", "status": "True", "observedGeneration": route["metadata"]["generation"]}
    return [
        {"parentRef": parent, "controllerName": controller, "conditions": [accepted]}
        for parent in route["spec"]["parentRefs"]
    ]


def reweighted(value: Any, weight: int) -> Any:
    """A route, or a part of one, in which each split between two sides is this one."""
    match value:
        case [{"weight": int()} as one, {"weight": int()} as other]:
            return [{**one, "weight": 100 - weight}, {**other, "weight": weight}]
        case list():
            return [reweighted(item, weight) for item in value]
        case dict():
            return {key: reweighted(item, weight) for key, item in value.items()}
        case _:
            return value
