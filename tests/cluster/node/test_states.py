"""The pod status that follows from what the containers do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from davy.cluster.node.states import Container, Ended, Running, State, Waiting, restarts, status

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UP, GOOD, BAD = Running(NOW), Ended(0, NOW, NOW), Ended(3, NOW, NOW)


def _pod(policy: str = "Always", **more: Any) -> dict[str, Any]:
    return {"spec": {"restartPolicy": policy, **more}, "status": {}}


def _status(pod: dict[str, Any], *containers: Container, later: float = 0) -> dict[str, Any]:
    return status(pod, containers, "127.16.0.1", NOW, NOW + timedelta(seconds=later))


def _conditions(made: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in made["conditions"]}


@pytest.mark.parametrize(
    ("policy", "states", "phase"),
    [
        ("Always", [Waiting()], "Pending"),
        ("Always", [Waiting("ImagePullBackOff")], "Pending"),
        ("Always", [UP, Waiting()], "Running"),
        ("Always", [UP], "Running"),
        ("Always", [GOOD], "Running"),
        ("OnFailure", [BAD], "Running"),
        ("OnFailure", [GOOD], "Succeeded"),
        ("Never", [GOOD, GOOD], "Succeeded"),
        ("Never", [GOOD, BAD], "Failed"),
        ("Never", [GOOD, UP], "Running"),
    ],
)
def test_phases(policy: str, states: list[State], phase: str) -> None:
    containers = [Container(f"c{n}", "i", state) for n, state in enumerate(states)]
    assert _status(_pod(policy), *containers)["phase"] == phase


def test_a_container_in_back_off_has_run() -> None:
    crashed = Container("c", "i", Waiting("CrashLoopBackOff"), last=BAD, restarts=1)
    assert _status(_pod(), crashed)["phase"] == "Running"


def test_ready_needs_every_container() -> None:
    one, two = Container("one", "i", UP, ready=True), Container("two", "i", UP)
    made = _status(_pod(), one, two)
    assert _conditions(made) == {
        "PodScheduled": "True",
        "Initialized": "True",
        "ContainersReady": "False",
        "Ready": "False",
    }
    assert made["conditions"][-1]["message"] == "containers with unready status: [two]"


def test_readiness_gates_hold_ready_and_foreign_conditions_stay() -> None:
    ready = Container("c", "i", UP, ready=True)
    pod = _pod(readinessGates=[{"conditionType": "lb"}])
    assert _conditions(_status(pod, ready))["Ready"] == "False"
    pod["status"] = {"conditions": [{"type": "lb", "status": "True"}]}
    made = _conditions(_status(pod, ready))
    assert (made["Ready"], made["ContainersReady"], made["lb"]) == ("True", "True", "True")


def test_a_condition_keeps_its_time_until_it_turns() -> None:
    pod = _pod()
    pod["status"] = _status(pod, Container("c", "i", UP))
    same = _status(pod, Container("c", "i", UP), later=60)
    assert same["conditions"] == pod["status"]["conditions"]
    turned = _status(pod, Container("c", "i", UP, ready=True), later=60)["conditions"][-1]
    assert turned["lastTransitionTime"] == "2026-01-01T00:01:00Z"


@pytest.mark.parametrize(
    ("policy", "code", "expected"),
    [("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_restart_policies(policy: str, code: int, expected: bool) -> None:
    assert restarts(_pod(policy), code) is expected


def test_states_as_kubectl_reads_them() -> None:
    made = _status(_pod(), Container("c", "i", Waiting("CrashLoopBackOff", "words"), last=BAD, restarts=4))
    (told,) = made["containerStatuses"]
    assert told["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "words"}}
    assert told["lastState"]["terminated"]["exitCode"] == 3
    assert told["lastState"]["terminated"]["reason"] == "Error"
    assert told["restartCount"] == 4
