"""A Knative Service through whole releases: the real mind, a model of Knative, and no time but that which passes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from davy.api import codec
from davy.api.ref import Manifest, Ref
from davy.core.decide import decide
from davy.core.plan import Ask, Plan
from davy.core.revisions import revision
from davy.core.snapshot import Answer, Reading, Value
from davy.perceive import Seen, perceive, reads
from davy.render import render
from davy.settings import Settings
from davy.sim.hands import perform
from davy.sim.world import World, second
from davy.targets.knative import PRIMARY
from davy.validity import problems

CANARY = Ref("flagger.app/v1beta1", "Canary", "shop", "app")
SERVICE = Ref("serving.knative.dev/v1", "Service", "shop", "app")
TAG = {"tag": "candidate", "latestRevision": True}
SETTINGS = Settings()
START = timedelta(seconds=2)
"""What a Revision takes to be made, and then to be ready."""


def revision_ref(name: str) -> Ref:
    return Ref(SERVICE.api_version, "Revision", "shop", name)


class Cluster(World):
    """With Knative: a Revision for each new template, ready after a while, and traffic as the spec says."""

    def settle(self) -> None:
        service = self.objects.get(SERVICE)
        if service is not None:
            self._tend(service)

    def _tend(self, service: Manifest) -> None:
        template, made = service["spec"]["template"], self.revisions()
        if (not made or made[-1]["spec"] != template["spec"]) and self.now >= self.written_at[SERVICE] + START:
            name = f"app-{len(made) + 1:05d}"
            metadata = {"name": name, "namespace": "shop"}
            self.create({"apiVersion": SERVICE.api_version, "kind": "Revision", "metadata": metadata, **template})
        for one in self.revisions():
            self._ripen(one)
        self._report(service)

    def _ripen(self, one: Manifest) -> None:
        ref, image = revision_ref(one["metadata"]["name"]), one["spec"]["containers"][0]["image"]
        ready = self.now >= self.written_at[ref] + START and not image.startswith("bad")
        condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
        before = (one.get("status", {}).get("conditions") or [{}])[0]
        since = before.get("lastTransitionTime") if before.get("status") == condition["status"] else second(self.now)
        status = {"conditions": [condition | {"lastTransitionTime": since}]}
        if status != one.get("status"):
            self.show(ref, {**one, "status": status})

    def _report(self, service: Manifest) -> None:
        made = [one["metadata"]["name"] for one in self.revisions()]
        if not made:
            return
        spec = service["spec"].get("traffic") or [{"latestRevision": True, "percent": 100}]
        traffic = [{**entry, "revisionName": made[-1]} if entry.get("latestRevision") else entry for entry in spec]
        status = {
            "observedGeneration": service["metadata"]["generation"],
            "latestCreatedRevisionName": made[-1],
            "traffic": traffic,
            "conditions": [{"type": "RoutesReady", "status": "True"}],
        }
        if status != service.get("status"):
            self.show(SERVICE, {**service, "status": status})

    def revisions(self) -> list[Manifest]:
        return [manifest for ref, manifest in sorted(self.objects.items()) if ref.kind == "Revision"]


class Release:
    """One canary in one cluster."""

    def __init__(self, traffic: list[Manifest] | None = None, **spec: Any) -> None:
        self.world = Cluster()
        self.success = 100.0
        self.answers: dict[str, Answer] = {}
        self.splits: list[tuple[int, str]] = []
        self.writes = 0
        block = {"traffic": traffic} if traffic else {}
        self.world.create(
            {
                "apiVersion": SERVICE.api_version,
                "kind": "Service",
                "metadata": {"name": "app", "namespace": "shop"},
                "spec": {"template": {"spec": {"containers": [{"image": "app:1.0"}]}}, **block},
            }
        )
        metric = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}
        analysis = {"interval": "10s", "threshold": 2, "stepWeight": 10, "maxWeight": 30, "metrics": [metric]}
        self.world.create(
            {
                "apiVersion": CANARY.api_version,
                "kind": "Canary",
                "metadata": {"name": "app", "namespace": "shop"},
                "spec": {
                    "provider": "knative",
                    "progressDeadlineSeconds": 60,
                    "targetRef": {"apiVersion": SERVICE.api_version, "kind": "Service", "name": "app"},
                    "analysis": analysis,
                    **spec,
                },
            }
        )

    def tick(self) -> None:
        canary = codec.decode_canary(self.world.objects[CANARY])
        known = {ref: self.world.objects[ref] for ref in reads(canary, SETTINGS, {}) if ref in self.world.objects}
        needed = reads(canary, SETTINGS, known)
        objects = {ref: self.world.objects[ref] for ref in needed if ref in self.world.objects}
        wrong = problems(canary, SETTINGS, objects, ())
        seen = Seen(canary=canary, objects=objects, problems=wrong, answers=dict(self.answers))
        snapshot = perceive(seen, self.world.now, SETTINGS)
        decision = decide(snapshot)
        status = decision.status if isinstance(decision, Plan) else canary.status
        for write in render(decision.desired, status, seen, snapshot.canary, SETTINGS):
            perform(self.world, write)
            self.writes += 1
        if isinstance(decision, Ask):
            self.answers |= {question.id: Answer(self.reading()) for question in decision.questions}
        self.note()

    def reading(self) -> Reading:
        return Value(self.success)

    def note(self) -> None:
        """Every split that ever stood; its shares add up, whatever stands in it."""
        traffic = self.service["spec"].get("traffic") or ()
        shares = [entry for entry in traffic if "percent" in entry]
        assert sum(entry["percent"] for entry in shares) == 100 or not shares
        if self.primary and len(shares) == 2:
            now = shares[0]["percent"], shares[1]["revisionName"]
            self.splits += [now] if now not in self.splits[-1:] else []

    def until(self, phase: str, weight: int | None = None) -> None:
        for _ in range(4000):
            self.tick()
            if self.status["phase"] == phase and weight in (None, self.status["canaryWeight"]):
                return
            self.world.pass_to(self.world.now + timedelta(seconds=0.5))
        raise AssertionError(f"{phase} was not reached: {self.status}")

    def push(self, image: str) -> None:
        service = self.service
        spec = {**service["spec"], "template": {"spec": {"containers": [{"image": image}]}}}
        self.world.update(SERVICE, {**service, "spec": spec})

    @property
    def service(self) -> Manifest:
        return self.world.objects[SERVICE]

    @property
    def status(self) -> Manifest:
        found: Manifest = self.world.objects[CANARY].get("status") or {"phase": ""}
        return found

    @property
    def primary(self) -> str:
        return str((self.service["metadata"].get("annotations") or {}).get(PRIMARY, ""))

    @property
    def traffic(self) -> list[Manifest]:
        return list(self.service["spec"]["traffic"])


def released(**spec: Any) -> Release:
    release = Release(**spec)
    release.until("Initialized")
    return release


def test_it_is_initialised_when_its_first_revision_is_ready() -> None:
    release = released()
    assert release.primary == "app-00001"
    assert release.traffic == [{"latestRevision": True, "percent": 0}, {"revisionName": "app-00001", "percent": 100}]
    assert release.status["lastPromotedSpec"] == revision("app-00001")


def test_a_revision_that_proves_itself_becomes_the_primary() -> None:
    release = released()
    release.push("app:1.1")
    release.until("Succeeded")
    weights = [(0, "app-00001"), (10, "app-00001"), (20, "app-00001"), (30, "app-00001")]
    assert [split for split in release.splits if split[1] == "app-00001"] == weights
    assert release.splits[-1] == (0, "app-00002")
    assert release.primary == "app-00002"
    assert release.status["lastPromotedSpec"] == revision("app-00002")


def test_one_that_fails_gets_nothing_and_the_primary_stays() -> None:
    release = released()
    release.push("app:1.1")
    release.until("Progressing", 10)
    release.success = 50.0
    release.until("Failed")
    release.tick()
    assert (release.primary, release.splits[-1]) == ("app-00001", (0, "app-00001"))


def test_one_that_does_not_become_ready_is_given_up_after_the_deadline() -> None:
    """In Flagger it is waited for for ever."""
    release = released()
    release.push("bad:1.1")
    release.until("Failed")
    assert release.splits == [(0, "app-00001")]
    release.push("app:1.2")
    release.until("Succeeded")
    assert release.primary == "app-00003"


def test_another_revision_in_the_middle_begins_anew() -> None:
    release = released()
    release.push("app:1.1")
    release.until("Progressing", 20)
    release.push("app:1.2")
    release.until("Progressing", 0)
    release.until("Succeeded")
    assert release.primary == "app-00003"
    assert (0, "app-00001") in release.splits[1:]


@pytest.mark.parametrize("step", [1, 30, 50])
def test_a_promotion_in_steps_ends(step: int) -> None:
    """In Flagger the percentages stop adding up: both entries name one revision then."""
    analysis = {"interval": "10s", "threshold": 2, "stepWeight": 50, "maxWeight": 50, "stepWeightPromotion": step}
    release = released(analysis=analysis)
    release.push("app:1.1")
    release.until("Succeeded")
    assert release.splits[-1] == (0, "app-00002")


def test_an_annotation_that_is_lost_in_a_run_comes_back_as_it_was() -> None:
    release = released()
    release.push("app:1.1")
    release.until("Progressing", 20)
    service = release.service
    release.world.update(SERVICE, {**service, "metadata": {**service["metadata"], "annotations": {}}})
    release.tick()
    release.tick()
    assert release.primary == "app-00001"
    release.success = 0.0
    release.until("Failed")
    release.tick()
    assert release.splits[-1] == (0, "app-00001")


def test_tags_of_the_users_outlive_every_step() -> None:
    release = released(traffic=[{"latestRevision": True, "percent": 100}, TAG])
    release.push("app:1.1")
    release.until("Succeeded")
    assert release.traffic[2:] == [TAG]


def test_at_rest_nothing_is_written() -> None:
    release = released()
    release.push("app:1.1")
    release.until("Succeeded")
    for _ in range(5):
        release.tick()
    before = release.writes
    for _ in range(200):
        release.world.pass_to(release.world.now + timedelta(seconds=10))
        release.tick()
    assert release.writes == before


def test_what_flagger_left_goes_on_without_a_restart() -> None:
    """Flagger's hashes say nothing to us, and it notes nothing but its annotation."""
    release = released()
    service, canary = release.service, release.world.objects[CANARY]
    annotations = {PRIMARY: "app-00001"}
    release.world.update(SERVICE, {**service, "metadata": {**service["metadata"], "annotations": annotations}})
    status = {"phase": "Initialized", "lastAppliedSpec": "5498f4fcd6", "lastPromotedSpec": "5498f4fcd6"}
    release.world.update(CANARY, {**canary, "status": status})
    for _ in range(4):
        release.tick()
    assert release.status["phase"] == "Initialized"
    assert release.status["lastAppliedSpec"] == revision("app-00001")
    assert release.splits == [(0, "app-00001")]


@pytest.mark.parametrize("revert", [False, True])
def test_a_canary_that_goes_leaves_the_traffic_where_it_is(revert: bool) -> None:
    release = released(revertOnDeletion=revert)
    release.push("app:1.1")
    release.until("Progressing", 10)
    release.success = 0.0
    release.until("Failed")
    release.tick()
    before = release.traffic
    release.world.delete(CANARY)
    for _ in range(10):
        if CANARY not in release.world.objects:
            break
        release.tick()
        release.world.pass_to(release.world.now + timedelta(seconds=10))
    assert CANARY not in release.world.objects
    assert release.traffic == before
    assert release.primary == ""
