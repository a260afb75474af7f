"""What is taken out of a ConfigMap, a Secret or an autoscaler is gone from the primary's copy of it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.conformance.hands.template_parts import at
from tests.conformance.parts.left import SETTINGS, leave, merge, recorded
from tests.conformance.parts.stage import Scene, Stage
from tests.conformance.parts.witness import Manifest

from davy.kube.kinds import Kind

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

CONFIG_MAP, SECRET = Kind("v1", "ConfigMap"), Kind("v1", "Secret")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler")
SCALED_OBJECT = Kind("keda.sh/v1alpha1", "ScaledObject")
QUIET = 1.5


@dataclass(frozen=True)
class Part:
    """Something in a source that comes and goes."""

    what: str
    trace: str
    kind: Kind
    name: str
    was: Manifest
    """Merge patch on the recorded source (and on Flagger's copy of it)."""
    place: tuple[str | int, ...]
    """Where it is then, and must not be afterwards."""
    now: Manifest = field(default_factory=dict)
    """Merge patch on the recorded source: how it is without."""

    def __str__(self) -> str:
        return self.what


def memory(name: str) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": 80}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def trigger(name: str) -> Manifest:
    metadata = {"query": f"sum({name})", "serverAddress": "http://p:9090", "threshold": "5"}
    return {"type": "prometheus", "name": name, "metadata": metadata}


TRACKED = (
    Part("key of a ConfigMap", "k8s-configs", CONFIG_MAP, "conf", {"data": {"gone": "x"}}, ("data", "gone")),
    Part("file of a ConfigMap", "k8s-configs", CONFIG_MAP, "vol", {"binaryData": {"gone": "eA=="}}, ("binaryData",)),
    Part("key of a Secret", "k8s-configs", SECRET, "sec", {"data": {"gone": "eA=="}}, ("data", "gone")),
)
"""They go with the next promotion."""
FOLLOWED = (
    Part("behaviour", "k8s-hpa", AUTOSCALER, "app", {}, ("spec", "behavior"), {"spec": {"behavior": None}}),
    Part(
        "metric",
        "k8s-hpa",
        AUTOSCALER,
        "app",
        {"spec": {"metrics": [memory("cpu"), memory("memory")]}},
        ("spec", "metrics", 1),
    ),
    Part("cool-down", "k8s-keda", SCALED_OBJECT, "app", {"spec": {"cooldownPeriod": 30}}, ("spec", "cooldownPeriod")),
    Part(
        "trigger",
        "k8s-keda",
        SCALED_OBJECT,
        "app",
        {"spec": {"triggers": [trigger("t"), trigger("u")]}},
        ("spec", "triggers", 1),
    ),
    Part(
        "fallback",
        "k8s-keda",
        SCALED_OBJECT,
        "app",
        {"spec": {"fallback": {"failureThreshold": 3, "replicas": 2}}},
        ("spec", "fallback"),
    ),
)
"""They go at once."""

by_whom = pytest.mark.parametrize("by", ["flagger", "davy"])


async def begun(scene: Scene, part: Part, by: str) -> None:
    """A canary at rest whose copy has the part: made by Flagger from an earlier source, or by Davy from the present."""
    moment = recorded(part.trace)
    if by == "flagger":
        extras = {f"{part.kind.kind}/{part.name}-primary": part.was}
        await leave(moment, scene, moment.trace.source, extras)
        await removed(scene, part)
        return
    for each in moment.trace.sources:
        if (each["kind"], each["metadata"]["name"]) == (part.kind.kind, part.name):
            merge(each, part.was)
        await scene.create(each)


async def there(scene: Scene, part: Part) -> Any:
    """What the copy has at the part's place."""
    return at(await scene.get(part.kind, f"{part.name}-primary"), part.place)


async def removed(scene: Scene, part: Part) -> None:
    """`kubectl replace` of the source by one without the part; what Davy wrote into its metadata stays."""
    source = recorded(part.trace).original(f"{part.kind.kind}/{part.name}")
    assert source is not None
    merge(source, part.now)
    live = await scene.get(part.kind, part.name)
    await scene.stage.person.replace({**source, "metadata": live["metadata"]})


@by_whom
@pytest.mark.parametrize("part", TRACKED, ids=str)
async def test_a_tracked_config_loses_it_with_the_next_promotion(part: Part, by: str, stage: Stage) -> None:
    async with stage.scene("config") as scene:
        await begun(scene, part, by)
        before = await there(scene, part) if by == "flagger" else None
        async with scene.operator(**SETTINGS["main"]):
            await scene.looked_at()
            await scene.reached("Initialized", "Succeeded")
            await scene.settled(QUIET)
            before = before if by == "flagger" else await there(scene, part)
            await removed(scene, part)
            await scene.edit(CONFIG_MAP, "conf", {"data": {"k": "new"}})
            await scene.reached("Progressing")
            await scene.reached("Succeeded")
            await scene.settled(QUIET)
        assert before is not None
        assert await there(scene, part) is None
        assert (await scene.get(CONFIG_MAP, "conf-primary"))["data"]["k"] == "new"


@by_whom
@pytest.mark.parametrize("part", FOLLOWED, ids=str)
async def test_a_copied_autoscaler_loses_it_at_once(part: Part, by: str, stage: Stage) -> None:
    async with stage.scene("scaler") as scene:
        await begun(scene, part, by)
        before = await there(scene, part) if by == "flagger" else None
        async with scene.operator(**SETTINGS["main"]):
            await scene.looked_at()
            await scene.reached("Initialized", "Succeeded")
            await scene.settled(QUIET)
            if by == "davy":
                before = await there(scene, part)
                await removed(scene, part)
                await scene.settled(QUIET)
        assert before is not None
        assert await there(scene, part) is None
