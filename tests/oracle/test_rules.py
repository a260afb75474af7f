"""Rules excuse what they name and nothing else, and none may name a whole part."""

from typing import Any

import pytest
from tests.oracle.differences import ABSENT, END, WHOLE, Difference, Pair
from tests.oracle.kinds import Json
from tests.oracle.predicates import PREDICATES
from tests.oracle.rules import FILE, RuleError, load, rule
from tests.oracle.timeline import Station, Step

SCENARIO = {"name": "shop", "objects": [], "script": []}
EMPTY: dict[str, Any] = {"scenario": SCENARIO, "ended": "ok", "status": [], "events": [], "objects": {}}


def difference(
    part: str, flagger: Any, davy: Any, *, at: str = "", pointer: str = WHOLE, one: Json = None, other: Json = None
) -> Difference:
    pair = Pair(EMPTY | (one or {}), EMPTY | (other or {}))
    return Difference(pair, part, at, pointer, END, flagger, davy)


def entry(**words: Any) -> dict[str, Any]:
    return {"id": "r", "row": "row", "part": "event", "message": "Halt .*", "predicate": "flagger-only"} | words


def event(message: str) -> dict[str, str]:
    return {"type": "Normal", "reason": "Synced", "message": message}


def test_a_rule_excuses_what_it_names() -> None:
    assert rule(entry()).excuses(difference("event", event("Halt app"), ABSENT))


@pytest.mark.parametrize(
    "other",
    [
        difference("event", ABSENT, event("Halt app")),
        difference("event", event("No Halt app"), ABSENT),
        difference("query", "Halt app", ABSENT),
    ],
    ids=["the other side", "another sentence", "another part"],
)
def test_a_rule_excuses_nothing_else(other: Difference) -> None:
    assert not rule(entry()).excuses(other)


def test_an_object_is_named_by_kind_and_pointer() -> None:
    labels = rule(entry(part="object", kind="Service", pointer="/metadata/labels/*", predicate="davy-only"))
    assert labels.excuses(difference("object", ABSENT, "y", at="Service/app", pointer="/metadata/labels/x"))
    assert not labels.excuses(difference("object", ABSENT, "y", at="Service/app", pointer="/spec/x"))
    assert not labels.excuses(difference("object", ABSENT, "y", at="HTTPRoute/app", pointer="/metadata/labels/x"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"part": "status"}, "must name its field"),
        ({"part": "object", "kind": "Service"}, "must name its pointer"),
        ({"part": "object", "pointer": "/spec", "kind": "*"}, "must name its kind"),
        ({"message": ".*"}, "must name its message"),
        ({"part": "query", "text": ""}, "must name its text"),
        ({"part": "nothing"}, "no part nothing"),
        ({"predicate": "always"}, "no predicate always"),
        ({"parts_ways": True}, "at a step"),
        ({"massage": "x"}, "unknown: massage"),
    ],
)
def test_a_rule_that_is_too_wide_or_wrong_is_refused(words: dict[str, Any], reason: str) -> None:
    with pytest.raises(RuleError, match=reason):
        rule(entry(**words))


def test_the_rules_of_the_project_can_be_read_and_are_all_about_different_things() -> None:
    rules = load(FILE)
    assert len(
        {
            (each.part, each.field, each.message, each.hook, each.text, each.kind, each.pointer, each.predicate)
            for each in rules
        }
    ) == len(rules)


def test_every_predicate_is_used() -> None:
    assert {each.predicate for each in load(FILE)} == PREDICATES.keys()


def at(step: Step, route: Json) -> tuple[Station | None, Station | None]:
    return Station(step), Station(step, worlds=[{"VirtualService/app": route}])


@pytest.mark.parametrize(("said", "real"), [(30, True), (20, False), (0, False)])
def test_a_weight_is_real_if_the_route_says_so(said: int, real: bool) -> None:
    route = {"spec": {"http": [{"route": [{"destination": {"host": "app-canary"}, "weight": 30}]}]}}
    stations = at(Step("Promoting", 0, 0), route)
    found = Difference(Pair(EMPTY, EMPTY), "status", "canaryWeight", WHOLE, END, 0, said, stations)
    assert PREDICATES["real-weight"](found) is real


@pytest.mark.parametrize(("value", "kept"), [("1", True), ("2", False)])
def test_what_is_kept_was_there_before(value: str, kept: bool) -> None:
    states = [{"metadata": {"annotations": {"a": "1"}}}, {"/metadata": "<removed>"}]
    one = {"objects": {"Service/app": {"states": states}}}
    found = difference("object", ABSENT, value, at="Service/app", pointer="/metadata/annotations/a", one=one)
    assert PREDICATES["kept"](found) is kept


@pytest.mark.parametrize(
    ("flaggers", "lost"),
    [(["Advance"], True), (["Advance", "Promotion completed! x"], False)],
    ids=["Flagger's lack the last", "Flagger's are complete"],
)
def test_events_are_lost_only_if_flaggers_own_end_is_missing(flaggers: list[str], lost: bool) -> None:
    one = {"status": [{"phase": "Succeeded"}], "events": [event(each) for each in flaggers]}
    other = {"events": [event(each) for each in ("Advance", "Routing all traffic to primary")]}
    found = difference("event", ABSENT, event("Routing all traffic to primary"), one=one, other=other)
    assert PREDICATES["lost-by-flagger"](found) is lost


WAITING = {"phase": "WaitingPromotion", "weight": 0, "iterations": 1}


@pytest.mark.parametrize(
    ("name", "flagger", "davy", "true"),
    [
        ("sooner", 4, 6, True),
        ("sooner", 4, 5, False),
        ("other-id", "<id-1>", "<id-2>", True),
        ("other-id", "<id-1>", "chosen", False),
        ("with-attributes", "c=1; Max-Age=-1", "c=1; Max-Age=-1; Path=/", True),
        ("with-attributes", "c=1; Max-Age=-1", "c=2; Max-Age=-1; Path=/", False),
        ("seen-but-not-started", ["a", "b"], ["a"], True),
        ("seen-but-not-started", ["a", "b"], ["b"], False),
        ("asked-while-waiting", ABSENT, {"phase": "Waiting"}, True),
        ("asked-while-waiting", ABSENT, {"phase": "Progressing"}, False),
        ("counts-back", WAITING, ABSENT, True),
        ("counts-back", WAITING | {"phase": "Progressing"}, ABSENT, False),
        ("counts-back", 1, 9, False),
    ],
)
def test_a_predicate_is_about_both_values(name: str, flagger: Any, davy: Any, true: bool) -> None:
    copy = {"objects": {"HPA/app": {"states": [{"max": 4}, {"/max": 6}]}}, "order": []}
    found = difference("object", flagger, davy, at="HPA/app", pointer="/max", one=copy, other={"order": []})
    assert PREDICATES[name](found) is true


def test_an_event_in_the_middle_is_not_lost() -> None:
    one = {"status": [{"phase": "Succeeded"}], "events": [event("Advance")]}
    other = {"events": [event("Routing"), event("Advance")]}
    found = difference("event", ABSENT, event("Routing"), one=one, other=other)
    assert not PREDICATES["lost-by-flagger"](found)


@pytest.mark.parametrize(
    ("flagger", "davy", "hangs"),
    [
        ("step 2 (x) not reached", "ok", True),
        ("step 2 (x)", "step 3 (x)", True),
        ("ok", "ok", False),
        ("ok", "step 2 ", False),
    ],
)
def test_flagger_hangs_if_davy_gets_further(flagger: str, davy: str, hangs: bool) -> None:
    found = difference("ended", flagger, davy, one={"ended": flagger}, other={"ended": davy})
    assert PREDICATES["hang"](found) is hangs


def test_every_rule_belongs_to_a_row_that_people_can_read() -> None:
    page = (FILE.parent / "differences.md").read_text()
    rows = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")}
    named = {row for each in load(FILE) for row in each.row}
    assert named <= rows
