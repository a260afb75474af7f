"""HorizontalPodAutoscaler: the copy has what the server would fill in, and annotations are the source's own."""

from tests.scalers.world import canary_of, merged, source_of

from davy.scalers.base import Scaler
from davy.scalers.hpa import HorizontalPodAutoscaler

HPA: Scaler = HorizontalPodAutoscaler()
CANARY = canary_of("k8s-hpa")


def test_a_source_without_a_least_number_has_the_servers() -> None:
    source = source_of("k8s-hpa")
    del source["spec"]["minReplicas"]
    assert HPA.primary(CANARY, source, ())["spec"]["minReplicas"] == 1


def test_kind_and_version_of_what_is_scaled_are_the_sources() -> None:
    ref = {"apiVersion": "apps.example.com/v1", "kind": "Deployment", "name": "app"}
    made = HPA.primary(CANARY, merged(source_of("k8s-hpa"), {"spec": {"scaleTargetRef": ref}}), ())
    assert made["spec"]["scaleTargetRef"] == {**ref, "name": "app-primary"}


def test_annotations_do_not_come_along() -> None:
    source = merged(source_of("k8s-hpa"), {"metadata": {"annotations": {"owner": "blue"}}})
    assert "annotations" not in HPA.primary(CANARY, source, ("*",))["metadata"]


def test_the_settings_of_the_behaviour_and_the_metrics_are_copied_whole() -> None:
    source = source_of("k8s-hpa")
    source["spec"]["behavior"]["scaleUp"]["tolerance"] = "0.05"
    source["spec"]["metrics"].append({"type": "External", "external": {"metric": {"name": "queue"}}})
    made = HPA.primary(CANARY, source, ())["spec"]
    assert (made["behavior"], made["metrics"]) == (source["spec"]["behavior"], source["spec"]["metrics"])
