"""What a rule may say about the two values of a difference, by name."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from tests.oracle.differences import ABSENT, ANOTHER_ORDER, Absent, Difference, leaves
from tests.oracle.kinds import Json
from tests.oracle.timeline import World, states

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
    """Flagger took away what was there before; Davy leaves it."""
    if difference.flagger is not ABSENT or difference.davy is ABSENT:
        return False
    history = difference.pair.flagger["objects"].get(difference.at) or difference.pair.davy["objects"][difference.at]
    return any(leaves(state).get(difference.pointer, ABSENT) == difference.davy for state in states(history))


def sooner(difference: Difference) -> bool:
    """Davy's value is one that Flagger's object has later."""
    if difference.pair.flagger["objects"].get(difference.at) is None:
        return False
    history = [leaves(state) for state in states(difference.pair.flagger["objects"][difference.at])]
    return any(state.get(difference.pointer, ABSENT) == difference.davy for state in history)


def more_with_autoscaler(difference: Difference) -> bool:
    """Davy's number is the greater one, and an autoscaler may take it back."""
    numbers = isinstance(difference.flagger, int) and isinstance(difference.davy, int)
    scaled = any("autoscalerRef" in each["spec"] for each in canaries(difference))
    return scaled and numbers and difference.davy > difference.flagger  # type: ignore[operator]


def other_id(difference: Difference) -> bool:
    """Both have an id of their own making."""
    return all(str(value).startswith("<id-") for value in (difference.flagger, difference.davy))


def with_attributes(difference: Difference) -> bool:
    """Davy's cookie is Flagger's with attributes added."""
    return str(difference.davy).startswith(f"{difference.flagger}; ")


def another_order(difference: Difference) -> bool:
    """Both have it, at another place."""
    return difference.moment == ANOTHER_ORDER


def same_side_not_ready(difference: Difference) -> bool:
    """An Event of Davy's that a side is not ready, when Flagger says so too, with the reason of another moment."""
    subject = words(difference).split(" not ready: ")[0]
    events = difference.pair.flagger["events"]
    return difference.flagger is ABSENT and any(each["message"].startswith(f"{subject} not ready: ") for each in events)


def after_a_halt(difference: Difference) -> bool:
    """Davy's alone, in a scenario in which a metric halted Flagger: it does not look at the metrics that follow."""
    halted = any(HALT.match(each["message"]) for each in difference.pair.flagger["events"])
    metrics = sum(len(each["spec"]["analysis"].get("metrics", ())) for each in canaries(difference))
    in_bounds = len(difference.pair.davy["queries"]) <= metrics + 1  # the one more asks whether the server is there
    return difference.flagger is ABSENT and halted and in_bounds


HALT = re.compile(r"Halt \S+ advancement (?!waiting)")


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
    last = max((davys.index(each) for each in events if each in davys), default=-1)
    return bool(davys.index(difference.davy) > last)


CLOSING: Mapping[str, str] = {
    "Initialized": "Initialization done!",
    "Succeeded": "Promotion completed!",
    "Failed": "Canary failed!",
}
"""How the Event begins with which Flagger ends a phase."""


def seen_but_not_started(difference: Difference) -> bool:
    """Flagger notes the hash of a revision while it is not released; Davy with the status that begins its release."""
    flagger, davy = difference.flagger, difference.davy
    return (
        isinstance(flagger, list)
        and isinstance(davy, list)
        and len(davy) < len(flagger)
        and flagger[: len(davy)] == davy
    )


def analysis_skipped(difference: Difference) -> bool:
    """Davy's alone, and the canary skips the analysis."""
    return difference.flagger is ABSENT and any(each["spec"].get("skipAnalysis") for each in canaries(difference))


def given_back(difference: Difference) -> bool:
    """The canary is being deleted, and Davy's value is the one that the object or its target had before."""
    deleted = any(each["phase"] == "Terminating" for each in difference.pair.davy["status"])
    made = difference.pair.flagger["scenario"]["objects"]
    own = [
        leaves(each).get(difference.pointer)
        for each in made
        if f"{each['kind']}/{each['metadata']['name']}" == difference.at
    ]
    labels = [
        each["spec"]["selector"]["matchLabels"].get(difference.pointer.rpartition("/")[2])
        for each in made
        if "selector" in each["spec"] and "matchLabels" in each["spec"]["selector"]
    ]
    return deleted and difference.davy in [*own, *labels]


def asked_while_waiting(difference: Difference) -> bool:
    """A call of Davy's that names the phase Waiting."""
    return difference.flagger is ABSENT and difference.davy["phase"] == "Waiting"  # type: ignore[index]


def called_off_while_waiting(difference: Difference) -> bool:
    """A rollback hook called a revision off before it began; Flagger does not ask then."""
    steps = [each.step.phase for each in difference.pair.davys.stations]
    off = [before == "Waiting" and after == "Failed" for before, after in pairwise(steps)]
    return difference.flagger is ABSENT and any(off)


def counts_back(difference: Difference) -> bool:
    """Flagger takes an iteration back while a promotion waits; Davy's number is that of the iterations done."""
    flagger, davy = difference.flagger, difference.davy
    if isinstance(flagger, int) and isinstance(davy, int):
        return flagger < davy and any(davy == each.step.iterations for each in difference.pair.flaggers.stations)
    return davy is ABSENT and isinstance(flagger, dict) and flagger["phase"] == "WaitingPromotion"


def hang(difference: Difference) -> bool:
    """Flagger never reached a step of the script that Davy reached."""
    return reached(difference.pair.flagger) < reached(difference.pair.davy)


def reached(trace: Json) -> float:
    """The number of the step that was not reached; infinite if all were."""
    missed = re.match(r"step (\d+) ", trace["ended"])
    return int(missed[1]) if missed else float("inf")


def first_primary_overdue(difference: Difference) -> bool:
    """Flagger's first primary exceeded its deadline, and Flagger never came to an end of the initialization."""
    flagger = difference.pair.flagger
    overdue = any(OVERDUE.search(each["message"]) for each in flagger["events"])
    return overdue and all(each["phase"] != "Initialized" for each in flagger["status"])


OVERDUE = re.compile(r"-primary\.\S+ not ready: .*deadline")


def after_a_failed_promotion(difference: Difference) -> bool:
    """Both had left the canary all traffic, for the promoted primary did not become ready."""
    traces = (difference.pair.flagger["status"], difference.pair.davy["status"])
    return all(any(each["phase"] == "Failed" and each["canaryWeight"] == 100 for each in trace) for trace in traces)


def back_to_the_promoted(difference: Difference) -> bool:
    """In the middle of a run the target got the promoted template again; Davy analyses that."""
    return any(
        each["phase"] == "Progressing" and each.get("lastAppliedSpec") == each.get("lastPromotedSpec")
        for each in difference.pair.davy["status"]
    )


def flaggers_own_revision(difference: Difference) -> bool:
    """What Flagger wrote into a Knative Service's template was a revision to itself: it began again, Davy did not."""
    restarts = [
        any(each["message"].startswith(RESTART) for each in trace["events"])
        for trace in (difference.pair.flagger, difference.pair.davy)
    ]
    knative = any("knative" in each["spec"]["targetRef"]["apiVersion"] for each in canaries(difference))
    return knative and restarts == [True, False]


RESTART = "New revision detected! Restarting analysis"


def deleted_without_revert(difference: Difference) -> bool:
    """Davy alone gives back, when a Canary is deleted that does not ask for it."""
    value = difference.davy
    plain = not any(each["spec"].get("revertOnDeletion") for each in canaries(difference))
    return plain and isinstance(value, dict) and value.get("phase") == "Terminating"


def refused(difference: Difference) -> bool:
    """Davy says that the spec is invalid, and starts nothing."""
    return any(
        each["message"].startswith("Invalid spec, nothing is started") for each in difference.pair.davy["events"]
    )


def canaries(difference: Difference) -> list[Json]:
    """The canaries of the scenario."""
    return [each for each in difference.pair.flagger["scenario"]["objects"] if each["kind"] == "Canary"]


PREDICATES: Mapping[str, Predicate] = {
    "flagger-only": flagger_only,
    "davy-only": davy_only,
    "real-weight": real_weight,
    "kept": kept,
    "sooner": sooner,
    "more-with-autoscaler": more_with_autoscaler,
    "other-id": other_id,
    "with-attributes": with_attributes,
    "another-order": another_order,
    "same-side-not-ready": same_side_not_ready,
    "after-a-halt": after_a_halt,
    "lost-by-flagger": lost_by_flagger,
    "seen-but-not-started": seen_but_not_started,
    "analysis-skipped": analysis_skipped,
    "given-back": given_back,
    "asked-while-waiting": asked_while_waiting,
    "called-off-while-waiting": called_off_while_waiting,
    "counts-back": counts_back,
    "hang": hang,
    "first-primary-overdue": first_primary_overdue,
    "after-a-failed-promotion": after_a_failed_promotion,
    "back-to-the-promoted": back_to_the_promoted,
    "flaggers-own-revision": flaggers_own_revision,
    "deleted-without-revert": deleted_without_revert,
    "refused": refused,
}


def shown(value: Json | Absent) -> str:
    """A value for a report."""
    return repr(value) if isinstance(value, Absent) else json.dumps(value, ensure_ascii=False)
