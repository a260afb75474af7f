"""What other people and other tools do to a world, by the word that names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from davy.api.canary import API_VERSION
from davy.api.ref import Manifest, Ref
from davy.sim import routes
from davy.sim.crews import Crew
from davy.sim.tags import releasing
from davy.sim.world import APP as APP
from davy.sim.world import World

NAMESPACE = APP.namespace
PRIMARY = APP._replace(name="app-primary")
CANARY = Ref(API_VERSION, "Canary", NAMESPACE, "app")
ROUTE = Ref("gateway.networking.k8s.io/v1", "HTTPRoute", NAMESPACE, "app")
APEX = Ref("v1", "Service", NAMESPACE, "app")
CONFIG = Ref("v1", "ConfigMap", NAMESPACE, "settings")
SECRET = Ref("v1", "Secret", NAMESPACE, "password")
NOTE = "example.com/note"
HELD = "example.com/hold"
NEW_DEFAULT = "newDefault"
"""A field of pod specs that the API server learns to serve."""
COMMAND = "davy.dev/command"
"""Annotation by which a human says what a release is to do."""


def target(world: World) -> Ref:
    """The workload that the canary is about."""
    return world.target


def primary(world: World) -> Ref:
    return target(world)._replace(name=PRIMARY.name)


def route(world: World) -> Ref | None:
    """The object by which the traffic is split, if there is one."""
    named = [ref for ref in world.objects if ref.kind in SPLITS and ref.name == APEX.name]
    return named[0] if named else None


SPLITS = ("HTTPRoute", "VirtualService")


def changed(world: World, ref: Ref, *path: str, value: Any) -> None:
    """One field of one object, as a patch would do it; nothing if the object is not there."""
    live = world.objects.get(ref)
    if live is not None:
        world.update(ref, put(live, path, value))


def put(node: Manifest, path: tuple[str, ...], value: Any) -> Manifest:
    """None takes the field away."""
    first, *rest = path
    if not rest and value is None:
        return {key: item for key, item in node.items() if key != first}
    return {**node, first: put(node.get(first) or {}, tuple(rest), value) if rest else value}


def release(world: World, tag: Any) -> None:
    """`kubectl set image`."""
    ref = target(world)
    if ref in world.objects:
        changed(world, ref, "spec", value=releasing(world.objects[ref], str(tag)))


def skip(world: World, value: Any) -> None:
    changed(world, CANARY, "spec", "skipAnalysis", value=bool(value))


def suspend(world: World, value: Any) -> None:
    changed(world, CANARY, "spec", "suspend", value=bool(value))


def delete(world: World, propagation: Any) -> None:
    world.delete(CANARY, str(propagation or "Background"))


def delete_target(world: World, value: Any) -> None:
    world.delete(target(world))


def end_namespace(world: World, value: Any) -> None:
    """`kubectl delete namespace`."""
    world.ending = True
    for ref in list(world.objects):
        world.delete(ref)


def weigh(world: World, weight: Any) -> None:
    """Somebody edits the route by hand."""
    ref = route(world)
    if ref is not None:
        changed(world, ref, "spec", value=routes.reweighted(world.objects[ref]["spec"], int(weight)))


def unroute(world: World, value: Any) -> None:
    ref = route(world)
    if ref is not None:
        world.delete(ref)


def scale(world: World, replicas: Any) -> None:
    """GitOps writes the target's replicas."""
    if target(world).kind == "Deployment":
        changed(world, target(world), "spec", "replicas", value=int(replicas))


def scale_primary(world: World, replicas: Any) -> None:
    if target(world).kind == "Deployment":
        changed(world, primary(world), "spec", "replicas", value=int(replicas))


def point(world: World, side: Any) -> None:
    """Somebody rewrites the selector of the apex Service."""
    if target(world) != APEX:
        changed(world, APEX, "spec", "selector", value={"app": "app-primary" if side == "primary" else "app"})


def annotate(world: World, value: Any) -> None:
    """An edit that moves no generation."""
    changed(world, target(world), "metadata", "annotations", NOTE, value=str(value))


def reserve(world: World, value: Any) -> None:
    """The API server begins to serve the target's template with a field more; nobody edited it."""
    for ref in (target(world), primary(world)):
        live = world.objects.get(ref)
        if live is not None and "template" in live["spec"]:
            world.show(ref, put(live, ("spec", "template", "spec", NEW_DEFAULT), str(value)))


def lose_target(world: World, seconds: Any) -> None:
    world.kill(target(world), float(seconds))


def lose_primary(world: World, seconds: Any) -> None:
    world.kill(primary(world), float(seconds))


def remove_primary(world: World, value: Any) -> None:
    """Somebody deletes the primary."""
    world.delete(primary(world))


def remake(world: World, what: Any) -> None:
    """Somebody deletes an object and makes it again at once; the pods of a workload are new ones then."""
    ref = {"target": target(world), "apex": APEX, "route": route(world), "canary": None}[str(what)]
    live = world.objects.get(ref) if ref else None
    if ref is None or live is None:
        return
    kept = {
        key: live["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in live["metadata"]
    }
    world.delete(ref)
    world.create({**{key: item for key, item in live.items() if key != "status"}, "metadata": kept})


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


def provide(world: World, provider: Any) -> None:
    """Somebody edits the provider; `nonsense` is none."""
    changed(world, CANARY, "spec", "provider", value=str(provider))


def configure(world: World, value: Any) -> None:
    """The ConfigMap gets another content, or is made."""
    filled(world, CONFIG, str(value))


def keep_secret(world: World, value: Any) -> None:
    """The Secret gets another content, or is made."""
    filled(world, SECRET, str(value))


def filled(world: World, ref: Ref, value: str) -> None:
    if ref in world.objects:
        changed(world, ref, "data", "value", value=value)
    else:
        world.create(config(ref, value))


def config(ref: Ref, value: str) -> Manifest:
    kind = {"type": "Opaque"} if ref.kind == "Secret" else {}
    metadata = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata, "data": {"value": value}, **kind}


def unconfigure(world: World, value: Any) -> None:
    world.delete(CONFIG)


def command(world: World, text: Any) -> None:
    """`kubectl annotate`; empty: the annotation is taken away."""
    changed(world, CANARY, "metadata", "annotations", COMMAND, value=str(text) or None)


def behave(world: World, value: Any) -> None:
    """`confirm-promotion closed`: from now on hooks of the type (or `alert`) answer so."""
    who, _, how = str(value).partition(" ")
    world.manners[who] = how


def load(world: World, pods: Any) -> None:
    """From now on all the traffic needs so many pods."""
    world.load = int(pods)


def lose_node(world: World, value: Any) -> None:
    """A node goes with its pod of each DaemonSet."""
    world.nodes = max(world.nodes - 1, 0)
    for ref, crew in list(world.crews.items()):
        if ref.kind == "DaemonSet":
            world.crews[ref] = Crew(crew.template, crew.pods[: world.nodes])


def status_by_hand(world: World, value: Any) -> None:
    """Another program adds a condition of its own to the canary's status."""
    live = world.objects.get(CANARY)
    if live is not None:
        foreign = {"type": str(value), "status": "True", "reason": "Foreign", "message": ""}
        conditions = [*(live.get("status", {}).get("conditions") or ()), foreign]
        changed(world, CANARY, "status", "conditions", value=conditions)


DEEDS: Mapping[str, Callable[[World, Any], None]] = {
    "release": release,
    "skip": skip,
    "suspend": suspend,
    "delete": delete,
    "delete target": delete_target,
    "end namespace": end_namespace,
    "weigh": weigh,
    "unroute": unroute,
    "scale": scale,
    "scale primary": scale_primary,
    "point": point,
    "annotate": annotate,
    "reserve": reserve,
    "lose target": lose_target,
    "lose primary": lose_primary,
    "lose node": lose_node,
    "remove primary": remove_primary,
    "remake": remake,
    "max weight": shorten,
    "hold": finalize,
    "provider": provide,
    "config": configure,
    "secret": keep_secret,
    "config gone": unconfigure,
    "command": command,
    "behave": behave,
    "load": load,
    "status": status_by_hand,
}


def do(world: World, deed: str, value: Any) -> None:
    """It happens, and the controllers react."""
    world.foreign = True
    try:
        DEEDS[deed](world, value)
    finally:
        world.foreign = False
    world.settle()
