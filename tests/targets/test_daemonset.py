"""DaemonSet: held at zero by a node selector that makes no revision, and never ready without pods."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.targets.kinds import CASES, DAEMONSET, KEYS, edited, making, named, scheduled, served
from tests.targets.world import DEADLINE, NOW, bare

from davy.api.ref import Manifest
from davy.core.edit import differing
from davy.core.revisions import revision
from davy.core.snapshot import Progressing, Readiness, Ready, Stuck
from davy.targets.base import NotReplaced, SelectorMissing, Spell, Target
from davy.targets.daemonset import DaemonSet

KIND: Target = DaemonSet()
CASE = CASES["apps", "DaemonSet"]
HELD = {"flagger.app/scale-to-zero": "true"}
FRESH = Spell(NOW - timedelta(seconds=599), DEADLINE, NOW)
LATE = Spell(NOW - timedelta(seconds=601), DEADLINE, NOW)


def target(**nodes: str) -> Manifest:
    manifest = copy.deepcopy(CASE.before)
    if nodes:
        manifest["spec"]["template"]["spec"]["nodeSelector"] = nodes
    return served(manifest, None)


def nodes_of(workload: Manifest) -> Any:
    return workload["spec"]["template"]["spec"].get("nodeSelector")


def resized(workload: Manifest, replicas: int) -> Manifest:
    edit = KIND.sized(workload, replicas)
    assert edit is not None
    return edited(workload, edit)


def rolled_out(wanted: int = 4, **status: int) -> Manifest:
    return scheduled(target(), wanted) | {"status": {**scheduled(target(), wanted)["status"], **status}}


def readiness(workload: Manifest, threshold: int = 100, spell: Spell = FRESH) -> Readiness:
    return KIND.readiness(workload, threshold, spell)


class TestFlagger:
    def test_the_primary_is_the_one_flagger_makes(self) -> None:
        of = named(DAEMONSET["states"][0], "DaemonSet", "apps/v1")
        made = KIND.created(of, making(CASE, of, KIND, run=""))
        assert isinstance(made, dict)
        assert made["metadata"].pop("annotations") == {}
        assert bare(made) == bare(DAEMONSET["primary"])

    def test_the_services_are_the_ones_flagger_makes(self) -> None:
        of = target()
        made = making(CASE, of, KIND)
        three = (*KIND.services(of, made, {}), KIND.apex("primary", of, made, {}))
        for item in DAEMONSET["services"].values():
            assert item["spec"].pop("type", "ClusterIP") == "ClusterIP"
        assert {item["metadata"]["name"]: bare(item) for item in three if item} == DAEMONSET["services"]

    def test_it_is_held_and_let_go_as_flagger_does(self) -> None:
        first, held, pushed, free, again = (named(state, "DaemonSet", "apps/v1") for state in DAEMONSET["states"])
        assert resized(first, 0) == held
        assert resized(pushed, 1) == free
        assert resized(free, 0) == again

    def test_what_flagger_left_is_one_revision_held_or_not(self) -> None:
        first, held, pushed, free, again = (revision(KIND.template(state)) for state in DAEMONSET["states"])
        assert first == held
        assert pushed == free == again != first


class TestHeld:
    def test_the_users_own_nodes_are_kept(self) -> None:
        of = target(disk="ssd")
        assert nodes_of(resized(of, 0)) == {"disk": "ssd", **HELD}
        assert nodes_of(resized(resized(of, 0), 3)) == {"disk": "ssd"}

    def test_letting_go_of_what_is_free_changes_nothing(self) -> None:
        for of in (target(), target(disk="ssd")):
            edit = KIND.sized(of, 1)
            assert edit is not None
            assert differing(of, edit) == {}

    @pytest.mark.parametrize("value", ["true", "false", ""])
    def test_that_key_is_left_aside_exactly_whatever_its_value(self, value: str) -> None:
        free, held = target(disk="ssd"), target(disk="ssd", **{"flagger.app/scale-to-zero": value})
        alike = target(disk="ssd", **{"flagger.app/scale-to-zero2": value})
        assert revision(KIND.template(free)) == revision(KIND.template(held))
        assert revision(KIND.template(free)) != revision(KIND.template(alike))
        assert KIND.replicas(held) == 0
        assert KIND.replicas(alike) == 1

    def test_another_node_selector_is_another_revision(self) -> None:
        assert revision(KIND.template(target(disk="ssd"))) != revision(KIND.template(target(disk="hdd")))

    def test_the_primary_never_is(self) -> None:
        of = resized(target(disk="ssd"), 0)
        made = KIND.created(of, making(CASE, of, KIND))
        assert isinstance(made, dict)
        assert nodes_of(made) == {"disk": "ssd"}
        assert KIND.alike(of, made, KIND.selector(of, KEYS))
        carried = KIND.carrying(of, made, making(CASE, of, KIND)).parts["/spec/template"]
        assert carried["spec"]["nodeSelector"] == {"disk": "ssd"}


class TestReadiness:
    def test_a_finished_rollout_is_ready(self) -> None:
        assert readiness(rolled_out()) == Ready()
        assert KIND.serving(rolled_out()) == 4

    @pytest.mark.parametrize(
        ("status", "why"),
        [
            ({"observedGeneration": 0}, "observed daemonset generation less than desired generation"),
            ({"updatedNumberScheduled": 1}, "1 out of 4 new pods have been updated"),
            ({"numberAvailable": 3}, "3 of 4 (readyThreshold 100%) updated pods are available"),
            ({"desiredNumberScheduled": 0}, "no node is selected, no pod can take requests"),
        ],
    )
    def test_an_unfinished_one_says_what_is_missing_as_flagger_does(self, status: dict[str, int], why: str) -> None:
        assert readiness(rolled_out(**status)) == Progressing(f"waiting for rollout to finish: {why}")

    def test_a_workload_without_a_status_is_not_ready(self) -> None:
        assert isinstance(readiness(target(), spell=LATE), Progressing)

    @pytest.mark.parametrize("status", [{"updatedNumberScheduled": 1}, {"numberAvailable": 0}])
    def test_a_rollout_that_takes_too_long_is_stuck_in_flaggers_words(self, status: dict[str, int]) -> None:
        assert isinstance(readiness(rolled_out(**status)), Progressing)
        assert readiness(rolled_out(**status), spell=LATE) == Stuck("exceeded its progressDeadlineSeconds: 600")

    def test_a_daemonset_without_nodes_ends_by_its_deadline(self) -> None:
        assert isinstance(readiness(rolled_out(0), threshold=0, spell=LATE), Stuck)

    def test_what_is_held_waits_for_nothing(self) -> None:
        assert isinstance(readiness(scheduled(resized(target(), 0)), spell=LATE), Progressing)

    def test_a_status_about_an_earlier_spec_is_no_reason_to_give_up(self) -> None:
        assert isinstance(readiness(rolled_out(observedGeneration=0, numberAvailable=0), spell=LATE), Progressing)

    def test_enough_pods_are_ready_however_long_it_took(self) -> None:
        assert readiness(rolled_out(), spell=LATE) == Ready()

    @pytest.mark.parametrize(("wanted", "threshold", "least"), [(4, 50, 2), (5, 50, 2), (3, 99, 2), (1, 50, 1)])
    def test_the_threshold_is_rounded_down_but_not_to_nothing(self, wanted: int, threshold: int, least: int) -> None:
        assert readiness(rolled_out(wanted, numberAvailable=least), threshold) == Ready()
        assert isinstance(readiness(rolled_out(wanted, numberAvailable=least - 1), threshold), Progressing)

    @settings(deadline=None)
    @given(
        status=st.fixed_dictionaries(
            {
                field: st.integers(0, 6)
                for field in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
            }
        ),
        threshold=st.integers(0, 100),
        held=st.booleans(),
    )
    def test_whatever_is_ready_serves(self, status: dict[str, int], threshold: int, held: bool) -> None:
        workload = rolled_out(**status)
        if held:
            workload = resized(workload, 0)
        if readiness(workload, threshold) == Ready():
            assert KIND.serving(workload) >= 1


class TestSelector:
    @pytest.mark.parametrize("strategy", [None, {}, {"type": ""}, {"type": "RollingUpdate"}])
    def test_one_that_replaces_its_pods_is_taken(self, strategy: Manifest | None) -> None:
        of = target()
        of["spec"]["updateStrategy"] = strategy
        assert KIND.selector(of, KEYS).primary == "app-primary"

    def test_one_that_does_not_is_refused_with_what_to_change(self) -> None:
        of = target()
        of["spec"]["updateStrategy"] = {"type": "OnDelete"}
        with pytest.raises(NotReplaced, match=r"DaemonSet shop/app: spec\.updateStrategy\.type .* is OnDelete"):
            KIND.selector(of, KEYS)

    def test_without_a_known_label_the_labels_looked_for_are_named(self) -> None:
        of = target()
        of["spec"]["selector"] = {"matchLabels": {"x": "y"}}
        with pytest.raises(SelectorMissing, match=r"DaemonSet shop/app: spec\.selector.*app, name"):
            KIND.selector(of, KEYS)


def test_pods_keep_the_distances_that_the_target_wrote_as_in_flagger() -> None:
    apart = {"topologySpreadConstraints": [{"labelSelector": {"matchLabels": {"app": "app"}}}]}
    of = target()
    of["spec"]["template"]["spec"] |= apart
    made = KIND.created(of, making(CASE, of, KIND))
    assert isinstance(made, dict)
    assert made["spec"]["template"]["spec"].items() >= apart.items()
    assert KIND.alike(of, made, KIND.selector(of, KEYS))


def test_a_promotion_leaves_how_many_pods_there_are_to_the_nodes() -> None:
    assert KIND.carried_replicas(CASE.canary, target()) is None
