"""What Flagger left: a recorded scenario's objects as they stood at one moment, and how to put them on a server.

The recordings are described in the README beside them; a moment is named by the status that Flagger had written last.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tests.conformance.parts.stage import FLAGGER, PERSON, Scene
from tests.conformance.parts.witness import CANARY

from davy.kube.errors import Conflict
from davy.kube.kinds import Kind

FOLDER = Path(__file__).parents[1] / "traces" / "flagger-1.44.0"
REMOVED = "<removed>"
NOTHING: Mapping[str, Mapping[str, Any]] = {}
FASTER = 10
"""Intervals and deadlines are shorter than the recorded ones by this factor."""
SHORTEST_DEADLINE = 5
"""Seconds in which a good pod becomes ready on a machine that has more to do."""
WORKLOADS = ("Deployment", "DaemonSet")
FIELDS = {"weight": "canaryWeight"}
"""What the steps of a script call a field of the status."""

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "main": {"mesh_provider": "kubernetes", "include_label_prefix": ("app.kubernetes.io",)},
    "alt": {"mesh_provider": "istio", "include_label_prefix": ("*",)},
}
"""The operator's settings, by group of recordings."""

Manifest = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Trace:
    """One recording."""

    raw: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Trace":
        """The recording in a file, with the real values in place of their placeholders."""
        text = path.read_text()
        for placeholder, value in json.loads(text)["masked"].items():
            text = text.replace(placeholder, value)
        return cls(json.loads(text))

    @property
    def name(self) -> str:
        return str(self.raw["scenario"]["name"])

    @property
    def group(self) -> str:
        """Which settings the operator had."""
        return str(self.raw["scenario"]["group"])

    @property
    def provider(self) -> str:
        """Where the traffic goes: what the canary says, or the operator's setting."""
        return str(self.canary["spec"].get("provider", SETTINGS[self.group]["mesh_provider"]))

    @property
    def statuses(self) -> list[Manifest]:
        return list(self.raw["status"])

    @property
    def canary(self) -> Manifest:
        return next(each for each in self.raw["scenario"]["objects"] if each["kind"] == CANARY.kind)

    @property
    def canary_name(self) -> str:
        return str(self.canary["metadata"]["name"])

    @property
    def sources(self) -> list[Manifest]:
        """What people create, in this order, with shorter intervals; deadlines too, where pods are never ready."""
        scenario = self.raw["scenario"]
        deadline = "bad-" in json.dumps(scenario)
        return [quickened(each, self.interval, deadline=deadline) for each in scenario["objects"]]

    @property
    def source(self) -> Manifest:
        """The canary among them."""
        return next(each for each in self.sources if each["kind"] == CANARY.kind)

    @property
    def interval(self) -> int:
        """Seconds between steps: more where the script must do something between two of them."""
        between = (step.get("wait", {}).keys() & {"weight", "iterations"} for step in self.script)
        return 3 if any(between) or any("metrics" in step for step in self.script) else 1

    @property
    def script(self) -> list[Manifest]:
        return list(self.raw["scenario"]["script"])

    @cached_property
    def positions(self) -> Sequence[int]:
        """For each step of the script, the number of the status after which it was taken (or which it waited for)."""
        found, now, since = [], 0, 0
        for step in self.script:
            if "wait" in step:
                now = max(now, self._met(step["wait"], since, now))
            elif "sleep" not in step:
                since = now + 1
            found.append(now)
        return found

    def _met(self, condition: Mapping[str, Any], since: int, otherwise: int) -> int:
        for number, status in enumerate(self.statuses):
            if number >= since and matches(status, condition):
                return number
        return otherwise

    async def release(self, scene: Scene, tag: str) -> None:
        """Gives the target another image; a core Service, which has none, another selector."""
        ref = self.canary["spec"]["targetRef"]
        kind = Kind(ref["apiVersion"], ref["kind"])
        target = next(each for each in self.raw["scenario"]["objects"] if Kind.of(each) == kind)
        patch: Manifest = {"selector": {"app": tag}}
        if "template" in target["spec"]:
            containers = copy.deepcopy(target["spec"]["template"]["spec"]["containers"])
            containers[0]["image"] = f"registry.example/app:{tag}"
            patch = {"template": {"spec": {"containers": containers}}}
        await scene.edit(kind, ref["name"], {"spec": patch})

    def moments(self) -> Iterator["Moment"]:
        for number in range(len(self.statuses)):
            yield Moment(self, number)


@dataclass(frozen=True)
class Moment:
    """The instant at which status `number` had been written; `torn`: the one before the next status was, by which
    everything else that belongs to the next one had been."""

    trace: Trace
    number: int
    torn: bool = False

    def __str__(self) -> str:
        status = self.status
        iterations = f" iteration {status['iterations']}" if status.get("iterations") else ""
        weight = f" {status['canaryWeight']} %" if status.get("canaryWeight") else ""
        torn = " torn" if self.torn else ""
        return f"{self.trace.name} {self.number} {status['phase']}{weight}{iterations}{torn}"

    @property
    def status(self) -> Manifest:
        return self.trace.statuses[self.number]

    @property
    def following(self) -> Sequence[Manifest]:
        """The states of the status from this moment on."""
        return self.trace.statuses[self.number :]

    @property
    def done(self) -> Sequence[Mapping[str, Any]]:
        """The steps of the script that had been taken."""
        return [step for step, at in zip(self.trace.script, self.trace.positions, strict=True) if at < self.number]

    @property
    def rest(self) -> Sequence[Mapping[str, Any]]:
        """Those that came after."""
        return [step for step, at in zip(self.trace.script, self.trace.positions, strict=True) if at >= self.number]

    @cached_property
    def objects(self) -> Mapping[str, Manifest]:
        """What Flagger had made or changed, by the recording's keys."""
        latest: dict[str, int | None] = {}
        for entry in self._order():
            key, _, number = entry.partition(" #")
            gone = key.removesuffix(" deleted")
            latest[gone] = int(number) if number else None
        return {
            key: self._state(key, number)
            for key, number in latest.items()
            if number is not None and not key.endswith(".status")
        }

    def original(self, key: str) -> Manifest | None:
        """The object as a person made it before Flagger came; None if there was none."""
        for each in self.trace.raw["scenario"]["objects"]:
            if key_of(each) == key:
                made: Manifest = copy.deepcopy(each)
                return made
        return None

    def earlier(self, key: str) -> Manifest | None:
        """The object before its pod template was last changed, where the change never came to a good end."""
        state = self.objects[key]
        if state["kind"] not in WORKLOADS or "bad-" not in json.dumps(state["spec"]["template"]):
            return None
        states = (self._state(key, number) for number in range(len(self.trace.raw["objects"][key]["states"])))
        others = [each for each in states if each["spec"]["template"] != state["spec"]["template"]]
        return others[-1] if others else None

    def _order(self) -> Iterator[str]:
        name = f"Canary/{self.trace.canary_name}.status"
        last = f"{name} #{self.number + 1 if self.torn else self.number}"
        for entry in self.trace.raw["order"]:
            if entry == last:
                return
            yield entry

    def _state(self, key: str, number: int) -> Manifest:
        entry = self.trace.raw["objects"][key]
        first, *changes = entry["states"][: number + 1]
        state: Manifest = copy.deepcopy(first)
        for change in changes:
            for pointer, value in change.items():
                put(state, pointer, copy.deepcopy(value))
        kind, _, name = key.partition("/")
        if kind == "Service@knative":
            state = renamed(state)
        state["apiVersion"], state["kind"] = entry["apiVersions"][-1], kind.partition("@")[0]
        state.setdefault("metadata", {})["name"] = name
        return state


@cache
def traces() -> list[Trace]:
    """All recordings; none if they are not there."""
    return [Trace.read(path) for path in sorted(FOLDER.glob("*.json"))]


def recorded(name: str) -> Moment:
    """The last moment of that recording."""
    trace = next(each for each in traces() if each.name == name)
    return Moment(trace, len(trace.statuses) - 1)


def key_of(manifest: Manifest) -> str:
    """How the recordings call an object."""
    suffix = "@knative" if manifest["apiVersion"].startswith("serving.knative.dev/") else ""
    return f"{manifest['kind']}{suffix}/{manifest['metadata']['name']}"


def matches(status: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    """Whether a status is what a step of the script waits for."""
    return all(
        status.get(FIELDS.get(field, field)) == value for field, value in condition.items() if field != "timeout"
    ) and not condition.keys() & {"event", "hook"}


def renamed(state: Manifest) -> Manifest:
    """With the names that Revisions have where Knative fills in its defaults, so that Flagger's writes make none."""
    named: Manifest = json.loads(re.sub(r"-0000[2-9]\b", "-00002", json.dumps(state)))
    return named


def put(state: Manifest, pointer: str, value: Any) -> None:
    """One entry of a recorded change: a JSON pointer and what is there now."""
    *above, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    place: Any = state
    for part in above:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if isinstance(place, list):
        place[int(last)] = value
    elif value == REMOVED:
        del place[last]
    else:
        place[last] = value


async def leave(
    moment: Moment, scene: Scene, canary: Manifest, extras: Mapping[str, Mapping[str, Any]] = NOTHING
) -> None:
    """Puts all of it on the server, with the managers and operations of the original.

    `canary`: as people wrote it. `extras`: merge patches for what Flagger had made, by the recording's keys.
    """
    made = await _canary(moment, scene, canary)
    for source in moment.trace.raw["scenario"]["objects"]:
        if key_of(source) not in moment.objects and source["kind"] != CANARY.kind:
            await scene.create(_edited(source, moment.done))
    for key, found in moment.objects.items():
        if not key.startswith("Canary/"):
            state = owned(copy.deepcopy(found), made)
            merge(state, extras.get(key, {}))
            await _object(moment, scene, key, state)
    status = {**moment.status, "lastTransitionTime": made["metadata"]["creationTimestamp"]}
    live = await scene.get(CANARY, made["metadata"]["name"])
    await scene.stage.flagger.replace({**live, "status": status}, subresource="status")


async def _canary(moment: Moment, scene: Scene, canary: Manifest) -> Manifest:
    name = canary["metadata"]["name"]
    metadata = moment.objects.get(f"Canary/{name}", {}).get("metadata", {})
    finalizers = {"finalizers": metadata["finalizers"]} if metadata.get("finalizers") else {}
    made = await scene.create({**canary, "metadata": {**canary["metadata"], **finalizers}})
    if any(step.get("delete") == [CANARY.kind, name] for step in moment.done):
        await scene.delete(CANARY, name)
    return made


async def _object(moment: Moment, scene: Scene, key: str, state: Manifest) -> None:
    """An object that a person made first was changed by Flagger; any other it made."""
    original = moment.original(key)
    if original is not None:
        if original["kind"] in WORKLOADS:
            original["spec"]["template"] = copy.deepcopy(state["spec"]["template"])
        await scene.create(original, manager=PERSON)
        await _changed(scene, state)
    elif (earlier := moment.earlier(key)) is not None:
        await scene.create({**earlier, "metadata": state["metadata"]}, manager=FLAGGER)
        await scene.settled()  # the pods of before must be there, for those to come never are
        await _changed(scene, state)
    else:
        await scene.create(state, manager=FLAGGER)


async def _changed(scene: Scene, state: Manifest) -> None:
    """Flagger's PUT; while the object's own controllers are at work, it is repeated."""
    while True:
        live = await scene.get(Kind.of(state), state["metadata"]["name"])
        version = live["metadata"]["resourceVersion"]
        metadata = {**state["metadata"], "namespace": scene.namespace, "resourceVersion": version}
        with suppress(Conflict):
            await scene.stage.flagger.replace(scene.filled({**state, "metadata": metadata}))
            return


def _edited(source: Manifest, done: Sequence[Mapping[str, Any]]) -> Manifest:
    """A person's object with the script's patches."""
    edited = copy.deepcopy(source)
    for step in done:
        match step:
            case {"patch": [kind, name, patch]} if (kind, name) == (source["kind"], source["metadata"]["name"]):
                merge(edited, patch)
    return edited


def merge(into: Manifest, patch: Mapping[str, Any]) -> None:
    """A JSON merge patch."""
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def owned(state: Manifest, canary: Manifest) -> Manifest:
    """With the uid that this canary has."""
    metadata = dict(state["metadata"])
    if "ownerReferences" in metadata:
        metadata["ownerReferences"] = [
            {**each, "uid": canary["metadata"]["uid"]} for each in metadata["ownerReferences"]
        ]
    return {**state, "metadata": metadata}


def quickened(manifest: Manifest, interval: int = 1, *, deadline: bool = False) -> Manifest:
    """A canary with intervals of so many seconds; with `deadline`, one (or a workload) that waits less for its pods."""
    made = copy.deepcopy(manifest)
    spec = made.get("spec", {})
    if "analysis" in spec:
        spec["analysis"]["interval"] = f"{interval}s"
    if deadline and "progressDeadlineSeconds" in spec:
        spec["progressDeadlineSeconds"] = max(spec["progressDeadlineSeconds"] // FASTER, SHORTEST_DEADLINE)
    return made
