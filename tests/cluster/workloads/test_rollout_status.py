"""A Deployment's conditions through a rollout that goes well, stands still, is paused, is resized."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from davy.cluster.workloads.rollout import Limits
from davy.cluster.workloads.rollout_status import deadline, status

START = datetime(2026, 1, 1, tzinfo=UTC)
WITHIN = Limits(3, 1)


def _set(name: str, replicas: int, available: int) -> dict[str, Any]:
    numbers = {"replicas": replicas, "readyReplicas": available, "availableReplicas": available}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas}, "status": numbers}


class Story:
    """A Deployment whose status is written after each scene."""

    def __init__(self, **spec: Any) -> None:
        self.deployment: dict[str, Any] = {
            "metadata": {"generation": 1},
            "spec": {"progressDeadlineSeconds": 60, **spec},
        }

    def scene(self, at: float, new: dict[str, Any] | None, *olds: dict[str, Any], within: Limits = WITHIN) -> str:
        now = START + timedelta(seconds=at)
        self.deployment["status"] = status(self.deployment, new, olds, within, now)
        return self.reason("Progressing")

    def condition(self, type_: str) -> dict[str, Any]:
        return next((c for c in self.deployment["status"]["conditions"] if c["type"] == type_), {})

    def reason(self, type_: str) -> str:
        return str(self.condition(type_).get("reason", ""))


def test_a_rollout_that_goes_well() -> None:
    story = Story()
    assert story.scene(0, _set("a", 3, 0)) == "NewReplicaSetCreated"
    assert story.reason("Available") == "MinimumReplicasUnavailable"
    assert story.scene(1, _set("a", 3, 2)) == "ReplicaSetUpdated"
    assert story.scene(2, _set("a", 3, 3)) == "NewReplicaSetAvailable"
    assert story.reason("Available") == "MinimumReplicasAvailable"
    assert story.deployment["status"]["availableReplicas"] == 3
    assert "unavailableReplicas" not in story.deployment["status"]


def test_a_rollout_that_stands_still_fails_at_its_deadline() -> None:
    story = Story()
    story.scene(0, _set("a", 3, 3))
    assert story.scene(10, _set("b", 1, 0), _set("a", 3, 3)) == "NewReplicaSetCreated"
    assert deadline(story.deployment, story.condition("Progressing")) == START + timedelta(seconds=70)
    before = story.deployment["status"]
    story.scene(69, _set("b", 1, 0), _set("a", 3, 3))
    assert story.deployment["status"] == before
    assert story.scene(70, _set("b", 1, 0), _set("a", 3, 3)) == "ProgressDeadlineExceeded"
    assert story.condition("Progressing")["status"] == "False"
    assert deadline(story.deployment, story.condition("Progressing")) is None


def test_progress_moves_the_deadline() -> None:
    story = Story()
    story.scene(0, _set("b", 1, 0), _set("a", 3, 3))
    assert story.scene(50, _set("b", 2, 1), _set("a", 2, 2)) == "ReplicaSetUpdated"
    assert story.scene(100, _set("b", 2, 1), _set("a", 2, 2)) == "ReplicaSetUpdated"
    assert story.scene(110, _set("b", 2, 1), _set("a", 2, 2)) == "ProgressDeadlineExceeded"


def test_a_stuck_rollout_that_moves_again_is_no_longer_stuck() -> None:
    story = Story()
    story.scene(0, _set("b", 1, 0), _set("a", 3, 3))
    assert story.scene(60, _set("b", 1, 0), _set("a", 3, 3)) == "ProgressDeadlineExceeded"
    assert story.scene(61, _set("b", 1, 1), _set("a", 3, 3)) == "ReplicaSetUpdated"


def test_a_finished_rollout_is_not_late_when_a_pod_dies_or_it_is_resized() -> None:
    story = Story()
    story.scene(0, _set("a", 3, 3))
    assert story.scene(1000, _set("a", 3, 2)) == "NewReplicaSetAvailable"
    assert story.scene(2000, _set("a", 5, 3), within=Limits(5, 2)) == "NewReplicaSetAvailable"


def test_a_paused_deployment_is_not_late() -> None:
    story = Story(paused=True)
    assert story.scene(0, _set("b", 1, 0), _set("a", 3, 3)) == "DeploymentPaused"
    assert story.scene(1000, _set("b", 1, 0), _set("a", 3, 3)) == "DeploymentPaused"
    story.deployment["spec"]["paused"] = False
    assert story.scene(1001, _set("b", 1, 0), _set("a", 3, 3)) == "DeploymentResumed"


def test_availability_is_what_the_limits_allow() -> None:
    story = Story()
    story.scene(0, _set("a", 3, 2), within=Limits(3, 1, 1))
    assert story.reason("Available") == "MinimumReplicasAvailable"
    story.scene(1, _set("a", 3, 1), within=Limits(3, 1, 1))
    assert story.reason("Available") == "MinimumReplicasUnavailable"
    assert story.deployment["status"]["unavailableReplicas"] == 2
