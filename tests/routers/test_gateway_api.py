"""Gateway API: the routes are Flagger's, what is served is read with tolerance, reports word by word."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.routers.world import applied, canary

from davy.api.ref import Manifest, Ref
from davy.core.snapshot import TO_PRIMARY, Confirmation, Confirmed, Pending, Routing, Unknown
from davy.routers import ROUTERS
from davy.routers.base import Inexpressible
from davy.routers.gateway_api import GatewayApi

FLAGGER: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "flagger.json").read_text())
V1 = GatewayApi("v1")
OURS = "davy.dev/gateway"


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


@pytest.mark.parametrize("case", FLAGGER)
def test_the_route_is_the_one_flagger_writes(case: str) -> None:
    recorded = FLAGGER[case]
    service = {"hosts": [], "gatewayRefs": []} | recorded["service"]
    spec = canary(name="app", **service)
    router = ROUTERS[recorded["provider"]]
    for primary, weight in [[100, 0], *recorded["weights"]]:
        (ours,) = router.route(spec, Routing(primary, weight), {})
        wanted = copy.deepcopy(recorded["route"])
        for backend, share in zip(wanted["spec"]["rules"][0]["backendRefs"], (primary, weight), strict=True):
            backend["weight"] = share
        assert ours["spec"] == wanted["spec"]
        assert ours["metadata"]["annotations"] == wanted["metadata"]["annotations"]
        assert ours["metadata"].get("labels", {}).items() <= wanted["metadata"].get("labels", {}).items()


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


def test_a_copy_of_the_requests_is_seen_unless_the_spec_asks_for_it_always() -> None:
    to_canary = {"name": "podinfo-canary", "port": 9898}
    copied = {"type": "RequestMirror", "requestMirror": {"backendRef": to_canary}}
    existing = written()
    route_of(existing)["spec"]["rules"][0]["filters"] = [copied]
    assert V1.routing(canary(), existing) == Routing(100, 0, mirrored=True)
    assert V1.routing(canary(mirror=[{"backendRef": to_canary}]), existing) == TO_PRIMARY


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
