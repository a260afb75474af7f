"""Istio: the objects are Flagger's but where Flagger's do harm; what others made is edited with care and put back."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.pointers import patched
from tests.routers.world import applied, canary

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core import names
from davy.core.edit import Edit, differing
from davy.core.snapshot import TO_PRIMARY, Confirmation, Confirmed, Pending, Routing, Unknown
from davy.routers.base import Feature, Inexpressible
from davy.routers.istio import VERSION, Istio
from davy.routers.istio.theirs import LAST_APPLIED, ORIGINAL

ISTIO = Istio()
TRACES = Path(__file__).parents[1] / "conformance" / "traces" / "flagger-1.44.0"
ADOPTED = "istio-init-primary-bad-adopted"
PRIMARY, CANARY = "podinfo-primary", "podinfo-canary"
SERVICE = Ref(VERSION, "VirtualService", "test", "podinfo")
RULES = [Ref(VERSION, "DestinationRule", "test", host) for host in (CANARY, PRIMARY)]
MATCH: list[Manifest] = [{"headers": {"x-user": {"exact": "insider"}}}]
AFFINITY: Manifest = {"cookieName": "fcookie"}
COOKIES: Manifest = {"sessionAffinityCookie": "fcookie=aaa", "primarySessionAffinityCookie": "pcookie=bbb"}
ENDED: Manifest = {"previousSessionAffinityCookie": "fcookie=aaa"}


# The recordings


class Write(NamedTuple):
    """What Flagger wrote, and what it remembered of the cookies in the same tick."""

    key: str
    manifest: Manifest
    status: Manifest


def trace_of(name: str) -> Manifest:
    found: Manifest = json.loads((TRACES / f"{name}.json").read_text())
    return found


def istio_traces() -> list[str]:
    """The scenarios in which Flagger speaks Istio, by its own setting or the operator's."""
    found = []
    for path in sorted(TRACES.glob("*.json")):
        trace = trace_of(path.stem)
        spec = canary_of(trace)["spec"]
        default = {"main": "kubernetes", "alt": "istio"}[trace["scenario"]["group"]]
        if spec.get("provider", default) == "istio" and any(ours(key) for key in trace["objects"]):
            found.append(path.stem)
    return found


def canary_of(trace: Manifest) -> Manifest:
    found: Manifest = next(item for item in trace["scenario"]["objects"] if item["kind"] == "Canary")
    return found


def ours(key: str) -> bool:
    return key.startswith(("VirtualService/", "DestinationRule/"))


def writes(trace: Manifest) -> Iterator[Write]:
    """Every state of Istio's objects, with the status that Flagger stored next."""
    objects: dict[str, Manifest] = {}
    for place, entry in enumerate(trace["order"]):
        key, _, number = entry.partition(" #")
        if not ours(key):
            continue
        state = trace["objects"][key]["states"][int(number)]
        objects[key] = patched(objects[key], state) if key in objects else state
        later = [each for each in trace["order"][place:] if each.startswith("Canary/app.status #")]
        yield Write(key, objects[key], trace["status"][int(later[0].split(" #")[1]) if later else -1])


def spec_of(trace: Manifest, status: Manifest) -> Canary:
    manifest = copy.deepcopy(canary_of(trace))
    manifest["metadata"] |= {"namespace": "ns", "uid": "c0ffee"}
    return codec.decode_canary(manifest | {"status": status})


def without_uids(manifest: Manifest) -> Manifest:
    """The metadata as the recordings have it."""
    metadata = {field: value for field, value in manifest["metadata"].items() if field not in ("name", "namespace")}
    owners = [{key: value for key, value in owner.items() if key != "uid"} for owner in metadata["ownerReferences"]]
    return metadata | {"ownerReferences": owners}


def as_it_should_be(flaggers: Manifest, spec: Canary) -> Manifest:
    """Flagger's object, without what we do otherwise on purpose."""
    text = json.dumps(flaggers)
    if spec.analysis.session_affinity and spec.analysis.session_affinity.domain:
        # Without the attributes that it was set with, a browser does not take the cookie for the same one.
        text = text.replace("Max-Age=-1", "Max-Age=-1; Domain=example.com; HttpOnly; Path=/; SameSite=Strict; Secure")
    made: Manifest = json.loads(text)
    if made["metadata"].get("labels", {}).pop("app", None) and not made["metadata"]["labels"]:
        # The selector's label leaks from the Service to the VirtualService where service.apex is set.
        del made["metadata"]["labels"]
    return made


def manifests(spec: Canary, routing: Routing) -> dict[str, Manifest]:
    made = [item for item in ISTIO.route(spec, routing, {}) if isinstance(item, dict)]
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in made}


def advancing(spec: Canary) -> bool:
    return spec.status.phase == "Progressing" and spec.strategy() == "canary"


@pytest.mark.parametrize("name", [name for name in istio_traces() if name != ADOPTED])
def test_every_state_that_flagger_wrote_is_the_one_that_we_write(name: str) -> None:
    trace = trace_of(name)
    seen, split = set(), TO_PRIMARY
    for key, flaggers, status in writes(trace):
        spec = spec_of(trace, status)
        if key.startswith("VirtualService/"):
            found = ISTIO.routing(spec, {ISTIO.ref(spec): flaggers})
            assert found is not None
            split = found
        made, wanted = manifests(spec, split)[key], as_it_should_be(flaggers, spec)
        assert made["spec"] == wanted["spec"]
        assert without_uids(made) == wanted["metadata"]
        if key.startswith("VirtualService/") and not split.mirrored and advancing(spec):
            assert split.canary == spec.status.canary_weight
        seen.add(key)
    assert len(seen) == 3


def test_the_recordings_are_all_there() -> None:
    assert len(istio_traces()) > 30


# Whom it is for


def served(routing: Routing = TO_PRIMARY, spec: Canary | None = None, **words: Any) -> Manifest:
    """The VirtualService's spec."""
    spec = spec or canary(**words)
    found: Manifest = manifests(spec, routing)[f"VirtualService/{spec.apex}"]["spec"]
    return found


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        ([], ["podinfo"]),
        (["a.example.com"], ["a.example.com", "podinfo"]),
        (["podinfo", "a.example.com"], ["podinfo", "a.example.com"]),
        (["*"], ["*"]),
    ],
    ids=str,
)
def test_the_apex_is_a_host_unless_it_is_one_already(hosts: list[str], found: list[str]) -> None:
    assert served(hosts=hosts)["hosts"] == found


def test_without_gateways_it_is_for_the_mesh_and_with_them_for_these_only() -> None:
    assert served()["gateways"] == ["mesh"]
    assert served(gateways=["istio-system/public"])["gateways"] == ["istio-system/public"]


def test_a_delegate_has_neither_hosts_nor_gateways() -> None:
    delegate = served(hosts=[], delegation=True)
    assert (delegate["hosts"], delegate.get("gateways")) == ([], None)


@pytest.mark.parametrize("field", ["hosts", "gateways"])
def test_a_delegate_with_an_address_of_its_own_is_refused(field: str) -> None:
    words: dict[str, Any] = {"hosts": [], "delegation": True, field: ["a"]}
    with pytest.raises(Inexpressible, match=rf"^spec\.service\.{field}: "):
        ISTIO.route(canary(**words), TO_PRIMARY, {})


@pytest.mark.parametrize("protocol", ["", "tcp"])
@pytest.mark.parametrize(
    ("words", "port"),
    [
        ({}, False),
        ({"portDiscovery": True}, False),
        ({"gateways": ["public"]}, False),
        ({"portDiscovery": True, "gateways": ["public", "mesh"]}, True),
        ({"portDiscovery": True, "gateways": ["mesh", "public"]}, False),
        ({"portDiscovery": True, "delegation": True, "hosts": []}, True),
        ({"delegation": True, "hosts": []}, False),
    ],
    ids=str,
)
def test_a_gateway_is_told_the_port_where_there_may_be_several(
    words: dict[str, Any], port: bool, protocol: str
) -> None:
    spec = served(Routing(60, 40), appProtocol=protocol, **words)
    (rule,) = spec["tcp" if protocol else "http"]
    wanted = {"port": {"number": 9898}} if port else {}
    assert [part["destination"] for part in rule["route"]] == [{"host": host, **wanted} for host in (PRIMARY, CANARY)]


def test_copies_go_to_the_same_port_as_the_requests() -> None:
    words: dict[str, Any] = {"portDiscovery": True, "gateways": ["public"], "analysis": {"mirror": True}}
    (rule,) = served(Routing(100, 0, mirrored=True), **words)["http"]
    assert rule["mirror"] == {"host": CANARY, "port": {"number": 9898}}
    assert "mirrorPercentage" not in rule


# Connections


def test_connections_can_only_be_split() -> None:
    spec = canary(
        appProtocol="TCP",
        timeout="5s",
        headers={"request": {"remove": ["x"]}},
        match=[{"port": 80, "uri": {"prefix": "/"}}, {"uri": {"prefix": "/"}}],
        analysis={"match": MATCH, "sessionAffinity": AFFINITY, "mirror": True},
        status=COOKIES,
    )
    found = served(Routing(60, 40), spec)
    assert ISTIO.features(spec) == Feature.WEIGHT
    assert "http" not in found
    assert found["tcp"] == [
        {
            "match": [{"port": 80}, {}],
            "route": [
                {"destination": {"host": PRIMARY}, "weight": 60},
                {"destination": {"host": CANARY}, "weight": 40},
            ],
        }
    ]
    for each in (spec, canary(appProtocol="tcp", analysis={"match": MATCH})):
        assert ISTIO.routing(each, existing(Routing(60, 40), each)) == Routing(60, 40)


def test_requests_can_do_all_but_keep_sessions_in_a_test() -> None:
    able = Feature.WEIGHT | Feature.MIRROR | Feature.MATCH
    assert ISTIO.features(canary()) == able | Feature.SESSION_AFFINITY
    assert ISTIO.features(canary(analysis={"match": MATCH, "sessionAffinity": AFFINITY})) == able


# A/B testing


def trial(match: list[Manifest], *within: Manifest) -> list[Manifest]:
    """The match of the rule that leads to the canary."""
    first, _ = served(Routing(0, 100), match=list(within), analysis={"match": match, "iterations": 3})["http"]
    found: list[Manifest] = first["match"]
    return found


def test_an_end_is_asked_for_by_an_expression_for_nothing_else_can() -> None:
    match: list[Manifest] = [{"headers": {"host": {"suffix": ".a+b.com"}, "x": {"prefix": "y"}}}]
    assert trial(match) == [{"headers": {"host": {"regex": r".*\.a\+b\.com"}, "x": {"prefix": "y"}}}]


@pytest.mark.parametrize(
    ("around", "match", "both"),
    [
        (
            {"headers": {"x-a": {"exact": "1"}}, "uri": {"prefix": "/"}},
            {"headers": {"x-b": {"exact": "2"}}},
            {"headers": {"x-a": {"exact": "1"}, "x-b": {"exact": "2"}}, "uri": {"prefix": "/"}},
        ),
        (
            {"headers": {"X-A": {"regex": ".*"}}},
            {"headers": {"x-a": {"exact": "2"}}},
            {"headers": {"x-a": {"exact": "2"}}},
        ),
        (
            {"uri": {"prefix": "/"}, "queryParams": {"a": {"exact": "1"}}},
            {"queryParams": {"A": {"exact": "2"}}},
            {"uri": {"prefix": "/"}, "queryParams": {"a": {"exact": "1"}, "A": {"exact": "2"}}},
        ),
        (
            {"sourceLabels": {"app": "web", "tier": "1"}},
            {"sourceLabels": {"tier": "2"}},
            {"sourceLabels": {"app": "web", "tier": "2"}},
        ),
        ({"withoutHeaders": {"x": {}}}, {}, {"withoutHeaders": {"x": {}}}),
    ],
    ids=["headers", "a header in another spelling", "parameters", "labels", "nothing"],
)
def test_a_test_takes_place_within_what_the_service_is_for(around: Manifest, match: Manifest, both: Manifest) -> None:
    assert trial([match], around) == [both]


def test_every_item_is_crossed_with_every_match_of_the_service() -> None:
    one, two = {"headers": {"x": {"exact": "1"}}}, {"headers": {"x": {"exact": "2"}}}
    a, b = {"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}
    assert trial([one, two], a, b) == [a | one, b | one, a | two, b | two]


def test_a_test_comes_before_sessions() -> None:
    test: Manifest = {"match": MATCH, "iterations": 3}
    both = canary(analysis=test | {"sessionAffinity": AFFINITY}, status=COOKIES | ENDED)
    for routing in (TO_PRIMARY, Routing(0, 100)):
        assert served(routing, both) == served(routing, analysis=test)


def test_a_match_with_weights_splits_the_requests_of_the_match() -> None:
    first, second = served(Routing(80, 20), analysis={"match": MATCH})["http"]
    assert first["match"] == MATCH
    assert [part["weight"] for part in first["route"]] == [80, 20]
    assert [part["destination"]["host"] for part in second["route"]] == [PRIMARY]


def test_only_requests_of_the_test_are_copied() -> None:
    first, second = served(Routing(100, 0, mirrored=True), analysis={"match": MATCH, "mirrorWeight": 10})["http"]
    assert (first["mirror"], first["mirrorPercentage"]) == ({"host": CANARY}, {"value": 10})
    assert "mirror" not in second


# Sessions


def sessions(routing: Routing, status: Manifest = COOKIES, primary: str = "pcookie", **service: Any) -> list[Manifest]:
    analysis = {"sessionAffinity": AFFINITY | ({"primaryCookieName": primary} if primary else {})}
    found: list[Manifest] = served(routing, analysis=analysis, status=status, **service)["http"]
    return found


def test_a_primary_without_a_share_keeps_nobody() -> None:
    assert [rule["match"] for rule in sessions(Routing(0, 100))[:-1]] == [[cookie("fcookie", "aaa")]]
    assert [rule["match"] for rule in sessions(Routing(1, 99))[:-1]] == [
        [cookie("fcookie", "aaa")],
        [cookie("pcookie", "bbb")],
    ]


def cookie(name: str, value: str) -> Manifest:
    return {"headers": {"Cookie": {"regex": f".*{name}.*{value}.*"}}}


@pytest.mark.parametrize(
    ("status", "primary"),
    [(COOKIES, ""), (COOKIES | {"primarySessionAffinityCookie": "=bbb"}, "pcookie")],
    ids=["not wanted", "without a name"],
)
def test_the_primary_keeps_users_only_by_a_cookie_with_a_name(status: Manifest, primary: str) -> None:
    sticky, weighted = sessions(Routing(60, 40), status, primary)
    assert sticky["match"] == [cookie("fcookie", "aaa")]
    assert "headers" not in weighted["route"][0]
    assert weighted["route"][1]["headers"] == {"response": {"add": {"Set-Cookie": "fcookie=aaa; Max-Age=86400"}}}


def test_cookies_are_asked_for_within_what_the_service_is_for_cookies_included() -> None:
    around: list[Manifest] = [{"uri": {"prefix": "/a"}}, {"headers": {"Cookie": {"regex": ".*user=.*"}}}]
    sticky, *_ = sessions(Routing(60, 40), match=around)
    assert sticky["match"] == [
        {"uri": {"prefix": "/a"}, **cookie("fcookie", "aaa")},
        {"headers": {"Cookie": {"regex": ".*user=.*"}, "cookie": {"regex": ".*fcookie.*aaa.*"}}},
    ]


def test_requests_are_copied_for_those_with_an_old_cookie_too() -> None:
    old, rest = sessions(Routing(100, 0, mirrored=True), ENDED)
    assert old["mirror"] == rest["mirror"] == {"host": CANARY}


def test_a_cookie_of_the_run_before_is_not_taken_away_while_there_is_a_new_one() -> None:
    assert sessions(Routing(60, 40), COOKIES | ENDED) == sessions(Routing(60, 40))
    (rule,) = sessions(TO_PRIMARY)
    assert "match" not in rule


def test_taking_a_cookie_away_leaves_the_other_headers_and_rules_alone() -> None:
    headers: Manifest = {"response": {"add": {"x-a": "1"}, "remove": ["x-b"]}, "request": {"set": {"x-c": "2"}}}
    old, rest = sessions(TO_PRIMARY, ENDED, headers=headers)
    assert rest["headers"] == headers
    assert old["headers"]["response"]["add"] == {"x-a": "1", "Set-Cookie": "fcookie=aaa; Max-Age=-1"}
    assert old["headers"]["response"]["remove"] == ["x-b"]
    assert old["headers"]["request"] == headers["request"]


# The other words


def test_nothing_that_is_said_by_0_or_false_is_lost() -> None:
    policy: Manifest = {
        "loadBalancer": {"simple": "RANDOM", "localityLbSetting": {"enabled": False}},
        "outlierDetection": {"consecutive5xxErrors": 0},
    }
    spec = canary(trafficPolicy=policy, retries={"attempts": 0})
    made = manifests(spec, TO_PRIMARY)
    for host in (PRIMARY, CANARY):
        assert made[f"DestinationRule/{host}"]["spec"] == {"host": host, "trafficPolicy": policy}
    assert served(spec=spec)["http"][0]["retries"] == {"attempts": 0}


def test_matches_of_the_service_are_passed_on_word_for_word() -> None:
    words: Manifest = {
        "name": "shop",
        "uri": {"regex": "/a.*"},
        "method": {},
        "authority": {"prefix": "a"},
        "withoutHeaders": {"x": {}},
        "port": 80,
        "gateways": ["mesh"],
        "ignoreUriCase": True,
        "sourceNamespace": "web",
        "sourceLabels": {"app": "web"},
    }
    silent: Manifest = {"scheme": {"exact": "https"}, "ignoreUriCase": False, "sourceNamespace": "", "port": 0}
    assert served(match=[words, silent])["http"][0]["match"] == [words, {"scheme": {"exact": "https"}}]


def test_a_rewrite_is_made_of_what_istio_knows() -> None:
    assert served(rewrite={"uri": "/x", "type": "ReplacePrefixMatch"})["http"][0]["rewrite"] == {"uri": "/x"}
    assert "rewrite" not in served(rewrite={"type": "ReplacePrefixMatch"})["http"][0]


@pytest.mark.parametrize("text", ["5", "soon", "0s", "-1s", "100us"])
@pytest.mark.parametrize(
    "field",
    [
        "timeout",
        "retries.perTryTimeout",
        "corsPolicy.maxAge",
        "trafficPolicy.connectionPool.http.idleTimeout",
        "trafficPolicy.loadBalancer.warmupDurationSecs",
        "trafficPolicy.outlierDetection.baseEjectionTime",
        "trafficPolicy.outlierDetection.interval",
    ],
)
def test_a_duration_that_the_server_would_refuse_is_refused_by_its_field(field: str, text: str) -> None:
    with pytest.raises(Inexpressible, match=rf"^spec\.service\.{field}: '{text}'"):
        ISTIO.route(canary(**nested(field.split("."), text)), TO_PRIMARY, {})
    ISTIO.route(canary(**nested(field.split("."), "1m30s")), TO_PRIMARY, {})


def nested(path: list[str], value: str) -> dict[str, Any]:
    first, *rest = path
    return {first: nested(rest, value) if rest else value}


# Reading


def existing(routing: Routing = TO_PRIMARY, spec: Canary | None = None) -> dict[Ref, Manifest]:
    return applied(ISTIO.route(spec or canary(), routing, {}))


def http(objects: dict[Ref, Manifest]) -> list[Manifest]:
    found: list[Manifest] = objects[SERVICE]["spec"]["http"]
    return found


@pytest.mark.parametrize(
    "weights", [(100, 100), (50, 49), (0, 0), (-1, 101), (None, None)], ids=lambda weights: "/".join(map(str, weights))
)
def test_a_split_that_we_would_not_write_is_none(weights: tuple[int | None, int | None]) -> None:
    objects = existing()
    for part, weight in zip(http(objects)[0]["route"], weights, strict=True):
        part["weight"] = weight
        if weight is None:
            del part["weight"]
    assert ISTIO.routing(canary(), objects) is None


def test_a_weight_of_0_may_be_left_out() -> None:
    objects = existing()
    del http(objects)[0]["route"][1]["weight"]
    assert ISTIO.routing(canary(), objects) == TO_PRIMARY


def test_rules_that_lead_elsewhere_say_no_split() -> None:
    assert ISTIO.routing(canary(), {}) is None
    objects = existing()
    http(objects)[0]["route"][0]["destination"]["host"] = "elsewhere"
    assert ISTIO.routing(canary(), objects) is None
    objects = existing()
    http(objects)[0]["route"].append({"destination": {"host": PRIMARY, "subset": "v1"}, "weight": 100})
    assert ISTIO.routing(canary(), objects) is None
    objects[SERVICE]["spec"] = {"http": [{"redirect": {"uri": "/"}}]}
    assert ISTIO.routing(canary(), objects) is None
    del objects[SERVICE]["spec"]
    assert ISTIO.routing(canary(), objects) is None


def test_a_split_of_all_requests_is_none_of_the_requests_of_a_test() -> None:
    spec = canary(analysis={"match": MATCH, "iterations": 3})
    objects = existing(Routing(0, 100), spec)
    assert ISTIO.routing(spec, objects) == Routing(0, 100)
    del http(objects)[0]["match"]
    assert ISTIO.routing(spec, objects) is None


def test_sides_in_another_order_are_told_apart_by_name() -> None:
    objects = existing(Routing(70, 30))
    http(objects)[0]["route"].reverse()
    assert ISTIO.routing(canary(), objects) == Routing(70, 30)


def test_copies_to_others_are_no_copies_to_the_canary() -> None:
    objects = existing()
    http(objects)[0]["mirror"] = {"host": "shadow"}
    assert ISTIO.routing(canary(), objects) == TO_PRIMARY


# Reports


def reported(status: Manifest, routing: Routing = TO_PRIMARY) -> Confirmation:
    objects = existing()
    objects[SERVICE]["status"] = status
    return ISTIO.confirmed(canary(), routing, objects)


def reconciled(status: str, **more: Any) -> Manifest:
    return {"type": "Reconciled", "status": status, "message": "61/122 complete"} | more


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ({}, Unknown()),
        ({"observedGeneration": 1}, Unknown()),
        ({"observedGeneration": "1", "conditions": [{"type": "PassedAnalysis", "status": "False"}]}, Unknown()),
        ({"observedGeneration": "1", "conditions": [reconciled("True")]}, Confirmed()),
        ({"observedGeneration": 1, "conditions": [reconciled("True")]}, Confirmed()),
        ({"conditions": [reconciled("True", observedGeneration=1)]}, Confirmed()),
        ({"conditions": [reconciled("True")]}, Unknown()),
        ({"observedGeneration": "0", "conditions": [reconciled("True")]}, Unknown()),
        ({"observedGeneration": "0", "conditions": [reconciled("False")]}, Unknown()),
        ({"observedGeneration": 1, "conditions": [reconciled("Unknown")]}, Unknown()),
    ],
    ids=str,
)
def test_istio_is_believed_when_it_speaks_of_this_generation(status: Manifest, answer: Confirmation) -> None:
    assert reported(status) == answer


def test_proxies_that_do_not_follow_yet_hold_it() -> None:
    answer = reported({"observedGeneration": "1", "conditions": [reconciled("False")]})
    assert isinstance(answer, Pending)
    assert "VirtualService.networking.istio.io test/podinfo" in answer.why
    assert "61/122 complete" in answer.why


def test_another_split_than_the_one_asked_for_is_never_confirmed() -> None:
    status = {"observedGeneration": 1, "conditions": [reconciled("True")]}
    assert isinstance(reported(status, Routing(90, 10)), Pending)
    assert isinstance(ISTIO.confirmed(canary(), TO_PRIMARY, {}), Pending)


# Objects of others


def theirs(spec: Manifest, **annotations: str) -> dict[Ref, Manifest]:
    """A VirtualService of somebody else's."""
    metadata = {"name": "podinfo", "namespace": "test", "labels": {"mine": "yes"}, "resourceVersion": "1"}
    notes = {"annotations": annotations} if annotations else {}
    return {SERVICE: {"apiVersion": VERSION, "kind": "VirtualService", "metadata": metadata | notes, "spec": spec}}


def to(host: str, **more: Any) -> Manifest:
    return {**more, "route": [{"destination": {"host": host}}]}


def split(routing: Routing = TO_PRIMARY) -> Manifest:
    found: Manifest = served(routing)["http"][0]
    return found


def after(spec: Canary, routing: Routing, before: dict[Ref, Manifest]) -> dict[Ref, Manifest]:
    return applied(ISTIO.route(spec, routing, before), before)


def given_back(spec: Canary, objects: dict[Ref, Manifest]) -> dict[Ref, Manifest]:
    return applied(ISTIO.restored(spec, objects), objects)


def notes(objects: dict[Ref, Manifest], ref: Ref = SERVICE) -> Manifest:
    found: Manifest = objects[ref]["metadata"].get("annotations", {})
    return found


USERS: Manifest = {"hosts": ["app.example.com"], "gateways": ["public"], "http": [to("podinfo")]}


def test_a_virtual_service_that_flagger_would_cut_off_from_its_gateway_keeps_it() -> None:
    trace = trace_of(ADOPTED)
    first, *changes = [write for write in writes(trace) if write.key == "VirtualService/app"]
    spec = spec_of(trace, {})
    ref = ISTIO.ref(spec)
    before = {ref: first.manifest | {"apiVersion": VERSION, "kind": "VirtualService"}}
    before[ref]["metadata"] |= {"name": "app", "namespace": "ns"}
    mended = after(spec, TO_PRIMARY, before)[ref]
    flaggers = changes[-1].manifest
    assert mended["spec"]["http"] == flaggers["spec"]["http"]
    assert (mended["spec"]["hosts"], mended["spec"]["gateways"]) == (["app.example.com"], ["public"])
    assert (flaggers["spec"]["hosts"], flaggers["spec"]["gateways"]) == (["app"], ["mesh"])
    assert mended["metadata"]["labels"] == {"mine": "yes"}
    assert json.loads(mended["metadata"]["annotations"][ORIGINAL]) == first.manifest["spec"]
    assert "app-primary" in flaggers["metadata"]["annotations"][ORIGINAL]


def test_what_flagger_has_taken_over_already_is_not_written_again() -> None:
    trace = trace_of(ADOPTED)
    *_, last = [write.manifest for write in writes(trace) if write.key == "VirtualService/app"]
    spec = spec_of(trace, {})
    live = last | {"metadata": last["metadata"] | {"name": "app", "namespace": "ns"}}
    (*_, edit) = ISTIO.route(spec, TO_PRIMARY, {ISTIO.ref(spec): live})
    assert isinstance(edit, Edit)
    assert not differing(live, edit)


def test_the_original_is_kept_once_and_given_back() -> None:
    before = theirs(USERS)
    once = after(canary(hosts=[]), Routing(70, 30), before)
    twice = after(canary(hosts=[]), Routing(40, 60), once)
    assert http(twice) == [split(Routing(40, 60))]
    assert json.loads(notes(twice)[ORIGINAL]) == USERS
    back = given_back(canary(hosts=[]), twice)[SERVICE]
    assert back["spec"] == USERS
    assert "annotations" not in back["metadata"]


def test_rules_of_ours_are_never_kept_as_the_original() -> None:
    assert ORIGINAL not in notes(after(canary(), Routing(60, 40), theirs(served(Routing(70, 30)))))


def test_what_kubectl_keeps_is_not_kept_twice_and_counts_as_newer() -> None:
    newer = USERS | {"hosts": ["new.example.com"]}
    applied_last = {LAST_APPLIED: json.dumps({"spec": newer})}
    changed = after(canary(), TO_PRIMARY, theirs(USERS, **applied_last))
    assert ORIGINAL not in notes(changed)
    assert given_back(canary(), changed)[SERVICE]["spec"] == newer
    both = theirs(served(), **applied_last, **{ORIGINAL: json.dumps(USERS)})
    back = given_back(canary(), both)
    assert back[SERVICE]["spec"] == newer
    assert notes(back) == applied_last
    ours_applied = theirs(served(), **{LAST_APPLIED: json.dumps({"spec": served()}), ORIGINAL: json.dumps(USERS)})
    assert given_back(canary(), ours_applied)[SERVICE]["spec"] == USERS


@pytest.mark.parametrize(
    "note", ["", "{", "[]", "null", '{"http": [{"route": [{"destination": {"host": "podinfo-canary"}}]}]}']
)
def test_where_the_original_is_lost_all_goes_to_the_apex(note: str) -> None:
    words: dict[str, Any] = {
        "portDiscovery": True,
        "gateways": ["public"],
        "timeout": "5s",
        "analysis": {"mirror": True},
    }
    spec = canary(**words)
    before = theirs(USERS | {"http": [to("other", match=[{"uri": {"prefix": "/x"}}]), to("podinfo")]})
    live = after(spec, Routing(60, 40, mirrored=True), before)
    live[SERVICE]["metadata"]["annotations"][ORIGINAL] = note
    back = given_back(spec, live)
    assert back[SERVICE]["spec"]["http"] == [
        to("other", match=[{"uri": {"prefix": "/x"}}]),
        {"timeout": "5s", "route": [{"destination": {"host": "podinfo", "port": {"number": 9898}}}]},
    ]
    assert back[SERVICE]["spec"]["hosts"] == ["www.example.com", "podinfo"]
    assert "annotations" not in back[SERVICE]["metadata"]


def test_of_the_rules_of_a_test_the_one_for_all_others_is_left() -> None:
    spec = canary(analysis={"match": MATCH, "iterations": 3})
    live = theirs({"hosts": ["podinfo"], "http": served(spec=spec)["http"]})
    assert given_back(spec, live)[SERVICE]["spec"]["http"] == [to("podinfo")]


def test_rules_to_others_stay_where_they_were() -> None:
    x, y = to("other", match=[{"uri": {"prefix": "/x"}}]), {"match": [{"port": 80}], "redirect": {"scheme": "https"}}
    before = theirs({"http": [y, to("podinfo", match=[{"uri": {"exact": "/"}}]), x, to("podinfo"), to("web")]})
    assert http(after(canary(), Routing(60, 40), before)) == [y, x, split(Routing(60, 40)), to("web")]
    nothing_here = theirs({"http": [to("web")]})
    assert http(after(canary(), TO_PRIMARY, nothing_here)) == [split(), to("web")]


@pytest.mark.parametrize("host", ["podinfo", "podinfo.test", "podinfo.test.svc", "podinfo.test.svc.cluster.local"])
def test_the_app_is_known_by_every_spelling_of_its_host(host: str) -> None:
    assert http(after(canary(), TO_PRIMARY, theirs({"http": [to(host)]}))) == [split()]


def test_the_app_of_another_namespace_is_another() -> None:
    other = to("podinfo.prod.svc.cluster.local")
    assert http(after(canary(), TO_PRIMARY, theirs({"http": [other]}))) == [split(), other]


def test_hosts_and_gateways_that_the_canary_names_are_written() -> None:
    spec = after(canary(gateways=["inner"]), TO_PRIMARY, theirs(USERS))[SERVICE]["spec"]
    assert (spec["hosts"], spec["gateways"]) == (["www.example.com", "podinfo"], ["inner"])


def test_what_becomes_a_delegate_loses_its_address() -> None:
    spec = after(canary(hosts=[], delegation=True), TO_PRIMARY, theirs(USERS))[SERVICE]["spec"]
    assert spec.keys() == {"http"}


def test_rules_of_the_other_protocol_stay_unless_they_are_ours() -> None:
    tls = [{"match": [{"port": 443}], "route": [{"destination": {"host": "podinfo"}}]}]
    both = after(canary(), Routing(60, 40), theirs(USERS | {"tcp": [to("podinfo")], "tls": tls, "exportTo": ["."]}))
    spec = both[SERVICE]["spec"]
    assert (spec["tcp"], spec["tls"], spec["exportTo"]) == ([to("podinfo")], tls, ["."])
    turned = after(canary(appProtocol="tcp"), TO_PRIMARY, both)[SERVICE]["spec"]
    assert turned["tcp"] == [split()]
    assert "http" not in turned


def test_a_virtual_service_without_a_spec_gets_ours() -> None:
    empty = theirs({})
    del empty[SERVICE]["spec"]
    assert after(canary(), TO_PRIMARY, empty)[SERVICE]["spec"] == served()


def test_metadata_of_the_apex_is_added_to_theirs() -> None:
    words: dict[str, Any] = {"apex": {"labels": {"team": "blue"}, "annotations": {"note": "apex"}}}
    made = after(canary(**words), TO_PRIMARY, theirs(USERS, theirs="1"))[SERVICE]["metadata"]
    assert made["labels"] == {"mine": "yes", "team": "blue"}
    assert {"theirs": "1", "note": "apex", **names.FLUX_OPT_OUT}.items() <= made["annotations"].items()


def test_an_object_of_another_canary_is_not_taken_from_it() -> None:
    objects = existing()
    (owner,) = objects[SERVICE]["metadata"]["ownerReferences"]
    owner["uid"] = "older"
    (*_, edit) = ISTIO.route(canary(), Routing(60, 40), objects)
    assert isinstance(edit, Edit)
    assert after(canary(), Routing(60, 40), objects)[SERVICE]["metadata"]["ownerReferences"] == [owner]


RULE = st.sampled_from(
    [
        to("podinfo"),
        to("podinfo.test", match=[{"uri": {"prefix": "/a"}}]),
        to("other"),
        {"redirect": {"uri": "/"}},
        {
            "route": [
                {"destination": {"host": "podinfo"}, "weight": 50},
                {"destination": {"host": "other"}, "weight": 50},
            ]
        },
    ]
)
SPEC = st.fixed_dictionaries(
    {"hosts": st.just(["a.example.com"])},
    optional={
        "gateways": st.just(["public"]),
        "http": st.lists(RULE, max_size=4),
        "tcp": st.lists(RULE, min_size=1, max_size=2),
        "exportTo": st.just(["."]),
    },
)
CANARIES = st.sampled_from(
    [
        canary(),
        canary(hosts=[], delegation=True),
        canary(appProtocol="tcp"),
        canary(analysis={"match": MATCH}),
        canary(analysis={"sessionAffinity": AFFINITY}, status=COOKIES | ENDED),
    ]
)


@given(SPEC, CANARIES, st.lists(st.integers(0, 100), min_size=1, max_size=3), st.sampled_from([{}, {"theirs": "1"}]))
def test_whatever_was_there_is_there_again(
    spec: Manifest, released: Canary, walk: list[int], annotations: dict[str, str]
) -> None:
    before = theirs(spec, **annotations)
    objects = before
    for weight in walk:
        objects = after(released, Routing(100 - weight, weight), objects)
        assert ISTIO.routing(released, objects) == Routing(100 - weight, weight)
    back = given_back(released, objects)
    assert back[SERVICE]["spec"] == spec
    assert notes(back) == annotations
    assert given_back(released, back) == back


def test_what_was_never_touched_is_not_given_back() -> None:
    for spec in (USERS, {"http": [to("web")]}):
        assert not ISTIO.restored(canary(), theirs(spec, **{LAST_APPLIED: json.dumps({"spec": {"http": []}})}))


# DestinationRules of others

POLICY: Manifest = {"tls": {"mode": "DISABLE"}}
THEIRS: Manifest = {
    "host": "podinfo-canary.test",
    "subsets": [{"name": "v1"}],
    "trafficPolicy": {"tls": {"mode": "SIMPLE"}},
}


def their_rule(spec: Manifest, **annotations: str) -> dict[Ref, Manifest]:
    metadata = {"name": CANARY, "namespace": "test", "annotations": annotations}
    return {RULES[0]: {"apiVersion": VERSION, "kind": "DestinationRule", "metadata": metadata, "spec": spec}}


def test_a_destination_rule_of_theirs_keeps_what_the_canary_is_silent_about() -> None:
    silent = after(canary(), TO_PRIMARY, their_rule(THEIRS))
    assert silent[RULES[0]]["spec"] == THEIRS | {"host": CANARY}
    loud = after(canary(trafficPolicy=POLICY), TO_PRIMARY, silent)
    assert loud[RULES[0]]["spec"] == THEIRS | {"host": CANARY, "trafficPolicy": POLICY}
    assert after(canary(), TO_PRIMARY, loud)[RULES[0]]["spec"] == silent[RULES[0]]["spec"]
    assert json.loads(notes(loud, RULES[0])[ORIGINAL]) == THEIRS


@pytest.mark.parametrize("kubectl", [False, True])
def test_a_destination_rule_of_theirs_is_given_back(kubectl: bool) -> None:
    spec = canary(trafficPolicy=POLICY)
    annotations = {LAST_APPLIED: json.dumps({"spec": THEIRS})} if kubectl else {}
    changed = after(spec, TO_PRIMARY, their_rule(THEIRS, **annotations))
    back = given_back(spec, changed)
    assert back[RULES[0]]["spec"] == THEIRS
    assert notes(back, RULES[0]) == annotations


def test_a_destination_rule_that_says_the_same_already_is_left_alone() -> None:
    same = {"host": CANARY, "trafficPolicy": POLICY, "subsets": [{"name": "v1"}]}
    (edit, *_) = ISTIO.route(canary(trafficPolicy=POLICY), TO_PRIMARY, their_rule(same))
    assert isinstance(edit, Edit)
    assert not differing(their_rule(same)[RULES[0]], edit)
    newer = {LAST_APPLIED: json.dumps({"spec": THEIRS | {"host": "newer"}})}
    for annotations in ({}, newer):
        assert not ISTIO.restored(canary(trafficPolicy=POLICY), their_rule(THEIRS, **annotations))
