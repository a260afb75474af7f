"""Ready-made scenarios: every story with every strategy, and what only some can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from davy.sim.cases import Case as Case
from davy.sim.cases import Scenario as Scenario
from davy.sim.cases import always as always
from davy.sim.cases import by_tag as by_tag
from davy.sim.cases import deed
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
from davy.sim.special import SPECIAL
from davy.sim.workloads import WORKLOADS, Workload

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
"""What happens, whatever the workload; `middle` stands for a moment in the analysis."""


def told(story: str, script: tuple[Deed, ...], more: Mapping[str, Any], of: Workload) -> Scenario:
    """The story of one workload."""
    placed = tuple(replace(one, when=of.middle) if one.when == "middle" else one for one in script)
    return Scenario(name=f"{story}, {of.name}", script=placed, **{**of.given, **more})


def stories() -> Iterator[Scenario]:
    for of in WORKLOADS:
        for story, script, more in STORIES:
            if story not in of.but:
                yield told(story, script, more, of)


ALL: Mapping[str, Scenario] = {scenario.name: scenario for scenario in (*stories(), *SPECIAL)}
