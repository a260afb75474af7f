"""What other people and other tools do to a world, by the word that names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from davy.api.canary import API_VERSION
from davy.api.ref import Manifest, Ref
from davy.sim.world import World

NAMESPACE = "test"
APP = Ref("apps/v1", "Deployment", NAMESPACE, "app")
PRIMARY = APP._replace(name="app-primary")
CANARY = Ref(API_VERSION, "Canary", NAMESPACE, "app")
ROUTE = Ref("gateway.networking.k8s.io/v1", "HTTPRoute", NAMESPACE, "app")
NOTE = "example.com/note"
HELD = "example.com/hold"
APEX = Ref("v1", "Service", NAMESPACE, "app")


def changed(world: World, ref: Ref, *path: str, value: Any) -> None:
    """One field of one object, as a patch would do it; nothing if the object is not there."""
    live = world.objects.get(ref)
    if live is not None:
        world.update(ref, put(live, path, value))


def put(node: Manifest, path: tuple[str, ...], value: Any) -> Manifest:
    first, *rest = path
    return {**node, first: put(node.get(first) or {}, tuple(rest), value) if rest else value}


def tagged(template: Manifest, tag: str) -> Manifest:
    container = {**template["spec"]["containers"][0], "image": f"registry.example/app:{tag}"}
    return {**template, "spec": {**template["spec"], "containers": [container]}}


def release(world: World, tag: Any) -> None:
    """`kubectl set image`."""
    live = world.objects.get(APP)
    if live is not None:
        changed(world, APP, "spec", "template", value=tagged(live["spec"]["template"], str(tag)))


def skip(world: World, value: Any) -> None:
    changed(world, CANARY, "spec", "skipAnalysis", value=bool(value))


def suspend(world: World, value: Any) -> None:
    changed(world, CANARY, "spec", "suspend", value=bool(value))


def delete(world: World, value: Any) -> None:
    world.delete(CANARY)


def weigh(world: World, weight: Any) -> None:
    """Somebody edits the route by hand."""
    live = world.objects.get(ROUTE)
    if live is not None:
        rule = live["spec"]["rules"][0]
        shares = (100 - int(weight), int(weight))
        backends = [{**old, "weight": share} for old, share in zip(rule["backendRefs"], shares, strict=True)]
        changed(world, ROUTE, "spec", "rules", value=[{**rule, "backendRefs": backends}])


def unroute(world: World, value: Any) -> None:
    world.delete(ROUTE)


def scale(world: World, replicas: Any) -> None:
    """GitOps writes the target's replicas."""
    changed(world, APP, "spec", "replicas", value=int(replicas))


def scale_primary(world: World, replicas: Any) -> None:
    changed(world, PRIMARY, "spec", "replicas", value=int(replicas))


def point(world: World, side: Any) -> None:
    """Somebody rewrites the selector of the apex Service."""
    changed(world, APEX, "spec", "selector", value={"app": "app-primary" if side == "primary" else "app"})


def annotate(world: World, value: Any) -> None:
    """An edit that moves no generation."""
    changed(world, APP, "metadata", "annotations", NOTE, value=str(value))


def reserve(world: World, value: Any) -> None:
    """The API server begins to serve the target's template with a field more; nobody edited it."""
    for ref in (APP, PRIMARY):
        if live := world.objects.get(ref):
            world.rewrite(ref, put(live, ("spec", "template", "spec", "newDefault"), str(value)))


def lose_target(world: World, seconds: Any) -> None:
    world.kill(APP, float(seconds))


def lose_primary(world: World, seconds: Any) -> None:
    world.kill(PRIMARY, float(seconds))


def remove_primary(world: World, value: Any) -> None:
    """Somebody deletes the primary."""
    world.delete(PRIMARY)


def finalize(world: World, held: Any) -> None:
    """Another controller puts its own finalizer on the canary, or takes it away."""
    live = world.objects.get(CANARY)
    if live is not None:
        others = [name for name in live["metadata"].get("finalizers") or () if name != HELD]
        changed(world, CANARY, "metadata", "finalizers", value=[*others, HELD] if held else others)


def shorten(world: World, value: Any) -> None:
    """Somebody edits the analysis in the middle of a run."""
    live = world.objects.get(CANARY)
    if live is not None:
        changed(world, CANARY, "spec", "analysis", value={**live["spec"]["analysis"], "maxWeight": int(value)})


DEEDS: Mapping[str, Callable[[World, Any], None]] = {
    "release": release,
    "skip": skip,
    "suspend": suspend,
    "delete": delete,
    "weigh": weigh,
    "unroute": unroute,
    "scale": scale,
    "scale primary": scale_primary,
    "point": point,
    "annotate": annotate,
    "reserve": reserve,
    "lose target": lose_target,
    "lose primary": lose_primary,
    "remove primary": remove_primary,
    "max weight": shorten,
    "hold": finalize,
}


def do(world: World, deed: str, value: Any) -> None:
    """It happens, and the controllers react."""
    world.foreign = True
    try:
        DEEDS[deed](world, value)
    finally:
        world.foreign = False
    world.settle()
