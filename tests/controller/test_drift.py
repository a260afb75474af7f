"""Drift is repaired at once; a quarrel is told, and repaired ever more seldom."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from davy.api.ref import Manifest, Ref
from davy.controller.drift import Drift
from davy.core.snapshot import Conflict

REF = Ref("v1", "Service", "test", "app")
FIELD = "spec.selector.app"


def service(selects: str = "app-primary", **labels: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app", "namespace": "test", "labels": labels},
        "spec": {"selector": {"app": selects}, "ports": [{"port": 80}]},
    }


def stored(wanted: Manifest) -> Manifest:
    """With what a server adds."""
    made = copy.deepcopy(wanted)
    made["spec"]["ports"] = [{"protocol": "TCP", **port} for port in made["spec"]["ports"]]
    made["spec"]["type"] = "ClusterIP"
    return made


def by(manager: str, live: Manifest, fields: dict[str, Any], at: str = "2030-01-01T00:00:00Z") -> Manifest:
    entry = {"manager": manager, "operation": "Update", "time": at, "fieldsV1": fields}
    live["metadata"].setdefault("managedFields", []).append(entry)
    return live


SELECTOR: dict[str, Any] = {"f:spec": {"f:selector": {"f:app": {}}}}


class Bench:
    """One object, which we hold as `wanted` and somebody else changes. (The shape is a Service's in any case.)"""

    def __init__(self, ref: Ref = REF) -> None:
        self.ref = ref
        self.now = 1000.0
        self.drift = Drift("davy", lambda: self.now)
        self.wanted = service()
        self.live = service("nobody")

    def tick(self) -> bool:
        """As the applier does; whether it wrote."""
        if self.live == stored(self.wanted) or not self.drift.may_write(self.ref, {"": self.wanted}, self.live):
            return False
        self.live = stored(self.wanted)
        self.drift.wrote(self.ref, {"": self.wanted}, self.live)
        return True

    def changed(self, selects: str = "app", manager: str = "helm") -> None:
        self.live = by(manager, stored(service(selects)), SELECTOR)

    def quarrel(self) -> None:
        self.tick()
        for _ in range(3):
            self.now += 5
            self.changed()
            self.tick()

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        return self.drift.conflicts([REF])


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_change_now_and_then_is_repaired_at_once_and_nothing_is_said(bench: Bench) -> None:
    assert bench.tick()
    for _ in range(10):
        bench.now += 31
        bench.changed()
        assert bench.tick()
    assert bench.conflicts == ()
    assert bench.drift.again([REF]) is None


def test_the_third_change_in_a_minute_is_a_quarrel_with_somebody_by_name(bench: Bench) -> None:
    bench.tick()
    for _ in range(2):
        bench.now += 5
        bench.changed()
        assert bench.tick()
        assert bench.conflicts == ()
    bench.now += 5
    bench.changed()
    assert bench.tick()
    assert bench.conflicts == (Conflict("Service test/app", FIELD, "helm"),)
    assert bench.drift.conflicts([REF._replace(name="other")]) == ()


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (Ref("autoscaling/v2", "HorizontalPodAutoscaler", "test", "app-primary"), [2, 4, 8, 16, 32, 60, 60, 60]),
        (REF, [1] * 8),
        (Ref("gateway.networking.k8s.io/v1", "HTTPRoute", "test", "app"), [1] * 8),
    ],
    ids=["twice as long each time", "a Service: a second", "a route: a second"],
)
def test_repairs_of_a_quarrel_wait(ref: Ref, expected: list[float]) -> None:
    bench = Bench(ref)
    bench.quarrel()
    pauses = []
    for _ in range(8):
        bench.changed()
        before = bench.now
        while not bench.tick():
            again = bench.drift.again([ref])
            assert again is not None
            assert again > 0
            bench.now += again
        pauses.append(bench.now - before)
    assert pauses == expected


def test_a_new_wish_does_not_wait(bench: Bench) -> None:
    bench.quarrel()
    bench.changed()
    assert not bench.tick()
    bench.wanted = service("app-canary")
    assert bench.tick()
    bench.wanted = service("app-canary", a="1")
    bench.changed("app-canary")
    assert bench.tick()


def test_another_field_of_the_object_does_not_wait(bench: Bench) -> None:
    bench.quarrel()
    bench.changed()
    bench.wanted = service(a="1")
    assert bench.tick()


def test_our_own_change_of_mind_is_no_quarrel(bench: Bench) -> None:
    for selects in ("app", "app-primary") * 5:
        bench.wanted = service(selects)
        assert bench.tick()
    assert bench.conflicts == ()


def test_a_write_that_fails_is_not_counted_again(bench: Bench) -> None:
    bench.tick()
    bench.changed()
    for _ in range(5):
        bench.now += 1
        assert bench.drift.may_write(REF, {"": bench.wanted}, bench.live)
    assert bench.conflicts == ()


def test_what_was_quiet_for_ten_minutes_is_forgotten(bench: Bench) -> None:
    bench.quarrel()
    again = bench.drift.again([REF])
    assert again == 600
    bench.now += 599
    assert bench.conflicts
    bench.now += 1
    assert bench.conflicts == ()
    assert bench.drift.again([REF]) is None
    bench.changed()
    assert bench.tick()


def test_what_a_server_adds_is_no_change_of_others(bench: Bench) -> None:
    for number in range(5):
        bench.wanted = service(a=str(number))
        assert bench.tick()
    assert bench.conflicts == ()


def test_a_part_that_we_replaced_counts_like_a_field_of_ours() -> None:
    now = 1000.0
    drift = Drift("davy", lambda: now)
    for _ in range(4):
        live = by("argocd", {"metadata": {"annotations": {"a": "theirs"}}}, {"f:metadata": {"f:annotations": {}}})
        parts = {"/metadata/annotations": {"a": "ours", "b~/c": "ours"}, "/spec/x": None}
        assert drift.may_write(REF, parts, live)
        drift.wrote(REF, parts, {"metadata": {"annotations": parts["/metadata/annotations"]}, "spec": {}})
        now += 5
    fields = ["metadata.annotations.a", "metadata.annotations.b~/c"]
    assert drift.conflicts([REF]) == tuple(Conflict("Service test/app", field, "argocd") for field in fields)


def test_something_put_beside_what_we_wrote_names_the_part() -> None:
    drift = Drift("davy", lambda: 1000.0)
    parts = {"/spec/replicas": {"a": 1}}
    drift.wrote(REF, parts, {"spec": {"replicas": {"a": 1}}})
    for _ in range(3):
        live = by("hpa", {"metadata": {}, "spec": {"replicas": {"a": 1, "b": 2}}}, {})
        drift.may_write(REF, parts, live)
        drift.wrote(REF, parts, {"spec": {"replicas": {"a": 1}}})
    assert drift.conflicts([REF]) == (Conflict("Service test/app", "spec.replicas", "hpa"),)


@pytest.mark.parametrize(
    ("entries", "manager"),
    [
        ([("helm", SELECTOR, "1"), ("kubectl", {"f:metadata": {}}, "2")], "helm"),
        ([("helm", SELECTOR, "1"), ("flagger", SELECTOR, "2"), ("davy", SELECTOR, "3")], "flagger"),
        ([("davy", SELECTOR, "1"), ("kubectl", {"f:metadata": {}}, "2")], "kubectl"),
        ([], ""),
    ],
)
def test_who_it_is_is_who_owns_the_field_or_wrote_last(
    bench: Bench, entries: list[tuple[str, dict[str, Any], str]], manager: str
) -> None:
    bench.tick()
    for _ in range(3):
        bench.live = stored(service("app"))
        for name, fields, at in entries:
            by(name, bench.live, fields, at)
        bench.tick()
    assert bench.conflicts == (Conflict("Service test/app", FIELD, manager),)


def test_how_a_server_spells_a_wish_is_remembered_for_good(bench: Bench) -> None:
    spelled = {"spec": {"cpu": "1"}}
    bench.drift.wrote(REF, {"/spec/cpu": "1000m", "/spec/x": "y"}, {"spec": {"cpu": "1", "x": "y"}})
    bench.now += 10_000
    assert bench.drift.conflicts([REF]) == ()
    assert bench.drift.spelled(REF, "/spec/cpu", "1000m", spelled)
    assert not bench.drift.spelled(REF, "/spec/cpu", "2000m", spelled)
    assert not bench.drift.spelled(REF, "/spec/cpu", "1000m", {"spec": {"cpu": "2"}})
    assert not bench.drift.spelled(REF._replace(name="other"), "/spec/cpu", "1000m", spelled)
