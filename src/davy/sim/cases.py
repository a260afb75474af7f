"""A case: one app, one canary, what people do to them, what bad luck there is, and how it must end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field, json
from msgspec.structs import replace

from davy.api.canary import Canary
from davy.core.snapshot import Error, NoData, Reading, Value
from davy.sim import manifests
from davy.sim.deeds import CANARY, CONFIG, changed, target
from davy.sim.faults import NONE, Deed, Faults
from davy.sim.manifests import WEIGHTED, canary, world
from davy.sim.outside import Readings
from davy.sim.run import Run
from davy.sim.tags import released
from davy.sim.world import World


def edit(world: World, **spec: Any) -> None:
    """`kubectl patch canary`."""
    changed(world, CANARY, "spec", value={**world.objects[CANARY]["spec"], **spec})


def always(number: float) -> Readings:
    return lambda world, canary, name: Value(number)


def by_tag(readings: Mapping[str, float]) -> Readings:
    """A success rate by the release that the target is of, and by what its ConfigMap says: 100 unless given.

    `none…`: no data, `err…`: an error, `badcfg…`: as a bad release.
    """

    def reading(world: World, canary: Canary, name: str) -> Reading:
        tag = released(world.objects[target(world)])
        if said := world.manners.get("metrics"):
            return Value(float(said))
        if tag.startswith("none"):
            return NoData()
        if any(str(value).startswith("badcfg") for value in settings(world).values()):
            return Value(80.0)
        return Error("refused", "HTTP 400") if tag.startswith("err") else Value(readings.get(tag, 100.0))

    return reading


def settings(world: World) -> Mapping[str, str]:
    """What the app is configured with."""
    found: Mapping[str, str] = world.objects.get(CONFIG, {}).get("data", {})
    return found


READINGS: Mapping[str, float] = {"1.2": 80.0, "1.4": 80.0}
"""Success rates of the bad releases."""


def deed(do: str, value: str | float = 0, when: str = "Initialized", after: float = 0) -> Deed:
    return Deed(do=do, value=value, when=when, after=after)


class Scenario(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A world, what happens to it, and how it must end where no bad luck comes in between."""

    name: str
    provider: str = "gatewayapi:v1"
    kind: str = "Deployment"
    scaler: str = ""
    """`hpa` or `keda`."""
    load: int = 0
    """Pods that all the traffic needs; what autoscalers go by."""
    configured: bool = False
    """The target uses a ConfigMap and a Secret."""
    analysis: Mapping[str, Any] = field(default_factory=lambda: WEIGHTED)
    spec: Mapping[str, Any] = {}
    tag: str = "1.0"
    script: tuple[Deed, ...] = ()
    gateway: str = ""
    fresh: bool = False
    """Begins before the canary's first tick and not after its initialisation."""
    apex: bool = False
    """The apex Service is there before, as the user's own."""
    ends: str = "Succeeded"
    runs: str = ""
    """Release that the primary is of at the end; empty: whatever."""
    within: float = 3600
    """Seconds after which it must be over."""


class Case(Struct, frozen=True, omit_defaults=True):
    """All that a run depends on."""

    scenario: Scenario
    faults: Faults = NONE

    def run(self) -> Run:
        """The run, not begun yet."""
        scenario = self.scenario
        made = first_world(scenario) if scenario.fresh else initialized(scenario).fork()
        return Run(made, CANARY, by_tag(READINGS), faults=self.faults, script=scenario.script)


def first_world(scenario: Scenario) -> World:
    """The app and its canary, never touched by us."""
    there = [manifests.target(scenario.kind, scenario.tag, scenario.configured)]
    there += [manifests.own_apex()] if scenario.apex else []
    there += manifests.configs() if scenario.configured else []
    spec = dict(scenario.spec)
    if scenario.scaler:
        scaler = manifests.SCALERS[scenario.scaler]()
        there.append(scaler)
        named = {"apiVersion": scaler["apiVersion"], "kind": scaler["kind"], "name": scaler["metadata"]["name"]}
        spec["autoscalerRef"] = named
    made = canary(scenario.provider, dict(scenario.analysis), scenario.kind, **spec)
    return world(*there, made, gateway=scenario.gateway, load=scenario.load)


INITIALIZED: dict[bytes, World] = {}


def initialized(scenario: Scenario) -> World:
    """The same, after an initialisation without bad luck. Made once for all scenarios that begin alike."""
    key = json.encode(replace(scenario, name="", script=(), ends="", runs=""))
    if key not in INITIALIZED:
        run = Run(first_world(scenario), CANARY, always(100))
        INITIALIZED[key] = run.until(lambda run: run.phase == "Initialized" and run.settled).world
    return INITIALIZED[key]
