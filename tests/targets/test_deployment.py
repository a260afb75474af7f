"""Deployment: the copies are Flagger's, nothing foreign is lost, and no pods are never ready."""

import copy
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.targets.world import (
    APP,
    DEADLINE,
    FLAGGER,
    NOW,
    PREFIXES,
    available,
    bare,
    canary,
    progressing,
    rolled_out,
    target,
)

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.status import CanaryStatus
from davy.core.edit import Edit
from davy.core.snapshot import Progressing, Readiness, Ready, Stuck
from davy.targets import UnknownTarget, target_for
from davy.targets.base import Making, Selector, SelectorMissing, Spell, Target
from davy.targets.deployment import Deployment

DEPLOYMENT: Target = Deployment()
KEYS = ("app", "name", "app.kubernetes.io/name")
NOTE = "davy.dev/revision"


def full(recorded: Manifest) -> Manifest:
    return (
        copy.deepcopy(recorded)
        | {"kind": "Deployment"}
        | {"metadata": copy.deepcopy(recorded["metadata"]) | {"name": "app", "namespace": "shop"}}
    )


def primary(of: Manifest, run: str = "v1:a", spec: Canary | None = None) -> Manifest:
    return made(DEPLOYMENT.created(of, making(run, spec)))


def making(run: str, spec: Canary | None = None, prefixes: Sequence[str] = PREFIXES) -> Making:
    return Making(canary=spec or canary(), run=run, selector=APP, prefixes=prefixes)


def made(result: Manifest | Edit) -> Manifest:
    assert isinstance(result, dict)
    return result


def carrying(of: Manifest, into: Manifest, run: str = "v1:b", spec: Canary | None = None) -> Manifest:
    """The primary as the promotion leaves it."""
    whole = copy.deepcopy(into)
    for pointer, value in DEPLOYMENT.carrying(of, into, making(run, spec)).parts.items():
        section, field = pointer.split("/")[1:]
        whole[section].pop(field, None)
        if value is not None:
            whole[section][field] = value
    replicas = DEPLOYMENT.carried_replicas(spec or canary(), of)
    if replicas is not None:
        whole["spec"]["replicas"] = replicas
    return whole


def readiness(workload: Manifest, threshold: int = 100) -> Readiness:
    return DEPLOYMENT.readiness(workload, threshold, Spell(None, DEADLINE, NOW))


class TestCopies:
    @pytest.mark.parametrize("case", FLAGGER)
    def test_the_primary_is_the_one_flagger_makes(self, case: str) -> None:
        made = bare(primary(full(FLAGGER[case]["target"])))
        assert made["metadata"]["annotations"].pop(NOTE) == "v1:a"
        assert made == bare(FLAGGER[case]["primary"])

    @pytest.mark.parametrize("case", FLAGGER)
    def test_a_promotion_makes_of_it_what_flagger_makes_but_keeps_its_annotations(self, case: str) -> None:
        before = primary(full(FLAGGER[case]["target"]))
        made = bare(carrying(full(FLAGGER[case]["changed"]), before))
        assert made["metadata"]["annotations"].pop(NOTE) == "v1:b"
        assert made["metadata"]["annotations"].pop("owner") == "blue"
        assert made == bare(FLAGGER[case]["promoted"])

    def test_the_primary_has_a_name_and_an_owner_of_its_own(self) -> None:
        metadata = primary(target())["metadata"]
        assert (metadata["name"], metadata["namespace"]) == ("app-primary", "shop")
        assert metadata["ownerReferences"][0]["uid"] == "c0ffee"

    def test_an_update_is_the_same_write_when_it_is_written_again(self) -> None:
        of = target()
        once = carrying(of, primary(of))
        assert carrying(of, once) == once

    def test_another_run_makes_new_pods_of_the_same_template(self) -> None:
        of, later = target(), msgspec.structs.replace(canary(), status=CanaryStatus(run_started_at="later"))
        once = carrying(of, primary(of))
        again = carrying(of, once, spec=later)
        assert once["spec"]["template"] != again["spec"]["template"]
        assert DEPLOYMENT.alike(of, again, APP)

    def test_nothing_that_was_dropped_from_the_target_stays(self) -> None:
        fat = target(minReadySeconds=5)
        fat["spec"]["template"]["metadata"]["labels"]["old"] = "1"
        fat["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
        lean = target()
        del lean["spec"]["minReadySeconds"]
        made = carrying(lean, primary(fat))
        assert "minReadySeconds" not in made["spec"]
        assert "env" not in made["spec"]["template"]["spec"]["containers"][0]
        assert "old" not in made["spec"]["template"]["metadata"]["labels"]

    def test_what_others_wrote_into_the_primary_stays(self) -> None:
        before = primary(target())
        before["metadata"] |= {"resourceVersion": "7", "finalizers": ["x/y"]}
        before["metadata"]["annotations"] |= {"deployment.kubernetes.io/revision": "4", "x/y": "1"}
        before["metadata"]["labels"]["x/y"] = "1"
        before["spec"]["paused"] = True
        made = carrying(target(), before)
        assert made["metadata"]["annotations"].items() >= {"deployment.kubernetes.io/revision": "4", "x/y": "1"}.items()
        assert made["metadata"]["labels"]["x/y"] == "1"
        assert (made["metadata"]["resourceVersion"], made["metadata"]["finalizers"]) == ("7", ["x/y"])
        assert made["spec"]["paused"]

    def test_metadata_with_a_chosen_prefix_follows_the_target(self) -> None:
        before, after = target(), target()
        before["metadata"]["labels"]["app.kubernetes.io/gone"] = "1"
        after["metadata"]["annotations"]["app.kubernetes.io/note"] = "new"
        made = carrying(after, primary(before))["metadata"]
        assert "app.kubernetes.io/gone" not in made["labels"]
        assert made["annotations"]["app.kubernetes.io/note"] == "new"

    @pytest.mark.parametrize(
        ("prefixes", "labels"),
        [
            ((), {"app": "app-primary"}),
            (("",), {"app": "app-primary"}),
            (("te",), {"app": "app-primary", "team": "blue"}),
            (("*",), {"app": "app-primary", "team": "blue", "app.kubernetes.io/part-of": "shop"}),
        ],
    )
    def test_labels_are_chosen_by_prefix(self, prefixes: tuple[str, ...], labels: dict[str, str]) -> None:
        of = target()
        of["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = "apps"
        assert made(DEPLOYMENT.created(of, making("", prefixes=prefixes)))["metadata"]["labels"] == labels

    def test_the_books_of_other_programs_are_not_copied(self) -> None:
        of = target()
        of["metadata"]["annotations"] |= {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "deployment.kubernetes.io/revision": "9",
            "helm.toolkit.fluxcd.io/driftDetection": "disabled",
        }
        of["spec"]["template"]["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/checksum"] = "1"
        for made in (primary(of, run=""), carrying(of, primary(target(), run=""), run="")):
            assert made["metadata"]["annotations"].keys() == {"owner", "app.kubernetes.io/note"}
            assert made["spec"]["template"]["metadata"]["annotations"].keys() == {"note", "flagger-id"}

    def test_the_target_and_the_old_primary_are_left_alone(self) -> None:
        of = full(FLAGGER["istio-antiaffinity"]["target"])
        into = primary(of)
        before = copy.deepcopy((of, into))
        scribbled = carrying(of, into)
        scribbled["spec"]["template"]["spec"].clear()
        scribbled["spec"]["strategy"].clear()
        primary(of)["spec"]["strategy"].clear()
        assert (of, into) == before

    @pytest.mark.parametrize(
        ("wanted", "autoscaler", "expected"),
        [(5, False, 5), (0, False, 2), (5, True, 2)],
        ids=["follows the target", "target at rest", "autoscaled"],
    )
    def test_a_promotion_scales_the_primary_like_the_target(self, wanted: int, autoscaler: bool, expected: int) -> None:
        ref = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "app"}
        spec = canary(autoscalerRef=ref) if autoscaler else canary()
        assert carrying(target(replicas=wanted), primary(target()), spec=spec)["spec"]["replicas"] == expected

    def test_a_primary_is_never_born_without_pods(self) -> None:
        assert primary(target(replicas=0))["spec"]["replicas"] == 1

    def test_the_primary_notes_what_it_carries(self) -> None:
        made = primary(target(), run="v1:a")
        assert DEPLOYMENT.run(made) == "v1:a"
        assert DEPLOYMENT.run(carrying(target(), made, run="v1:b")) == "v1:b"
        del made["metadata"]["annotations"]
        assert DEPLOYMENT.run(made) == ""


class TestSelfReferences:
    @pytest.mark.parametrize(
        "pod",
        [
            {"topologySpreadConstraints": [{"labelSelector": {"matchLabels": {"LABEL": "VALUE"}}}]},
            {
                "affinity": {
                    "podAntiAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {"weight": 1, "podAffinityTerm": {"labelSelector": {"matchLabels": {"LABEL": "VALUE"}}}}
                        ]
                    }
                }
            },
            {
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            {"labelSelector": {"matchExpressions": [{"key": "LABEL", "values": ["x", "VALUE"]}]}}
                        ]
                    }
                }
            },
        ],
        ids=["spread", "preferred", "required"],
    )
    @pytest.mark.parametrize(
        ("label", "value", "expected"),
        [("app", "app", "app-primary"), ("app", "other", "other"), ("tier", "app", "app")],
    )
    def test_pods_keep_their_distance_from_their_own_kind(
        self, pod: Manifest, label: str, value: str, expected: str
    ) -> None:
        of = target()
        text = msgspec.json.encode(pod).replace(b"LABEL", label.encode())
        of["spec"]["template"]["spec"] |= msgspec.json.decode(text.replace(b"VALUE", value.encode()))
        made = primary(of)["spec"]["template"]["spec"]
        assert {key: made[key] for key in pod} == msgspec.json.decode(text.replace(b"VALUE", expected.encode()))

    def test_being_close_to_others_is_not_about_oneself(self) -> None:
        term = {"labelSelector": {"matchLabels": {"app": "app"}}}
        close = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        of = target()
        of["spec"]["template"]["spec"]["affinity"] = close
        assert primary(of)["spec"]["template"]["spec"]["affinity"] == close


class TestAlike:
    def test_a_fresh_primary_is_like_its_target(self) -> None:
        assert DEPLOYMENT.alike(target(), primary(target()), APP)

    @pytest.mark.parametrize("case", FLAGGER)
    def test_what_flagger_promoted_is_like_the_target_it_was_made_from(self, case: str) -> None:
        assert DEPLOYMENT.alike(FLAGGER[case]["target"], FLAGGER[case]["primary"], APP)
        assert DEPLOYMENT.alike(FLAGGER[case]["changed"], FLAGGER[case]["promoted"], APP)
        assert not DEPLOYMENT.alike(FLAGGER[case]["changed"], FLAGGER[case]["primary"], APP)

    @pytest.mark.parametrize(
        "reference",
        [
            {"containers": [{"envFrom": [{"configMapRef": {"name": "NAME"}}, {"secretRef": {"name": "NAME"}}]}]},
            {"containers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "NAME", "key": "k"}}}]}]},
            {"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "NAME", "key": "k"}}}]}]},
            {"volumes": [{"configMap": {"name": "NAME"}}, {"secret": {"secretName": "NAME"}}]},
            {"volumes": [{"projected": {"sources": [{"configMap": {"name": "NAME"}}, {"secret": {"name": "NAME"}}]}}]},
        ],
    )
    def test_a_tracked_copy_stands_for_its_source(self, reference: Manifest) -> None:
        of, made = with_pod(target(), reference, "conf"), with_pod(primary(target()), reference, "conf-primary")
        assert DEPLOYMENT.alike(of, made, APP)
        assert not DEPLOYMENT.alike(of, with_pod(made, reference, "other"), APP)

    def test_other_names_must_be_the_same(self) -> None:
        account = {"serviceAccountName": "NAME"}
        of, made = with_pod(target(), account, "app"), with_pod(primary(target()), account, "app-primary")
        assert not DEPLOYMENT.alike(of, made, APP)


def with_pod(workload: Manifest, pod: Manifest, name: str) -> Manifest:
    made = copy.deepcopy(workload)
    made["spec"]["template"]["spec"] |= msgspec.json.decode(msgspec.json.encode(pod).replace(b"NAME", name.encode()))
    return made


class TestReadiness:
    def test_a_finished_rollout_is_ready(self) -> None:
        assert readiness(rolled_out()) == Ready()

    @pytest.mark.parametrize(
        ("status", "why"),
        [
            ({"observedGeneration": 2}, "observed deployment generation less than desired generation"),
            ({"updatedReplicas": 1}, "1 out of 2 new replicas have been updated"),
            ({"replicas": 4}, "2 old replicas are pending termination"),
            ({"availableReplicas": 1}, "1 of 2 (readyThreshold 100%) updated replicas are available"),
            ({"availableReplicas": None}, "0 of 2 (readyThreshold 100%) updated replicas are available"),
        ],
    )
    def test_an_unfinished_one_says_what_is_missing_as_flagger_does(self, status: Manifest, why: str) -> None:
        assert readiness(rolled_out(**status)) == Progressing(f"waiting for rollout to finish: {why}")

    def test_a_workload_without_a_status_is_not_ready(self) -> None:
        assert isinstance(readiness(target()), Progressing)

    @pytest.mark.parametrize("threshold", [0, 1, 50, 100])
    def test_no_pods_are_never_ready(self, threshold: int) -> None:
        assert isinstance(readiness(rolled_out(0), threshold), Progressing)
        assert isinstance(readiness(rolled_out(availableReplicas=0), threshold), Progressing)
        assert isinstance(readiness(rolled_out(1, availableReplicas=0), threshold), Progressing)

    @pytest.mark.parametrize(
        ("replicas", "threshold", "least"), [(4, 50, 2), (5, 50, 2), (3, 99, 2), (1, 50, 1), (10, 100, 10)]
    )
    def test_the_threshold_is_rounded_down_but_not_to_nothing(self, replicas: int, threshold: int, least: int) -> None:
        assert readiness(rolled_out(replicas, availableReplicas=least), threshold) == Ready()
        assert isinstance(readiness(rolled_out(replicas, availableReplicas=least - 1), threshold), Progressing)

    def test_the_deployments_own_deadline_ends_the_waiting(self) -> None:
        late = rolled_out(updatedReplicas=1, conditions=[progressing("ProgressDeadlineExceeded"), available()])
        assert readiness(late) == Stuck('deployment "app" exceeded its progress deadline')

    def test_a_deadline_of_an_earlier_spec_does_not_count(self) -> None:
        conditions = [progressing("ProgressDeadlineExceeded"), available()]
        assert isinstance(readiness(rolled_out(observedGeneration=2, conditions=conditions)), Progressing)

    @pytest.mark.parametrize(("ago", "expected"), [(599, Progressing), (600, Progressing), (601, Stuck)])
    def test_too_few_pods_for_longer_than_the_canarys_deadline_are_stuck(self, ago: int, expected: type) -> None:
        short = available(since=NOW - timedelta(seconds=ago), enough=False)
        starved = rolled_out(availableReplicas=0, conditions=[progressing(), short])
        assert isinstance(readiness(starved), expected)

    def test_enough_pods_are_ready_however_long_it_took(self) -> None:
        short = available(since=NOW - timedelta(days=1), enough=False)
        assert readiness(rolled_out(conditions=[progressing(), short])) == Ready()

    @settings(deadline=None)
    @given(
        replicas=st.integers(0, 4),
        status=st.fixed_dictionaries(
            {field: st.integers(0, 6) for field in ("replicas", "updatedReplicas", "availableReplicas")}
        ),
        threshold=st.integers(0, 100),
    )
    def test_whatever_is_ready_serves(self, replicas: int, status: dict[str, int], threshold: int) -> None:
        workload = rolled_out(replicas, **status)
        if readiness(workload, threshold) == Ready():
            assert DEPLOYMENT.serving(workload) >= 1


class TestNumbers:
    @pytest.mark.parametrize(
        ("replicas", "status", "expected"),
        [
            (2, {}, 2),
            (0, {"availableReplicas": 2}, 0),
            (2, {"availableReplicas": 3}, 2),
            (2, {"availableReplicas": 1}, 1),
        ],
        ids=["all", "going down", "surge", "one missing"],
    )
    def test_only_available_pods_that_are_to_stay_serve(self, replicas: int, status: Manifest, expected: int) -> None:
        assert DEPLOYMENT.serving(rolled_out(replicas, **status)) == expected

    def test_nothing_serves_before_there_is_a_status(self) -> None:
        assert DEPLOYMENT.serving(target()) == 0

    def test_replicas_left_out_are_one(self) -> None:
        workload = target()
        del workload["spec"]["replicas"]
        assert DEPLOYMENT.replicas(workload) == 1


class TestSelector:
    @pytest.mark.parametrize(
        ("labels", "expected"),
        [
            ({"app": "a", "name": "b"}, Selector("app", "a")),
            ({"name": "b", "x": "y"}, Selector("name", "b")),
            ({"app.kubernetes.io/name": "c"}, Selector("app.kubernetes.io/name", "c")),
        ],
    )
    def test_the_first_known_label_tells_the_sides_apart(self, labels: Any, expected: Selector) -> None:
        assert DEPLOYMENT.selector(target(selector={"matchLabels": labels}), KEYS) == expected

    @pytest.mark.parametrize("selector", [{"matchLabels": {"x": "y"}}, {"matchExpressions": []}, {}])
    def test_without_one_the_labels_looked_for_are_named(self, selector: Manifest) -> None:
        with pytest.raises(SelectorMissing, match=r"Deployment shop/app: spec\.selector.*app, name, app\.kubernetes"):
            DEPLOYMENT.selector(target(selector=selector), KEYS)


def test_a_kind_is_found_in_any_version() -> None:
    assert target_for(Ref("apps/v1", "Deployment", "a", "b")) == target_for(Ref("apps/v2", "Deployment", "a", "b"))


@pytest.mark.parametrize("ref", [Ref("v1", "Deployment", "a", "b"), Ref("apps/v1", "StatefulSet", "a", "b")])
def test_an_unknown_kind_is_told_the_known_ones(ref: Ref) -> None:
    with pytest.raises(UnknownTarget, match=r"unknown target .*; known: .*Deployment\.apps, Service"):
        target_for(ref)
