"""What a rule may say about the two values of a difference, by name."""

import json
from collections.abc import Callable, Iterator, Mapping

from tests.oracle.differences import ABSENT, Absent, Difference
from tests.oracle.kinds import Json
from tests.oracle.timeline import World

Predicate = Callable[[Difference], bool]


def words(difference: Difference) -> str:
    """The text that a difference is about: an Event's sentence, a query, what an Event webhook told."""
    value = difference.flagger if difference.davy is ABSENT else difference.davy
    if isinstance(value, str):
        return value
    if difference.part == "event" and isinstance(value, dict):
        return str(value["message"])
    if difference.part == "hook" and isinstance(value, dict):
        return told(value)
    return json.dumps(value)


def told(body: Json) -> str:
    """The sentence in the body of an Event webhook or an alert; empty for other hooks."""
    metadata = body.get("metadata") or {}
    if "eventMessage" in metadata:
        return str(metadata["eventMessage"])
    return str((body.get("attachments") or [{}])[0].get("text", ""))


def flagger_only(difference: Difference) -> bool:
    """Flagger has it, Davy has not."""
    return difference.davy is ABSENT


def davy_only(difference: Difference) -> bool:
    """Davy has it, Flagger has not."""
    return difference.flagger is ABSENT


def real_weight(difference: Difference) -> bool:
    """Flagger says 0 (or 100, its mark of a failed promotion); Davy says what its route says at that time."""
    _, station = difference.station
    if station is None:
        return False
    real = any(difference.davy in weights(world) for world in station.worlds)
    return real and difference.flagger in (0, 100)


def weights(world: World) -> set[int]:
    """The canary's shares in all routing objects of a world."""
    return {weight for key, state in world.items() if not key.startswith("Canary/") for weight in _weights(state)}


def _weights(value: Json) -> Iterator[int]:
    if isinstance(value, dict):
        others = {key: each for key, each in value.items() if key != "weight"}
        if isinstance(value.get("weight"), int) and "-canary" in json.dumps(others):
            yield value["weight"]
        if isinstance(value.get("percent"), int) and value.get("latestRevision"):
            yield value["percent"]
        yield from (weight for each in value.values() for weight in _weights(each))
    elif isinstance(value, list):
        yield from (weight for each in value for weight in _weights(each))


def kept(difference: Difference) -> bool:
    """Flagger takes away what was there before; Davy leaves it."""
    return difference.flagger is ABSENT and difference.davy is not ABSENT


def hung(difference: Difference) -> bool:
    """Flagger never reached a step of the script, Davy did."""
    return difference.pair.hung


def lost_by_flagger(difference: Difference) -> bool:
    """An Event of Davy's that follows Flagger's last one, when Flagger's lack the one that tells of its own end.

    Flagger's client sends 25 Events about an object, then one in five minutes, and drops the others.
    """
    events = difference.pair.flagger["events"]
    phase = difference.pair.flagger["status"][-1]["phase"]
    closing = CLOSING.get(phase, "")
    if not closing or any(each["message"].startswith(closing) for each in events) or difference.flagger is not ABSENT:
        return False
    davys = difference.pair.davy["events"]
    return davys.index(difference.davy) > max((davys.index(each) for each in events if each in davys), default=-1)


CLOSING: Mapping[str, str] = {
    "Initialized": "Initialization done!",
    "Succeeded": "Promotion completed!",
    "Failed": "Canary failed!",
}
"""How the Event begins with which Flagger ends a phase."""


PREDICATES: Mapping[str, Predicate] = {
    "flagger-only": flagger_only,
    "davy-only": davy_only,
    "real-weight": real_weight,
    "kept": kept,
    "hung": hung,
    "lost-by-flagger": lost_by_flagger,
}


def shown(value: Json | Absent) -> str:
    """A value for a report."""
    return repr(value) if isinstance(value, Absent) else json.dumps(value, ensure_ascii=False)
