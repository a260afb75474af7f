"""Ready-made scenarios: every story with every strategy, and what only some can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from davy.sim.cases import Case as Case
from davy.sim.cases import Scenario as Scenario
from davy.sim.cases import always as always
from davy.sim.cases import by_tag as by_tag
from davy.sim.cases import edit as edit
from davy.sim.deeds import APEX as APEX
from davy.sim.deeds import APP as APP
from davy.sim.deeds import CANARY as CANARY
from davy.sim.deeds import NAMESPACE as NAMESPACE
from davy.sim.deeds import PRIMARY as PRIMARY
from davy.sim.deeds import ROUTE as ROUTE
from davy.sim.deeds import release as release
from davy.sim.faults import Deed
from davy.sim.manifests import ITERATED as ITERATED
from davy.sim.manifests import METRIC as METRIC
from davy.sim.manifests import SERVICE as SERVICE
from davy.sim.manifests import WEIGHTED as WEIGHTED
from davy.sim.manifests import canary as canary
from davy.sim.manifests import deployment as deployment
from davy.sim.manifests import world as world


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
