"""What people take out of a canary's spec, and how it is seen that nothing of it is left in the generated objects."""

import asyncio
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.parts.families import provided
from tests.conformance.parts.idle import NOTHING, Written, second_tick
from tests.conformance.parts.left import SETTINGS, leave, merge, recorded, traces
from tests.conformance.parts.stage import DEPLOYMENT, SERVICE, Scene, Stage
from tests.conformance.parts.witness import CANARY, Manifest

from davy.routers import ROUTERS

CHOSEN_BY_THE_SERVER = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
QUIET = 1.5


@dataclass(frozen=True)
class Removal:
    """A change of `spec.service` by which something must go from the objects."""

    what: str
    trace: str
    """The recording whose objects Flagger had left."""
    was: Manifest = field(default_factory=dict)
    """Merge patch on the recorded `spec.service`: how it was before."""
    now: Manifest = field(default_factory=dict)
    """Merge patch on the recorded `spec.service`: how it is now."""
    left: Mapping[str, Manifest] = field(default_factory=dict)
    """Merge patches on the recorded objects: what Flagger had made of what was there before."""
    only_left: bool = False
    """No spec of a canary makes Davy write this; another Flagger did."""

    def __str__(self) -> str:
        return f"{self.trace} {self.what}"

    def __hash__(self) -> int:
        return hash(str(self))

    def canary(self, patch: Manifest) -> Manifest:
        made = recorded(self.trace).trace.source
        merge(made["spec"]["service"], copy.deepcopy(patch))
        return made

    @property
    def unroutable(self) -> str:
        """The provider, if there is no router for it."""
        provider = recorded(self.trace).trace.provider
        return "" if provider in ROUTERS else provider


SERVICES = ("Service/app", "Service/app-canary", "Service/app-primary")
REQUIRED = frozenset({"name", "port", "gatewayRefs"})
"""Fields that no canary of these recordings can do without, and the one that makes other objects."""
RICH = ("gwv1-fields", "istio-fields")
"""Recordings with many fields of `spec.service`, each of which is taken out."""


def port(**changes: Any) -> Manifest:
    return {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080, **changes}


def services(patch: Manifest) -> dict[str, Manifest]:
    return dict.fromkeys(SERVICES, patch)


def header(value: str) -> Manifest:
    return {
        "path": {"type": "PathPrefix", "value": "/"},
        "headers": [{"name": "x-user", "type": "Exact", "value": value}],
    }


def rule(*matches: Manifest) -> Manifest:
    weights = {"app-primary": 100, "app-canary": 0}
    backends = [{"kind": "Service", "name": name, "port": 80, "weight": each} for name, each in weights.items()]
    return {"matches": list(matches), "backendRefs": backends}


HEADER = header("a")
QUERY = {
    "path": {"type": "PathPrefix", "value": "/"},
    "queryParams": [{"name": "q", "type": "Exact", "value": "1"}],
}
GATEWAYS = [{"name": "gateway", "namespace": "ingress"}, {"name": "other"}]
DISCOVERED = {"name": "metrics", "protocol": "TCP", "port": 9797, "targetPort": 9797}
PLAIN = (
    Removal("port", "gwv1-promote", now={"port": 8000}),
    Removal(
        "port name", "gwv1-promote", was={"portName": "web"}, left=services({"spec": {"ports": [port(name="web")]}})
    ),
    Removal("target port", "gwv1-promote", now={"targetPort": "http"}),
    Removal(
        "discovered port",
        "gwv1-promote",
        was={"portDiscovery": True},
        left=services({"spec": {"ports": [port(), DISCOVERED]}}),
    ),
    Removal(
        "discovered port and port",
        "gwv1-promote",
        was={"portDiscovery": True},
        now={"port": 8000},
        left=services({"spec": {"ports": [port(), DISCOVERED]}}),
    ),
    Removal(
        "app protocol",
        "gwv1-promote",
        was={"appProtocol": "http"},
        left=services({"spec": {"ports": [port(appProtocol="http")]}}),
    ),
    Removal(
        "traffic distribution",
        "gwv1-promote",
        was={"trafficDistribution": "PreferClose"},
        left=services({"spec": {"trafficDistribution": "PreferClose"}}),
    ),
    Removal(
        "label",
        "gwv1-promote",
        was={"canary": {"labels": {"x": "y"}}, "primary": {"labels": {"x": "y"}}},
        left={each: {"metadata": {"labels": {"x": "y"}}} for each in SERVICES[1:]},
    ),
    Removal(
        "annotation",
        "gwv1-promote",
        was={"canary": {"annotations": {"x": "y"}}, "primary": {"annotations": {"x": "y"}}},
        left={each: {"metadata": {"annotations": {"x": "y"}}} for each in SERVICES[1:]},
    ),
    Removal(
        "header match",
        "gwv1-promote",
        was={"match": [{"headers": {"x-user": {"exact": "a"}}}, {"queryParams": {"q": {"exact": "1"}}}]},
        left={"HTTPRoute/app": {"spec": {"rules": [rule(HEADER, QUERY)]}}},
    ),
    Removal(
        "one of two header matches",
        "gwv1-promote",
        was={"match": [{"headers": {"x-user": {"exact": "a"}}}, {"headers": {"x-user": {"exact": "b"}}}]},
        now={"match": [{"headers": {"x-user": {"exact": "a"}}}]},
        left={"HTTPRoute/app": {"spec": {"rules": [rule(HEADER, header("b"))]}}},
    ),
    Removal(
        "second host",
        "gwv1-promote",
        was={"hosts": ["app.example.com", "www.example.com"]},
        left={"HTTPRoute/app": {"spec": {"hostnames": ["app.example.com", "www.example.com"]}}},
    ),
    Removal(
        "second gateway",
        "gwv1-promote",
        was={"gatewayRefs": GATEWAYS},
        left={"HTTPRoute/app": {"spec": {"parentRefs": GATEWAYS}}},
    ),
    Removal(
        "second key of the selector",
        "gwv1-promote",
        left={"Service/app": {"spec": {"selector": {"tier": "web"}}}},
        only_left=True,
    ),
)


def removals() -> Iterator[Removal]:
    yield from PLAIN
    for name in RICH:
        if any(trace.name == name for trace in traces()):
            service = recorded(name).trace.canary["spec"]["service"]
            yield from (Removal(each, name, now={each: None}) for each in service if each not in REQUIRED)


@dataclass(frozen=True)
class Removed:
    """The generated objects of three canaries with the same spec: one whose objects Flagger had left as they were
    before, one that was edited while Davy was at work, and one that never was otherwise."""

    left: Mapping[str, Manifest]
    taken_over: Mapping[str, Manifest]
    before: Mapping[str, Manifest]
    edited: Mapping[str, Manifest]
    fresh: Mapping[str, Manifest]
    idle: Written = NOTHING
    """What a second tick of the last one wrote."""
    unsupported: str = ""


async def remove(stage: Stage, removal: Removal) -> Removed:
    """Plays one row."""
    fresh, edited, taken_over = await asyncio.gather(
        made_fresh(stage, removal), edited_live(stage, removal), taken_from_flagger(stage, removal)
    )
    objects, idle, unsupported = fresh
    return Removed(*taken_over, *edited, objects, idle, unsupported)


async def made_fresh(stage: Stage, removal: Removal) -> tuple[Mapping[str, Manifest], Written, str]:
    async with stage.scene("fresh") as scene:
        await begun(scene, removal, removal.now)
        async with scene.operator(**settings(removal)) as davy:
            if unsupported := await scene.looked_at():
                return {}, NOTHING, unsupported
            await scene.reached("Initialized")
            idle = await second_tick(scene, davy)
            return generated(scene), idle, ""


async def edited_live(stage: Stage, removal: Removal) -> tuple[Mapping[str, Manifest], Mapping[str, Manifest]]:
    async with stage.scene("edited") as scene:
        await begun(scene, removal, removal.was)
        async with scene.operator(**settings(removal)):
            if await scene.looked_at():
                return {}, {}
            await scene.reached("Initialized")
            await scene.settled(QUIET)
            before = generated(scene)
            await edited_to(scene, removal.canary(removal.now))
            await scene.settled(QUIET)
            return before, generated(scene)


async def taken_from_flagger(stage: Stage, removal: Removal) -> tuple[Mapping[str, Manifest], Mapping[str, Manifest]]:
    async with stage.scene("left") as scene:
        await leave(recorded(removal.trace), scene, removal.canary(removal.now), removal.left)
        await scene.settled(QUIET)
        left = generated(scene)
        async with scene.operator(**settings(removal)):
            if not await scene.looked_at():
                await scene.settled(QUIET)
            return left, generated(scene)


async def begun(scene: Scene, removal: Removal, patch: Manifest) -> None:
    for each in recorded(removal.trace).trace.sources:
        await scene.create(removal.canary(patch) if each["kind"] == CANARY.kind else each)


async def edited_to(scene: Scene, canary: Manifest) -> None:
    """`kubectl replace`: what the new manifest does not name is gone from the spec."""
    live = await scene.get(CANARY, canary["metadata"]["name"])
    await scene.stage.person.replace({**live, "spec": scene.filled(canary["spec"])})


def settings(removal: Removal) -> Mapping[str, Any]:
    return SETTINGS[recorded(removal.trace).trace.group]


def generated(scene: Scene) -> dict[str, Manifest]:
    """The Services and the provider's objects as far as a spec decides on them."""
    kinds = (SERVICE, *provided())
    return {
        f"{kind.kind}/{name}": compared(manifest)
        for (kind, name), manifest in scene.seen.now().items()
        if kind in kinds and kind != DEPLOYMENT
    }


def compared(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    spec = {key: value for key, value in manifest["spec"].items() if key not in CHOSEN_BY_THE_SERVER}
    return {"labels": metadata.get("labels") or {}, "annotations": metadata.get("annotations") or {}, "spec": spec}
