"""Plays a recorded scenario's script on a scene: what people do, what metrics and hooks say, and what is waited for."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from tests.conformance.parts.left import FASTER, Trace, matches
from tests.conformance.parts.stage import PATIENCE, Scene

from davy.kube.kinds import Kind

EVENT = Kind("v1", "Event")

Step = Mapping[str, Any]


def answer(trace: Trace, scene: Scene, steps: Iterable[Step] = ()) -> None:
    """What metrics servers and hooks say after these steps of the script; from the beginning if there are none."""
    servers, scenario = scene.stage.servers, trace.raw["scenario"]
    values = servers.values.setdefault(scene.namespace, dict(scenario["metrics"]))
    answers = servers.answers.setdefault(scene.namespace, dict(scenario["hooks"]))
    for step in steps:
        values.update(step.get("metrics", {}))
        answers.update(step.get("hooks", {}))


async def play(trace: Trace, scene: Scene, steps: Iterable[Step]) -> None:
    """Takes the steps one after another. Raises AssertionError when what is waited for does not come."""
    since = max(len(scene.seen.statuses(trace.canary_name)) - 1, 0)
    for step in steps:
        match step:
            case {"wait": condition}:
                await waited(trace, scene, condition, since)
            case {"sleep": seconds}:
                await asyncio.sleep(seconds / FASTER)
            case {"metrics": _} | {"hooks": _}:
                answer(trace, scene, [step])
            case _:
                await act(trace, scene, step)
        if not step.keys() & {"wait", "sleep"}:
            since = len(scene.seen.statuses(trace.canary_name))


async def waited(trace: Trace, scene: Scene, condition: Step, since: int) -> None:
    """Until the status, an Event or a call of a hook has been seen since the last thing that people did."""
    if "event" in condition:
        await told(scene, condition["event"])
        return

    def met() -> bool:
        if "hook" in condition:
            calls = scene.stage.servers.hooks.get(scene.namespace, ())
            return any(call["path"] == condition["hook"] for call in calls)
        return any(matches(status, condition) for status in scene.seen.statuses(trace.canary_name)[since:])

    def why() -> str:
        return f"{scene.namespace}: never {condition}; last {scene.seen.status(trace.canary_name)}"

    await scene.seen.until(met, within=PATIENCE, why=why)


async def told(scene: Scene, words: str) -> None:
    """Until an Event says so. Raises AssertionError."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not any(words in event.get("message", "") for event in await scene.all(EVENT)):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"{scene.namespace}: no Event says {words!r}") from None


async def act(trace: Trace, scene: Scene, step: Step) -> None:
    """What people do."""
    kinds = {each["kind"]: Kind.of(each) for each in trace.raw["scenario"]["objects"]}
    match step:
        case {"image": tag}:
            await trace.release(scene, tag)
        case {"patch": [kind, name, patch]}:
            await scene.edit(kinds.get(kind.partition("@")[0], Kind("v1", kind)), name, patch)
        case {"create": manifest}:
            await scene.create(manifest)
        case {"delete": [kind, name]}:
            await scene.delete(kinds.get(kind, Kind("apps/v1", kind)), name)
        case _:
            raise NotImplementedError(step)
