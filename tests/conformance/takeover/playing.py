"""Davy takes over from Flagger: a recorded moment is put on a real server, Davy starts, what follows is noted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.conformance.parts.left import SETTINGS, Moment, leave, matches, quickened
from tests.conformance.parts.pods import POD
from tests.conformance.parts.stage import PATIENCE, Scene, Stage
from tests.conformance.parts.witness import CANARY, Account, Manifest

from davy.kube.kinds import Kind

SETTLED = frozenset({"Initialized", "Succeeded", "Failed"})
GATED = frozenset({"Waiting", "WaitingPromotion"})
QUIET = 2.5
"""Seconds without a write, more than two intervals, after which nothing more is expected."""
FASTER = 10
"""Intervals are shorter than the recorded ones by this factor."""


@dataclass(frozen=True)
class Takeover:
    """What was there before Davy came, what it did, and what was there afterwards."""

    moment: Moment
    before: Mapping[tuple[Kind, str], Manifest]
    since: int
    """The last write before it came."""
    seen: Account
    unsupported: str = ""
    """Why it did nothing: it cannot do that yet."""
    stuck: str = ""
    """What never came."""

    @property
    def name(self) -> str:
        return str(self.moment.trace.canary["metadata"]["name"])

    @property
    def statuses(self) -> list[Manifest]:
        """All that it wrote into the canary's status, in order."""
        writes = [seen for seen in self.seen.of(CANARY, self.name) if seen.version > self.since and not seen.deleted]
        return [seen.manifest["status"] for seen in writes if "observedGeneration" in seen.manifest.get("status", {})]

    @property
    def after(self) -> Mapping[tuple[Kind, str], Manifest]:
        return self.seen.now()

    def pods(self, *, until: int | None = None) -> list[str]:
        """What became of pods since it came (until a write): `made NAME`, `gone NAME`."""
        told = []
        for seen in self.seen.history():
            if seen.object.kind == POD and self.since < seen.version < (until or seen.version + 1):
                if seen.deleted:
                    told.append(f"gone {seen.object.name}")
                elif (POD, seen.object.name) not in self.before:
                    told.append(f"made {seen.object.name}")
        return list(dict.fromkeys(told))


async def take_over(stage: Stage, moment: Moment) -> Takeover:
    """Plays one row."""
    async with stage.scene(moment.trace.name) as scene:
        answer(moment, scene, moment.done)
        await leave(moment, scene, quickened(moment.trace.canary))
        await scene.seen.quiet(1.0, within=PATIENCE)
        before, since = scene.seen.now(), scene.seen.last
        unsupported, stuck = "", ""
        async with scene.operator(**SETTINGS[moment.trace.group]):
            try:
                unsupported = await scene.looked_at(str(moment.trace.canary["metadata"]["name"]))
                if not unsupported:
                    await followed(moment, scene)
            except AssertionError as never:
                stuck = str(never)
        return Takeover(moment, before, since, scene.seen, unsupported, stuck)


def answer(moment: Moment, scene: Scene, steps: Any) -> None:
    """What metrics servers and hooks say after these steps of the script."""
    servers, scenario = scene.stage.servers, moment.trace.raw["scenario"]
    values = servers.values.setdefault(scene.namespace, dict(scenario["metrics"]))
    answers = servers.answers.setdefault(scene.namespace, dict(scenario["hooks"]))
    for step in steps:
        values.update(step.get("metrics", {}))
        answers.update(step.get("hooks", {}))


async def followed(moment: Moment, scene: Scene) -> None:
    """What is settled or waits is only watched; a run is seen to its end, by the rest of the script."""
    phase = moment.status["phase"]
    if phase in SETTLED | GATED:
        await scene.seen.quiet(QUIET, within=PATIENCE)
    if phase not in SETTLED:
        await play(moment, scene)
        await scene.seen.quiet(1.0, within=PATIENCE)


async def play(moment: Moment, scene: Scene) -> None:
    name = moment.trace.canary["metadata"]["name"]
    since = len(scene.seen.statuses(name)) - 1
    for step in moment.rest:
        match step:
            case {"wait": condition}:
                await waited(scene, name, condition, since)
            case {"sleep": seconds}:
                await asyncio.sleep(seconds / FASTER)
            case {"metrics": _} | {"hooks": _}:
                answer(moment, scene, [step])
            case _:
                await act(moment, scene, step)
        if not step.keys() & {"wait", "sleep"}:
            since = len(scene.seen.statuses(name))


async def waited(scene: Scene, name: str, condition: Mapping[str, Any], since: int) -> None:
    def met() -> bool:
        if "hook" in condition:
            return any(call["path"] == condition["hook"] for call in scene.stage.servers.hooks[scene.namespace])
        return any(matches(status, condition) for status in scene.seen.statuses(name)[since:])

    def why() -> str:
        return f"{scene.namespace}: never {condition}; last {scene.seen.status(name)}"

    await scene.seen.until(met, within=PATIENCE, why=why)


async def act(moment: Moment, scene: Scene, step: Mapping[str, Any]) -> None:
    """What the script's author does."""
    kinds = {each["kind"]: Kind.of(each) for each in moment.trace.raw["scenario"]["objects"]}
    match step:
        case {"image": tag}:
            await moment.trace.release(scene, tag)
        case {"patch": [kind, name, patch]}:
            await scene.edit(kinds[kind.partition("@")[0]], name, patch)
        case {"delete": [kind, name]}:
            await scene.delete(kinds.get(kind, Kind("apps/v1", kind)), name)
        case _:
            raise NotImplementedError(step)
