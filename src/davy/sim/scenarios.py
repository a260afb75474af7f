"""Ready-made worlds and stimuli: one app, one canary, what people do to them, and how it must end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field, json
from msgspec.structs import replace

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core.names import GATEWAY_CONTROLLER
from davy.core.snapshot import Error, NoData, Reading, Value
from davy.sim.deeds import APEX as APEX
from davy.sim.deeds import APP as APP
from davy.sim.deeds import CANARY as CANARY
from davy.sim.deeds import NAMESPACE as NAMESPACE
from davy.sim.deeds import PRIMARY as PRIMARY
from davy.sim.deeds import ROUTE as ROUTE
from davy.sim.deeds import changed, tagged
from davy.sim.deeds import release as release
from davy.sim.faults import NONE, Deed, Faults
from davy.sim.run import Readings, Run
from davy.sim.world import Gateway, World

WEIGHTED: Manifest = {"stepWeight": 20, "maxWeight": 40}
ITERATED: Manifest = {"iterations": 2}
SERVICE: Manifest = {"port": 80, "targetPort": 8080, "gatewayRefs": [{"name": "gateway", "namespace": "ingress"}]}
METRIC: Manifest = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}

GATEWAYS: Mapping[str, Gateway | None] = {
    "": None,
    "ours": Gateway(GATEWAY_CONTROLLER, 0.0),
    "slow": Gateway("gateway.example/controller", 3.0),
}


def deployment(tag: str = "1.0", replicas: int = 2) -> Manifest:
    bare = {"metadata": {"labels": {"app": "app"}}, "spec": {"containers": [{"name": "app"}]}}
    return {
        "apiVersion": APP.api_version,
        "kind": APP.kind,
        "metadata": {"name": APP.name, "namespace": NAMESPACE, "labels": {"app": "app"}},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "app"}},
            "template": tagged(bare, tag),
        },
    }


def canary(provider: str = "gatewayapi:v1", analysis: Manifest | None = None, **spec: Any) -> Manifest:
    judged = {"interval": "10s", "threshold": 2, "metrics": [METRIC], **(analysis or WEIGHTED)}
    return {
        "apiVersion": CANARY.api_version,
        "kind": CANARY.kind,
        "metadata": {"name": CANARY.name, "namespace": NAMESPACE},
        "spec": {
            "provider": provider,
            "progressDeadlineSeconds": 60,
            "targetRef": {"apiVersion": APP.api_version, "kind": APP.kind, "name": APP.name},
            "service": SERVICE,
            "analysis": judged,
            **spec,
        },
    }


def own_apex() -> Manifest:
    """A Service with the apex's name that was there before the canary."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": APEX.name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": "app"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }


def world(*manifests: Manifest, gateway: str = "") -> World:
    """A world with these objects, its pods ready; with none: the app and a weighted canary."""
    made = World(gateway=GATEWAYS[gateway])
    for manifest in manifests or (deployment(), canary()):
        made.create(manifest)
    made.settle()
    while (moment := made.next_event()) is not None:
        made.pass_to(moment)
    return made


def edit(world: World, **spec: Any) -> None:
    """`kubectl patch canary`."""
    changed(world, CANARY, "spec", value={**world.objects[CANARY]["spec"], **spec})


def always(number: float) -> Readings:
    return lambda world, canary, name: Value(number)


def by_tag(readings: Mapping[str, float]) -> Readings:
    """A success rate by the image tag that the target carries: 100 unless given; `none…`: no data, `err…`: an error."""

    def reading(world: World, canary: Canary, name: str) -> Reading:
        tag = world.objects[APP]["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        if tag.startswith("none"):
            return NoData()
        return Error("refused", "HTTP 400") if tag.startswith("err") else Value(readings.get(tag, 100.0))

    return reading


READINGS: Mapping[str, float] = {"1.2": 80.0, "1.4": 80.0}
"""Success rates of the bad releases."""


class Scenario(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A world, what happens to it, and how it must end where no bad luck comes in between."""

    name: str
    provider: str = "gatewayapi:v1"
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
    """Tag that the primary runs at the end; empty: whatever."""


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
    there = [own_apex()] if scenario.apex else []
    made = canary(scenario.provider, dict(scenario.analysis), **scenario.spec)
    return world(deployment(scenario.tag), *there, made, gateway=scenario.gateway)


INITIALIZED: dict[bytes, World] = {}


def initialized(scenario: Scenario) -> World:
    """The same, after an initialisation without bad luck. Made once for all scenarios that begin alike."""
    key = json.encode(replace(scenario, name="", script=(), ends="", runs=""))
    if key not in INITIALIZED:
        run = Run(first_world(scenario), CANARY, always(100))
        INITIALIZED[key] = run.until(lambda run: run.phase == "Initialized").world
    return INITIALIZED[key]


def deed(do: str, value: str | float = 0, when: str = "Initialized") -> Deed:
    return Deed(do=do, value=value, when=when)


STRATEGIES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("weighted", "gatewayapi:v1", WEIGHTED),
    ("iterated", "gatewayapi:v1", ITERATED),
    ("blue-green", "kubernetes", ITERATED),
    ("watched", "kubernetes", WEIGHTED),
)
"""Each strategy with each kind of provider."""

STEP: Mapping[str, str] = {
    "weighted": "weight 20",
    "iterated": "iterations 1",
    "blue-green": "iterations 1",
    "watched": "iterations 1",
}
"""A moment in the middle of the analysis."""

STORIES: tuple[tuple[str, tuple[Deed, ...], Mapping[str, Any]], ...] = (
    ("begins", (), {"fresh": True, "ends": "Initialized", "runs": "1.0"}),
    ("only served anew", (deed("reserve", "x"),), {"ends": "Initialized", "runs": "1.0"}),
    ("good", (deed("release", "1.1"),), {"runs": "1.1"}),
    ("bad", (deed("release", "1.2"),), {"ends": "Failed", "runs": "1.0"}),
    ("superseded", (deed("release", "1.2"), deed("release", "1.3", "middle")), {"runs": "1.3"}),
    ("taken back", (deed("release", "1.1"), deed("release", "1.0", "middle")), {"runs": "1.0"}),
    ("never ready", (deed("release", "bad-1"),), {"ends": "Failed", "runs": "1.0"}),
    ("promotion fails", (deed("release", "pbad-1"),), {"ends": "Failed", "runs": "pbad-1"}),
    ("mended", (deed("release", "pbad-1"), deed("release", "1.1", "ended")), {"runs": "1.1"}),
    ("worse", (deed("release", "pbad-1"), deed("release", "1.2", "ended")), {"ends": "Failed"}),
    ("skipped", (deed("release", "1.1"),), {"spec": {"skipAnalysis": True}, "runs": "1.1"}),
    ("deleted", (deed("delete"),), {"ends": ""}),
    ("deleted in mid-run", (deed("release", "1.1"), deed("delete", 0, "middle")), {"ends": ""}),
    ("suspended", (deed("suspend", 1), deed("release", "1.1"), deed("suspend", 0)), {"runs": "1.1"}),
    ("two releases", (deed("release", "1.2"), deed("release", "1.3", "ended")), {"runs": "1.3"}),
    ("no data", (deed("release", "none-1"),), {"ends": "Failed", "runs": "1.0"}),
    ("served anew", (deed("reserve", "x"), deed("release", "1.1")), {"runs": "1.1"}),
)
"""What happens, whatever the strategy; `middle` stands for a moment in the analysis."""

MORE: tuple[Scenario, ...] = (
    Scenario(
        name="first primary cannot start",
        tag="pbad-0",
        fresh=True,
        script=(deed("release", "1.1", "Initializing"),),
        ends="Initialized",
    ),
    Scenario(
        name="given back by steps",
        analysis={**WEIGHTED, "stepWeightPromotion": 30},
        script=(deed("release", "1.1"),),
        runs="1.1",
    ),
    Scenario(name="own steps", analysis={"stepWeights": [1, 10, 50]}, script=(deed("release", "1.1"),), runs="1.1"),
    Scenario(
        name="past the maximum",
        analysis={"stepWeight": 30, "maxWeight": 50},
        script=(deed("release", "1.1"),),
        runs="1.1",
    ),
    Scenario(
        name="our gateway",
        gateway="ours",
        script=(deed("release", "1.1"), deed("release", "1.2", "ended")),
        ends="Failed",
        runs="1.1",
    ),
    Scenario(
        name="slow gateway",
        gateway="slow",
        fresh=True,
        script=(deed("release", "1.1"), deed("release", "1.2", "ended")),
        ends="Failed",
        runs="1.1",
    ),
    Scenario(
        name="users' apex",
        provider="kubernetes",
        analysis=ITERATED,
        apex=True,
        fresh=True,
        script=(deed("release", "1.1"),),
        runs="1.1",
    ),
    Scenario(
        name="drains long",
        spec={"service": {**SERVICE, "drainSeconds": 25}},
        script=(deed("release", "1.1"),),
        runs="1.1",
    ),
)
"""What only some can do."""


def scenarios() -> tuple[Scenario, ...]:
    """Every story with every strategy, and the rest."""
    made = [
        Scenario(
            name=f"{story}, {strategy}",
            provider=provider,
            analysis=analysis,
            script=tuple(placed(one, STEP[strategy]) for one in script),
            **more,
        )
        for strategy, provider, analysis in STRATEGIES
        for story, script, more in STORIES
    ]
    return (*made, *MORE)


def placed(deed: Deed, middle: str) -> Deed:
    return Deed(do=deed.do, value=deed.value, when=middle if deed.when == "middle" else deed.when)


ALL: Mapping[str, Scenario] = {scenario.name: scenario for scenario in scenarios()}
