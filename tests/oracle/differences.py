"""Every difference between two traces of one scenario, each about one part of the record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from tests.oracle.alignment import GAP, aligned, exact
from tests.oracle.kinds import Json, kind_of
from tests.oracle.pointers import escaped
from tests.oracle.timeline import ALL_FIELDS, Station, Step, Timeline, World, states, timeline

WHOLE = ""
"""The pointer of an object or a call as a whole."""
END = "at the end"
BETWEEN = "in between"
ANOTHER_ORDER = "in another order"


class Absent:
    """Stands for what one of the two has not."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = Absent()


class Pair:
    """Two traces of one scenario, Flagger's and Davy's, laid beside each other.

    `parting` is the number of the station from which on they go ways of their own; nothing later is compared.
    """

    def __init__(self, flagger: Json, davy: Json) -> None:
        self.flagger, self.davy = flagger, davy
        self.name: str = flagger["scenario"]["name"]
        self.parting: int | None = None

    @cached_property
    def flaggers(self) -> Timeline:
        return timeline(self.flagger)

    @cached_property
    def davys(self) -> Timeline:
        return timeline(self.davy)

    @cached_property
    def stations(self) -> list[tuple[Station | None, Station | None]]:
        return aligned(self.flaggers.stations, self.davys.stations, lambda one, other: unlikeness(one.step, other.step))

    @property
    def compared(self) -> list[tuple[Station | None, Station | None]]:
        """The stations before they part."""
        return self.stations[: self.parting]

    def part_at(self, parts: "Excused") -> "Difference | None":
        """Finds where they part: at the first step that one has alone and of which `parts` says so."""
        for number, (one, other) in enumerate(self.stations):
            if one is None or other is None:
                found = step_difference(self, number, one, other)
                if parts(found):
                    self.parting = number
                    return found
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """One part of the record in which the two are not alike; ABSENT for what one has not."""

    pair: Pair
    part: str
    """`ended`, `status`, `event`, `hook`, `query` or `object`."""
    at: str
    """The field of the status, what kind of call it is, or `Kind/name` of the object."""
    pointer: str
    """Where in the call's body or in the object; WHOLE if one of the two has none."""
    moment: str
    flagger: Json | Absent
    davy: Json | Absent
    station: tuple[Station | None, Station | None] = (None, None)


Excused = Callable[[Difference], bool]


def unlikeness(one: Step, other: Step) -> float:
    """What it costs to lay two stations beside each other; those of different phases never are."""
    if one.phase != other.phase:
        return 2 * GAP + 1
    return 0.4 * (one.weight != other.weight) + 0.4 * (one.iterations != other.iterations)


def never(_: Difference) -> bool:
    return False


def differences(pair: Pair, excused: Excused = never, parts: Excused = never) -> list[Difference]:
    """All of them. An object that fits no moment is compared with the one that leaves the fewest not excused.

    `parts` tells of a step that only one of them has whether they go ways of their own from there on.
    """
    parting = pair.part_at(parts)
    found = chain(_ended(pair), _statuses(pair), _sequences(pair), _hooks(pair), Objects(pair, excused).differences())
    return [*found, parting] if parting else list(found)


def _ended(pair: Pair) -> Iterator[Difference]:
    one, other = pair.flagger["ended"], pair.davy["ended"]
    if one != other and pair.parting is None:
        yield Difference(pair, "ended", "", WHOLE, END, one, other)


def _statuses(pair: Pair) -> Iterator[Difference]:
    for number, (one, other) in enumerate(pair.compared):
        if one is None or other is None:
            yield step_difference(pair, number, one, other)
        else:
            yield from _station(pair, f"{number}: {one.step}", one, other)


def step_difference(pair: Pair, number: int, one: Station | None, other: Station | None) -> Difference:
    """A step that one of them has alone."""
    step = (one or other or Station(Step("", 0, 0))).step
    values = (one.step._asdict() if one else ABSENT, other.step._asdict() if other else ABSENT)
    return Difference(pair, "status", "step", WHOLE, f"{number}: {step}", *values, (one, other))


def _station(pair: Pair, moment: str, one: Station, other: Station) -> Iterator[Difference]:
    for name, place in (("canaryWeight", 1), ("iterations", 2)):
        if one.step[place] != other.step[place]:
            values = (one.step[place], other.step[place])
            yield Difference(pair, "status", name, WHOLE, moment, *values, (one, other))
    for name in ALL_FIELDS:
        if one.values(name) != other.values(name):
            yield Difference(pair, "status", name, WHOLE, moment, one.values(name), other.values(name), (one, other))


def _sequences(pair: Pair) -> Iterator[Difference]:
    """Events and queries: each is there once, so an order of its own shows as both missing and being too much."""
    for part, key in (("event", "events"), ("query", "queries")):
        for one, other in _common(pair, aligned(pair.flagger[key], pair.davy[key], exact)):
            if one is None or other is None:
                moved = one in pair.davy[key] or other in pair.flagger[key]
                moment = ANOTHER_ORDER if moved else END
                yield Difference(pair, part, "", WHOLE, moment, *_or_absent(one, other))


def _or_absent(one: Json, other: Json) -> tuple[Json | Absent, Json | Absent]:
    return ABSENT if one is None else one, ABSENT if other is None else other


def _common(pair: Pair, pairs: list[tuple[Json, Json]]) -> list[tuple[Json, Json]]:
    """All of them; of two that part, those up to the last one that both have."""
    if pair.parting is None:
        return pairs
    both = [number for number, (one, other) in enumerate(pairs) if one is not None and other is not None]
    return pairs[: both[-1] + 1] if both else []


def _hooks(pair: Pair) -> Iterator[Difference]:
    """The distinct calls of each hook in order of first appearance: how often it is polled is a matter of seconds."""
    streams = [distinct_calls(trace["webhooks"]) for trace in (pair.flagger, pair.davy)]
    for path in sorted(streams[0].keys() | streams[1].keys()):
        kind = hook_kinds(pair.flagger["scenario"]).get(path, path)
        one, other = (stream.get(path, []) for stream in streams)
        for number, both in enumerate(_common(pair, aligned(one, other, _call_unlikeness))):
            yield from _call(pair, kind, f"{path} {number}", *both)


def _call(pair: Pair, kind: str, moment: str, one: Json, other: Json) -> Iterator[Difference]:
    if one is None or other is None:
        yield Difference(pair, "hook", kind, WHOLE, moment, *_or_absent(one, other))
    elif one != other:
        for pointer, mine, theirs in unlike(leaves(one), leaves(other)):
            yield Difference(pair, "hook", kind, pointer, moment, mine, theirs)


def distinct_calls(calls: Sequence[Json]) -> dict[str, list[Json]]:
    """The different calls of each path, with their methods, in order of first appearance."""
    found: dict[str, list[Json]] = {}
    for call in calls:
        whole = {"method": call["method"], **(call["body"] or {})}
        stream = found.setdefault(call["path"], [])
        if whole not in stream:
            stream.append(whole)
    return found


def hook_kinds(scenario: Json) -> dict[str, str]:
    """What the operator calls by path: the type of a webhook of the canary's, `event` or `alert`."""
    kinds = {"global-event": "event", "global-slack": "alert"}
    for manifest in scenario["objects"]:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "AlertProvider":
            kinds[_path(spec.get("address", ""))] = "alert"
        elif manifest["kind"] == "Canary":
            hooks = spec["analysis"].get("webhooks", ())
            kinds |= {_path(each["url"]): each.get("type") or "rollout" for each in hooks}
    return kinds


def _path(url: str) -> str:
    return url.removeprefix("${HOOKS}/")


def _call_unlikeness(one: Json, other: Json) -> float:
    return min(0.3 * sum(1 for _ in unlike(leaves(one), leaves(other))), 2 * GAP + 1)


def leaves(value: Json, at: str = "") -> dict[str, Json]:
    """What the value is made of, by JSON pointer; empty lists and objects count."""
    if isinstance(value, dict) and value:
        parts = (leaves(each, f"{at}/{escaped(key)}") for key, each in value.items())
    elif isinstance(value, list) and value:
        parts = (leaves(each, f"{at}/{index}") for index, each in enumerate(value))
    else:
        return {at: value}
    return {pointer: leaf for part in parts for pointer, leaf in part.items()}


class Unlike(NamedTuple):
    pointer: str
    flagger: Json | Absent
    davy: Json | Absent


def unlike(one: Mapping[str, Json], other: Mapping[str, Json]) -> Iterator[Unlike]:
    """The leaves that are not the same in both."""
    for pointer in sorted(one.keys() | other.keys()):
        mine, theirs = one.get(pointer, ABSENT), other.get(pointer, ABSENT)
        if mine is ABSENT or theirs is ABSENT or mine != theirs:
            yield Unlike(pointer, mine, theirs)


class Objects:
    """Compares the objects: at each change of the step, at the end, and what Davy wrote in between.

    Flagger acts and then writes its status, Davy writes its status and then acts. So an object is alike at a change
    if, between it and the next one, Davy's was for a moment as Flagger's was when it wrote the status.
    """

    def __init__(self, pair: Pair, excused: Excused) -> None:
        self._pair, self._excused = pair, excused
        self._keys = sorted(pair.flagger["objects"].keys() | pair.davy["objects"].keys())
        self._scripted = scripted(pair.flagger["scenario"])

    def differences(self) -> Iterator[Difference]:
        for key in self._keys:
            yield from self._once(key, self._history(key))

    def _once(self, key: str, found: Iterator[Difference]) -> Iterator[Difference]:
        """Each difference of one object as often as its values differ, and not again at every later station."""
        told: set[str] = set()
        for each in found:
            mark = f"{each.pointer} {each.flagger} {each.davy}"
            if mark not in told:
                told.add(mark)
                yield each

    def _history(self, key: str) -> Iterator[Difference]:
        if key in self._pair.flagger["objects"] and key in self._pair.davy["objects"]:
            yield from self._at_changes(key)
            if self._pair.parting is None:
                yield from self._whole(key)
                yield from self._at(key, END, self._pair.flaggers.end, [self._pair.davys.end], (None, None))
                yield from self._between(key)
        elif self._pair.parting is None:
            yield from self._alone(key)

    def _whole(self, key: str) -> Iterator[Difference]:
        """Versions that were written through, and whether the object is gone."""
        one, other = (trace["objects"].get(key) for trace in (self._pair.flagger, self._pair.davy))
        if one and other:
            for name in ("apiVersions", "deleted"):
                if one[name] != other[name]:
                    yield self._difference(key, f"({name})", END, one[name], other[name])

    def _at_changes(self, key: str) -> Iterator[Difference]:
        for number, (one, other) in enumerate(self._pair.compared):
            if one and other:
                for each in self._at(key, f"{number}: {one.step}", one.worlds[0], other.worlds, (one, other)):
                    if not self._script_wrote(each):
                        yield each

    def _script_wrote(self, difference: Difference) -> bool:
        """Whether both values are the script's own: when it writes in a station is not the operator's doing."""
        values = self._scripted.get(difference.at, {}).get(difference.pointer, ())
        return difference.flagger in values and difference.davy in values

    def _at(
        self,
        key: str,
        moment: str,
        wanted: World,
        found: Sequence[World],
        station: tuple[Station | None, Station | None],
    ) -> Iterator[Difference]:
        """How the object differs in that one of Davy's worlds where it differs least."""
        candidates = [list(self._between_states(key, moment, wanted, world, station)) for world in found]
        best = min(candidates, key=lambda each: (sum(not self._explained(one) for one in each), len(each)))
        yield from best

    def _explained(self, difference: Difference) -> bool:
        return self._script_wrote(difference) or self._excused(difference)

    def _between_states(
        self, key: str, moment: str, wanted: World, found: World, station: tuple[Station | None, Station | None]
    ) -> Iterator[Difference]:
        if key in wanted and key in found:
            for pointer, one, other in unlike(leaves(wanted[key]), leaves(found[key])):
                yield self._difference(key, pointer, moment, one, other, station)
        elif key in wanted or key in found:
            values = (wanted.get(key, ABSENT), found.get(key, ABSENT))
            yield self._difference(key, WHOLE, moment, *values, station)

    def _between(self, key: str) -> Iterator[Difference]:
        """Values that Davy wrote in between and Flagger never did."""
        history = [leaves(state) for state in states(self._pair.flagger["objects"][key])]
        for state in states(self._pair.davy["objects"][key]):
            own = leaves(state)
            for pointer in sorted(own.keys() | history[-1].keys()):
                value = own.get(pointer, ABSENT)
                known = [each.get(pointer, ABSENT) for each in history]
                if value not in known:
                    yield self._difference(key, pointer, BETWEEN, known[-1], value)

    def _alone(self, key: str) -> Iterator[Difference]:
        """An object that only one of the two wrote: made by it, or changed in something that is not the script's."""
        flaggers, davys = (trace["objects"].get(key) for trace in (self._pair.flagger, self._pair.davy))
        own = states(flaggers or davys)
        if key not in self._scripted:
            yield self._difference(key, WHOLE, END, own[-1] if flaggers else ABSENT, own[-1] if davys else ABSENT)
            return
        first = leaves(own[0])
        for state in own[1:]:
            for change in unlike(first, leaves(state)):
                if change.pointer not in self._scripted[key]:
                    was, became = change.flagger, change.davy
                    values = (became, was) if flaggers else (was, became)
                    yield self._difference(key, change.pointer, END, *values)

    def _difference(
        self,
        key: str,
        pointer: str,
        moment: str,
        flagger: Json,
        davy: Json,
        station: tuple[Station | None, Station | None] = (None, None),
    ) -> Difference:
        return Difference(self._pair, "object", key, pointer, moment, flagger, davy, station)


IMAGE = "/spec/template/spec/containers/0/image"


def scripted(scenario: Json) -> dict[str, dict[str, list[Json]]]:
    """The objects that the scenario makes, and for each pointer that its script changes there, all its values."""
    made = {f"{kind_of(each)}/{each['metadata']['name']}": leaves(each) for each in scenario["objects"]}
    found: dict[str, dict[str, list[Json]]] = {key: {} for key in made}
    for step in scenario["script"]:
        for key, pointer, value in _writes(step, found):
            first = made.get(key, {}).get(pointer, ABSENT)
            found.setdefault(key, {}).setdefault(pointer, [first]).append(value)
    return found


def _writes(step: Json, known: Mapping[str, Json]) -> list[tuple[str, str, Json]]:
    """What a step of the script writes: (object, pointer, value)."""
    [(verb, argument)] = step.items()
    match verb:
        case "patch":
            kind, name, patch = argument
            return [(f"{kind}/{name}", pointer, value) for pointer, value in leaves(patch).items()]
        case "create":
            return [(f"{kind_of(argument)}/{argument['metadata']['name']}", WHOLE, argument)]
        case "image":
            deployments = [key for key in known if key.startswith("Deployment/")]
            return [(key, IMAGE, f"registry.example/app:{argument}") for key in deployments]
    return []
