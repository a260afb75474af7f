"""Gateway API: the routes are Flagger's, what is served is read with tolerance, reports word by word."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.pointers import patched
from tests.routers.world import applied, canary, rules

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core.edit import Edit, differing
from davy.core.snapshot import TO_PRIMARY, Confirmation, Confirmed, Pending, Routing, Unknown
from davy.routers import ROUTERS
from davy.routers.base import Feature, Inexpressible
from davy.routers.gateway_api import GatewayApi

TRACES = Path(__file__).parents[1] / "conformance" / "traces" / "flagger-1.44.0"
RECORDED = sorted(path.stem for path in TRACES.glob("gwv1*.json"))
V1, V1BETA1 = GatewayApi("v1"), GatewayApi("v1beta1")
OURS = "davy.dev/gateway"
AFFINITY: Manifest = {"cookieName": "fcookie", "primaryCookieName": "pcookie", "maxAge": 600}
COOKIES: Manifest = {"sessionAffinityCookie": "fcookie=AAA", "primarySessionAffinityCookie": "pcookie=BBB"}
ENDED: Manifest = {"previousSessionAffinityCookie": "fcookie=AAA"}


def written(routing: Routing = TO_PRIMARY, router: GatewayApi = V1, **service: Any) -> dict[Ref, Manifest]:
    """The cluster after one write."""
    return applied(router.route(canary(**service), routing, {}))


def route_of(existing: dict[Ref, Manifest]) -> Manifest:
    (route,) = existing.values()
    return route


def report(controller: str = "istio.io/gateway", status: str = "True", seen: int | None = 1, **parent: Any) -> Manifest:
    """One entry of `status.parents`, as controllers write it (defaults of the schema filled in)."""
    reference = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "ingress", "name": "gateway"}
    condition = {"type": "Accepted", "status": status, "reason": "Word", "message": "words"}
    return {
        "controllerName": controller,
        "parentRef": reference | parent,
        "conditions": [condition | ({} if seen is None else {"observedGeneration": seen})],
    }


def confirmed(*reports: Manifest, routing: Routing = TO_PRIMARY, **service: Any) -> Confirmation:
    existing = written(**service)
    if reports:
        route_of(existing)["status"] = {"parents": list(reports)}
    return V1.confirmed(canary(**service), routing, existing)


def states(trace: Manifest) -> Iterator[Manifest]:
    """The HTTPRoute as Flagger left it after each write."""
    first, *changes = trace["objects"]["HTTPRoute/app"]["states"]
    route = first
    yield route
    for change in changes:
        route = patched(route, change)
        yield route


def cookies_of(route: Manifest) -> Manifest:
    """The status that makes a route speak of these cookies."""
    given = set(re.findall(r'"(\w+=<\w+-\d+>); Max-Age=(-?)', json.dumps(route)))
    fields = {("f", ""): "sessionAffinityCookie", ("p", ""): "primarySessionAffinityCookie"}
    return {fields.get((cookie[0], ended), "previousSessionAffinityCookie"): cookie for cookie, ended in given}


def deleting(route: Manifest) -> Manifest:
    """Flagger's route, where it takes a cookie away, with the attributes without which no browser would do so."""
    text = json.dumps(route).replace(
        "Max-Age=-1", "Max-Age=-1; Domain=example.com; HttpOnly; Path=/; SameSite=Strict; Secure"
    )
    found: Manifest = json.loads(text)
    return found


@pytest.mark.parametrize("case", RECORDED)
def test_each_state_of_the_route_is_one_that_flagger_writes(case: str) -> None:
    trace = json.loads((TRACES / f"{case}.json").read_text())
    if case == "gwv1-no-gateway":
        assert "HTTPRoute/app" not in trace["objects"]
        return
    manifest = next(item for item in trace["scenario"]["objects"] if item["kind"] == "Canary")
    router = ROUTERS[manifest["spec"]["provider"]]
    for flaggers in states(trace):
        spec = msgspec.convert(manifest | {"status": cookies_of(flaggers)}, Canary)
        served = {router.reads(spec)[0]: flaggers}
        routing = router.routing(spec, served)
        assert routing is not None
        (ours,) = router.route(spec, routing, {})
        assert isinstance(ours, dict)
        assert ours["spec"] == deleting(flaggers)["spec"]
        assert ours["metadata"]["annotations"] == flaggers["metadata"]["annotations"]
        # Flagger copies the selector label when service.apex is set.
        assert ours["metadata"].get("labels", {}).items() <= flaggers["metadata"].get("labels", {}).items()


def test_the_older_version_has_neither_timeouts_nor_cors() -> None:
    words: dict[str, Any] = {"timeout": "15s", "backendTimeout": "5s", "corsPolicy": {"allowOrigin": ["*"]}}
    (new,) = route_of(written(**words))["spec"]["rules"]
    (old,) = route_of(written(router=GatewayApi("v1beta1"), **words))["spec"]["rules"]
    assert (new["timeouts"], new["filters"][0]["type"]) == ({"request": "15s", "backendRequest": "5s"}, "CORS")
    assert old.keys() == {"matches", "backendRefs"}


@pytest.mark.parametrize(
    ("max_age", "seconds"), [("24h", 86400), ("1m30s", 90), ("", 5), ("soon", 5), ("0s", 5), ("500ms", 5)]
)
def test_cors_answers_are_kept_as_long_as_said_or_as_the_schema_says(max_age: str, seconds: int) -> None:
    (rule,) = route_of(written(corsPolicy={"maxAge": max_age}))["spec"]["rules"]
    assert rule["filters"] == [{"type": "CORS", "cors": {"maxAge": seconds}}]


def test_a_match_that_says_nothing_here_is_left_out() -> None:
    everything = {"path": {"type": "PathPrefix", "value": "/"}}
    only_istio: list[Any] = [{"scheme": {"exact": "https"}}, {"authority": {"exact": "a"}}]
    silent: list[list[Any]] = [[], only_istio, [{}]]
    for match in silent:
        assert route_of(written(match=match))["spec"]["rules"][0]["matches"] == [everything]
    some = [*only_istio, {"uri": {"regex": "/a.*", "exact": "/a"}}]
    assert route_of(written(match=some))["spec"]["rules"][0]["matches"] == [
        {"path": {"type": "RegularExpression", "value": "/a.*"}}
    ]


@pytest.mark.parametrize(
    ("match", "field"),
    [
        ({"uri": {"suffix": ".html"}}, r"spec\.service\.match\[1\]\.uri"),
        ({"uri": {}}, r"spec\.service\.match\[1\]\.uri"),
        ({"method": {"regex": "G.*"}}, r"spec\.service\.match\[1\]\.method"),
        ({"headers": {"x-a": {"prefix": "a"}}}, r"spec\.service\.match\[1\]\.headers\.x-a"),
        ({"queryParams": {"q": {"suffix": "a"}}}, r"spec\.service\.match\[1\]\.queryParams\.q"),
    ],
    ids=["suffix", "empty", "method", "header", "query"],
)
def test_a_match_without_words_for_it_is_refused_by_its_field(match: Manifest, field: str) -> None:
    with pytest.raises(Inexpressible, match=field):
        V1.route(canary(match=[{"uri": {"exact": "/"}}, match]), TO_PRIMARY, {})


def test_weights_left_to_the_server_count_one() -> None:
    existing = written()
    for backend in route_of(existing)["spec"]["rules"][0]["backendRefs"]:
        del backend["weight"]
    assert V1.routing(canary(), existing) is None


@pytest.mark.parametrize(
    "weights", [(100, 100), (50, 49), (0, 0), (-1, 101), (1, 1)], ids=lambda weights: "/".join(map(str, weights))
)
def test_a_split_that_no_router_of_ours_writes_is_none(weights: tuple[int, int]) -> None:
    existing = written()
    for backend, weight in zip(route_of(existing)["spec"]["rules"][0]["backendRefs"], weights, strict=True):
        backend["weight"] = weight
    assert V1.routing(canary(), existing) is None


def test_a_route_that_is_missing_or_leads_elsewhere_says_no_split() -> None:
    assert V1.routing(canary(), {}) is None
    existing = written()
    route_of(existing)["spec"]["rules"][0]["backendRefs"][0]["name"] = "elsewhere"
    assert V1.routing(canary(), existing) is None
    del route_of(existing)["spec"]["rules"]
    assert V1.routing(canary(), existing) is None


def test_backends_in_another_order_are_told_apart_by_name() -> None:
    existing = written(Routing(70, 30))
    route_of(existing)["spec"]["rules"][0]["backendRefs"].reverse()
    assert V1.routing(canary(), existing) == Routing(70, 30)


def test_of_several_rules_the_last_with_both_sides_counts() -> None:
    existing = written(Routing(70, 30))
    rules = route_of(existing)["spec"]["rules"]
    sticky = copy.deepcopy(rules[0])
    sticky["backendRefs"][0]["weight"], sticky["backendRefs"][1]["weight"] = 0, 100
    only_primary = copy.deepcopy(rules[0])
    del only_primary["backendRefs"][1]
    rules[:] = [sticky, rules[0], only_primary]
    assert V1.routing(canary(), existing) == Routing(70, 30)


def route_for(
    routing: Routing, router: GatewayApi = V1, *, analysis: Manifest, status: Manifest | None = None, **service: Any
) -> list[Manifest]:
    """The rules that are written."""
    spec = canary(analysis=analysis, status=status, **service)
    (route,) = router.route(spec, routing, {})
    assert isinstance(route, dict)
    written: list[Manifest] = route["spec"]["rules"]
    return written


def copies(rule: Manifest) -> list[Manifest]:
    return [part["requestMirror"] for part in rule.get("filters", ()) if "requestMirror" in part]


@pytest.mark.parametrize(
    ("weight", "share"), [(0, None), (1, 1), (50, 50), (99, 99), (100, None), (120, None)], ids=str
)
def test_the_share_that_is_copied_is_said_where_it_is_not_all(weight: int, share: int | None) -> None:
    to_canary = {"group": "", "kind": "Service", "name": "podinfo-canary", "port": 9898}
    for router in (V1, V1BETA1):
        (rule,) = route_for(Routing(100, 0, True), router, analysis={"mirror": True, "mirrorWeight": weight})
        assert copies(rule) == [{"backendRef": to_canary} | ({} if share is None else {"percent": share})]


def test_the_copy_comes_after_what_the_spec_asks_for_at_all_times() -> None:
    shadow = {"backendRef": {"name": "shadow", "port": 80}}
    (rule,) = route_for(
        Routing(100, 0, True), analysis={"mirror": True}, mirror=[shadow], rewrite={"authority": "inner"}
    )
    assert [part["type"] for part in rule["filters"]] == ["URLRewrite", "RequestMirror", "RequestMirror"]
    assert [copy["backendRef"]["name"] for copy in copies(rule)] == ["shadow", "podinfo-canary"]


def test_a_canary_that_is_copied_to_at_all_times_has_no_mirror_stage() -> None:
    always = canary(mirror=[{"backendRef": {"name": "podinfo-canary", "port": 9898}}])
    assert Feature.MIRROR not in V1.features(always)
    assert V1.routing(always, applied(V1.route(always, TO_PRIMARY, {}))) == TO_PRIMARY
    assert Feature.MIRROR in V1.features(canary(mirror=[{"backendRef": {"name": "podinfo", "port": 9898}}]))


INEXPRESSIBLE: dict[str, tuple[Manifest, str]] = {
    "prefix": ({"headers": {"x-a": {"prefix": "a"}}}, r"spec\.analysis\.match\[1\]\.headers\.x-a: needs exact"),
    "suffix": ({"headers": {"x-a": {"suffix": "a"}}}, r"spec\.analysis\.match\[1\]\.headers\.x-a: needs exact"),
    "empty value": ({"headers": {"x-a": {"exact": ""}}}, r"spec\.analysis\.match\[1\]\.headers\.x-a: needs exact"),
    "query prefix": ({"queryParams": {"q": {"prefix": "a"}}}, r"spec\.analysis\.match\[1\]\.queryParams\.q: needs"),
    "source": ({"sourceLabels": {"app": "x"}}, r"spec\.analysis\.match\[1\]\.sourceLabels: Gateway API cannot"),
    "source and header": (
        {"headers": {"x-a": {"exact": "a"}}, "sourceLabels": {"app": "x"}},
        r"spec\.analysis\.match\[1\]\.sourceLabels",
    ),
    "nothing": ({}, r"spec\.analysis\.match\[1\]: says nothing"),
}


@pytest.mark.parametrize("case", INEXPRESSIBLE)
@pytest.mark.parametrize("iterations", [0, 5])
def test_a_match_of_a_test_is_said_whole_or_refused_by_its_field(case: str, iterations: int) -> None:
    item, field = INEXPRESSIBLE[case]
    spec = canary(analysis={"iterations": iterations, "match": [{"headers": {"x-b": {"exact": "b"}}}, item]})
    assert Feature.MATCH not in V1.features(spec)
    with pytest.raises(Inexpressible, match=field):
        V1.route(spec, TO_PRIMARY, {})


def test_more_matches_than_a_rule_takes_are_refused() -> None:
    items = [{"headers": {"x-a": {"exact": str(number)}}} for number in range(33)]
    places = [{"uri": {"prefix": f"/{number}"}} for number in range(2)]
    with pytest.raises(Inexpressible, match=r"spec\.analysis\.match: makes 66 matches"):
        route_for(TO_PRIMARY, analysis={"match": items}, match=places)
    with pytest.raises(Inexpressible, match=r"spec\.service\.match: makes 65 matches"):
        route_for(TO_PRIMARY, analysis={}, match=[{"uri": {"exact": f"/{number}"}} for number in range(65)])


def test_in_a_test_the_service_match_holds_too() -> None:
    place = {"uri": {"prefix": "/shop"}, "method": {"exact": "GET"}, "headers": {"x-env": {"exact": "live"}}}
    item = {"headers": {"x-user": {"exact": "insider"}}, "queryParams": {"beta": {"regex": "[0-9]+"}}}
    tested, others = route_for(Routing(0, 100), analysis={"iterations": 3, "match": [item]}, match=[place])
    (inside,), (outside,) = tested["matches"], others["matches"]
    assert outside == {
        "path": {"type": "PathPrefix", "value": "/shop"},
        "headers": [{"type": "Exact", "name": "x-env", "value": "live"}],
        "method": "GET",
    }
    assert inside == outside | {
        "headers": [*outside["headers"], {"type": "Exact", "name": "x-user", "value": "insider"}],
        "queryParams": [{"type": "RegularExpression", "name": "beta", "value": "[0-9]+"}],
    }
    assert [backend["name"] for backend in others["backendRefs"]] == ["podinfo-primary"]


def test_of_a_header_that_both_name_the_tests_value_counts_however_it_is_spelt() -> None:
    item = {"headers": {"X-Env": {"exact": "beta"}}}
    tested, _ = route_for(
        TO_PRIMARY, analysis={"iterations": 3, "match": [item]}, match=[{"headers": {"x-env": {"regex": ".*"}}}]
    )
    assert tested["matches"][0]["headers"] == [{"type": "Exact", "name": "X-Env", "value": "beta"}]


def test_matches_with_weights_split_the_matching_requests_only() -> None:
    tested, others = route_for(Routing(90, 10), analysis={"match": [{"headers": {"x-a": {"exact": "a"}}}]})
    assert [backend["weight"] for backend in tested["backendRefs"]] == [90, 10]
    assert [backend["weight"] for backend in others["backendRefs"]] == [100]


def test_a_test_keeps_no_sessions() -> None:
    analysis = {"iterations": 3, "match": [{"headers": {"x-a": {"exact": "a"}}}], "sessionAffinity": AFFINITY}
    assert Feature.SESSION_AFFINITY not in V1.features(canary(analysis=analysis))
    for routing, status in ((Routing(0, 100), COOKIES), (TO_PRIMARY, ENDED)):
        assert "Set-Cookie" not in json.dumps(route_for(routing, analysis=analysis, status=status))


def test_a_prefix_is_replaced_in_rules_of_one_match_each() -> None:
    rewrite = {"type": "ReplacePrefixMatch", "uri": "/new"}
    places = [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}]
    items = [{"headers": {"x-a": {"exact": "a"}}}, {"headers": {"x-b": {"exact": "b"}}}]
    spec = canary(analysis={"iterations": 3, "match": items}, rewrite=rewrite, match=places)
    existing = applied(V1.route(spec, Routing(30, 70), {}))
    written = rules(route_of(existing))
    assert [len(rule.match) for rule in written] == [1] * 6
    assert [len(rule.shares) for rule in written] == [2, 2, 2, 2, 1, 1]
    assert V1.routing(spec, existing) == Routing(30, 70)


def test_the_older_version_keeps_no_users_with_the_primary() -> None:
    for routing in (Routing(70, 30), Routing(0, 100)):
        sticky, weighted = route_for(routing, V1BETA1, analysis={"sessionAffinity": AFFINITY}, status=COOKIES)
        assert sticky["backendRefs"][1]["weight"] == 100
        assert ["filters" in backend for backend in weighted["backendRefs"]] == [False, True]


def test_nobody_is_kept_with_a_side_that_is_to_get_nothing() -> None:
    analysis = {"sessionAffinity": AFFINITY}
    (only,) = route_for(TO_PRIMARY, analysis=analysis, status=COOKIES)
    assert [backend["weight"] for backend in only["backendRefs"]] == [100, 0]
    for rule in route_for(Routing(0, 100), analysis=analysis, status=COOKIES):
        assert [backend["weight"] for backend in rule["backendRefs"]] == [0, 100]


def test_without_a_name_for_it_the_primary_gives_no_cookie() -> None:
    flaggers = COOKIES | {"primarySessionAffinityCookie": "=BBB"}
    for affinity, status in (({"cookieName": "fcookie"}, flaggers), ({"cookieName": "fcookie"}, COOKIES)):
        written = route_for(Routing(70, 30), analysis={"sessionAffinity": affinity}, status=status)
        assert len(written) == 2
        assert "BBB" not in json.dumps(written)


def modifiers(parts: list[Manifest]) -> list[Manifest]:
    return [part["responseHeaderModifier"] for part in parts if part["type"] == "ResponseHeaderModifier"]


def test_a_rule_changes_responses_in_one_filter_only() -> None:
    response = {"add": {"x-b": "2"}, "set": {"x-a": "1"}, "remove": ["x-c"]}
    forgetting, weighted = route_for(
        TO_PRIMARY, analysis={"sessionAffinity": AFFINITY}, status=ENDED, headers={"response": response}
    )
    (spec,) = modifiers(weighted["filters"])
    cookie = {"name": "Set-Cookie", "value": "fcookie=AAA; Max-Age=-1"}
    assert modifiers(forgetting["filters"]) == [spec | {"add": [{"name": "x-b", "value": "2"}, cookie]}]


@pytest.mark.parametrize(
    "added", [{"set-cookie": "lang=en"}, {f"x-{number}": "1" for number in range(16)}], ids=["the same header", "full"]
)
def test_where_the_filter_has_no_room_the_sides_take_the_cookie_away(added: Manifest) -> None:
    forgetting, weighted = route_for(
        TO_PRIMARY, analysis={"sessionAffinity": AFFINITY}, status=ENDED, headers={"response": {"add": added}}
    )
    assert forgetting["filters"] == weighted["filters"]
    assert [modifiers(side["filters"])[0]["add"][0]["value"] for side in forgetting["backendRefs"]] == [
        "fcookie=AAA; Max-Age=-1"
    ] * 2


def specific(match: Manifest) -> tuple[int, int, int, int]:
    """What of two matches of one request Gateway API prefers: the greater."""
    return (
        len(match["path"]["value"]),
        int("method" in match),
        len(match.get("headers", ())),
        len(match.get("queryParams", ())),
    )


def narrower(match: Manifest, than: Manifest) -> bool:
    """Whatever the one takes, the other would take too."""
    same = match["path"] == than["path"] and match.get("method") == than.get("method")
    names = {item["name"].lower() for item in match.get("headers", ())}
    return same and {item["name"].lower() for item in than.get("headers", ())} <= names


PLACES: list[Manifest] = [
    {"uri": {"prefix": "/a"}},
    {"uri": {"prefix": "/a/b"}, "method": {"exact": "GET"}},
    {"headers": {"x-env": {"exact": "live"}}},
    {"headers": {"cookie": {"regex": ".*"}, "x-env": {"exact": "live"}}},
    {"queryParams": {"q": {"exact": "1"}}},
]
ITEMS: list[Manifest] = [
    {"headers": {"x-user": {"exact": "insider"}}},
    {"headers": {"cookie": {"regex": "beta"}}},
    {"queryParams": {"beta": {"exact": "1"}}},
]


@given(st.lists(st.sampled_from(PLACES), max_size=3), st.lists(st.sampled_from(ITEMS), max_size=2), st.booleans())
def test_the_special_rule_goes_before_the_general_one(
    places: list[Manifest], items: list[Manifest], beginning: bool
) -> None:
    """For every way into the last rule there is one into each rule before it that is preferred, or equal."""
    routing, status = (Routing(70, 30), COOKIES) if beginning else (TO_PRIMARY, ENDED)
    analysis = {"match": items, "sessionAffinity": AFFINITY}
    *special, last = route_for(routing, analysis=analysis, status=status, match=places)
    assert special
    for rule in special:
        for match in last["matches"]:
            found = [item for item in rule["matches"] if narrower(item, match)]
            assert any(specific(item) >= specific(match) for item in found)


# --- somebody else's route

THEIRS: Manifest = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "podinfo", "namespace": "test", "generation": 4, "labels": {"team": "red"}},
    "spec": {
        "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "old", "namespace": "test"}],
        "hostnames": ["shop.example.com"],
        "rules": [
            {
                "name": "all",
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"group": "", "kind": "Service", "name": "podinfo", "port": 9898, "weight": 1}],
            }
        ],
    },
}
Changed = Callable[[Manifest], None]


def theirs(**metadata: Any) -> dict[Ref, Manifest]:
    route = copy.deepcopy(THEIRS)
    route["metadata"] |= metadata
    return {V1.ref(canary()): route}


def taken(existing: dict[Ref, Manifest], routing: Routing = TO_PRIMARY, **service: Any) -> dict[Ref, Manifest]:
    return applied(V1.route(canary(**service), routing, existing), existing)


def restored(existing: dict[Ref, Manifest], **service: Any) -> dict[Ref, Manifest]:
    return applied(V1.restored(canary(**service), existing), existing)


def bare(existing: dict[Ref, Manifest]) -> Manifest:
    """The route without its generation; no annotations are none."""
    route = copy.deepcopy(route_of(existing))
    del route["metadata"]["generation"]
    if not route["metadata"].get("annotations"):
        route["metadata"].pop("annotations", None)
    return route


def test_somebody_elses_route_is_edited_in_the_parts_that_matter() -> None:
    (edit,) = V1.route(canary(), Routing(70, 30), theirs())
    assert isinstance(edit, Edit)
    assert set(edit.parts) == {"/metadata/annotations", "/spec/parentRefs", "/spec/hostnames", "/spec/rules"}
    (ours,) = V1.route(canary(), Routing(70, 30), {})
    assert isinstance(ours, dict)
    assert all(edit.parts[f"/spec/{part}"] == ours["spec"][part] for part in ours["spec"])


def test_hosts_that_the_canary_does_not_name_stay() -> None:
    assert route_of(taken(theirs(), hosts=[]))["spec"]["hostnames"] == ["shop.example.com"]


def test_labels_of_the_canary_join_those_that_are_there() -> None:
    apex = {"labels": {"team": "blue", "x": "y"}, "annotations": {"note": "apex"}}
    existing = theirs(annotations={"note": "mine", "keep": "1"})
    after = taken(existing, apex=apex)
    metadata = route_of(after)["metadata"]
    assert metadata["labels"] == {"team": "blue", "x": "y"}
    assert (metadata["annotations"]["note"], metadata["annotations"]["keep"]) == ("apex", "1")
    assert bare(restored(after, apex=apex)) == bare(existing)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_whatever_happened_in_between_the_route_is_put_back(weights: list[int]) -> None:
    existing = theirs()
    for weight in weights:
        existing = taken(existing, Routing(100 - weight, weight))
        assert V1.routing(canary(), existing) == Routing(100 - weight, weight)
    assert bare(restored(existing)) == bare(theirs())
    assert V1.restored(canary(), restored(existing)) == ()


def test_a_route_that_was_never_touched_is_not_touched_in_the_end() -> None:
    assert V1.restored(canary(), theirs()) == ()
    assert V1.restored(canary(), theirs(annotations={"note": "mine"})) == ()


def test_what_its_owner_wrote_last_is_put_back() -> None:
    """GitOps wrote new rules over ours: those are the original now, both at once and after the next edit."""
    existing = taken(theirs())
    new = [{"matches": [{"path": {"type": "PathPrefix", "value": "/v2"}}], "backendRefs": []}]
    route_of(existing)["spec"]["rules"] = new
    assert route_of(restored(existing))["spec"]["rules"] == new
    assert route_of(restored(taken(existing)))["spec"]["rules"] == new
    assert bare(restored(taken(existing)))["metadata"] == bare(theirs())["metadata"]


def flaggers_guest(**annotations: str) -> dict[Ref, Manifest]:
    """A route that Flagger took over: nobody noted what it was."""
    (ours,) = V1.route(canary(), Routing(80, 20), {})
    assert isinstance(ours, dict)
    existing = theirs(annotations=annotations)
    route_of(existing)["spec"] |= ours["spec"]
    return existing


def test_what_flagger_took_over_is_put_back_as_kubectl_remembers_it() -> None:
    existing = flaggers_guest(**{"kubectl.kubernetes.io/last-applied-configuration": json.dumps(THEIRS)})
    assert route_of(restored(taken(existing)))["spec"] == THEIRS["spec"]


@pytest.mark.parametrize(
    "remembered",
    [
        {},
        {"kubectl.kubernetes.io/last-applied-configuration": "spoilt"},
        {"kubectl.kubernetes.io/last-applied-configuration": '{"spec": 1}'},
        {"kubectl.kubernetes.io/last-applied-configuration": '{"spec": {}}'},
        {"davy.dev/original": "[]"},
    ],
    ids=["nothing", "spoilt", "no spec", "no rules", "no note"],
)
def test_otherwise_it_leads_to_the_service_that_stays(remembered: dict[str, str]) -> None:
    existing = flaggers_guest(**remembered)
    (rule,) = route_of(restored(taken(existing)))["spec"]["rules"]
    assert rule["backendRefs"] == [{"group": "", "kind": "Service", "name": "podinfo", "port": 9898, "weight": 1}]


def test_an_edit_that_is_made_is_not_made_again() -> None:
    existing = taken(theirs(), Routing(70, 30))
    (again,) = V1.route(canary(), Routing(70, 30), existing)
    assert isinstance(again, Edit)
    assert differing(route_of(existing), again) == {}


def test_without_a_report_only_time_can_tell() -> None:
    assert confirmed() == Unknown()
    assert confirmed(report(name="somebody-elses")) == Unknown()
    assert confirmed({"parentRef": report()["parentRef"], "controllerName": "x", "conditions": []}) == Unknown()


def test_a_report_without_a_generation_proves_nothing() -> None:
    assert confirmed(report(seen=None)) == Unknown()


def test_a_parent_that_accepts_the_generation_confirms_it() -> None:
    assert confirmed(report()) == Confirmed()
    assert confirmed(report(), report(controller="other.io/gateway")) == Confirmed()


@pytest.mark.parametrize(
    ("reports", "why"),
    [
        ([report(seen=0)], r"gateway \(istio.io/gateway\) has not seen generation 1 yet"),
        ([report(status="False")], r"gateway \(istio.io/gateway\) does not accept it: Word words"),
        ([report(status="Unknown")], "does not accept it"),
        ([report(status="False", seen=None)], "does not accept it"),
        ([report(), report(controller="other.io/gateway", seen=0)], r"\(other.io/gateway\) has not seen"),
    ],
    ids=["older generation", "refused", "undecided", "refused without generation", "one of two"],
)
def test_a_parent_that_objects_holds_it(reports: list[Manifest], why: str) -> None:

    answer = confirmed(*reports)
    assert isinstance(answer, Pending)
    assert re.search(why, answer.why)
    assert "HTTPRoute" in answer.why
    assert "test/podinfo" in answer.why


def test_a_route_that_its_controller_has_given_up_is_held() -> None:
    existing = written()
    route_of(existing)["status"] = {"parents": []}
    answer = V1.confirmed(canary(), TO_PRIMARY, existing)
    assert isinstance(answer, Pending)
    assert "no Gateway takes it" in answer.why


def test_another_split_than_the_one_asked_for_is_never_confirmed() -> None:
    assert isinstance(confirmed(report(), routing=Routing(90, 10)), Pending)
    assert isinstance(V1.confirmed(canary(), TO_PRIMARY, {}), Pending)


def test_our_own_gateway_confirms_at_once() -> None:
    assert confirmed(report(controller=OURS)) == Confirmed(at_once=True)
    assert isinstance(confirmed(report(controller=OURS, seen=0)), Pending)


def test_it_is_not_at_once_while_one_parent_is_not_ours_or_silent() -> None:
    two = [{"name": "gateway", "namespace": "ingress"}, {"name": "inner", "namespace": "ingress"}]
    ours, theirs = report(controller=OURS), report(controller="istio.io/gateway", name="inner")
    assert confirmed(ours, gatewayRefs=two) == Confirmed()
    assert confirmed(ours, theirs, gatewayRefs=two) == Confirmed()
    assert confirmed(ours, report(controller=OURS, name="inner"), gatewayRefs=two) == Confirmed(at_once=True)


def test_a_parent_without_a_namespace_is_the_one_beside_the_route() -> None:
    beside = [{"name": "gateway"}]
    assert confirmed(report(controller=OURS, namespace="test"), gatewayRefs=beside) == Confirmed(at_once=True)
    assert confirmed(report(controller=OURS), gatewayRefs=beside) == Unknown()


def test_reports_tell_listeners_apart() -> None:
    https = [{"name": "gateway", "namespace": "ingress", "sectionName": "https"}]
    assert confirmed(report(controller=OURS), gatewayRefs=https) == Unknown()
    assert confirmed(report(controller=OURS, sectionName="https"), gatewayRefs=https) == Confirmed(at_once=True)
