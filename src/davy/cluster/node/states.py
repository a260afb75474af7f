"""What a container is doing, as values, and the pod status that follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from davy.cluster.workloads.objects import Manifest, condition, format_time

OURS = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not running, but it will be tried (again)."""

    reason: str = "ContainerCreating"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """The process is there."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """The process has ended; `status` is 128 + n for one killed by signal n."""

    status: int
    since: datetime
    until: datetime

    @property
    def reason(self) -> str:
        return "Completed" if self.status == 0 else "Error"


State = Waiting | Running | Ended


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod."""

    name: str
    image: str
    state: State = Waiting()
    last: Ended | None = None
    ready: bool = False
    started: bool = False
    restarts: int = 0

    @property
    def is_new(self) -> bool:
        """Nothing has happened to it yet."""
        return self.state == Waiting() and not self.restarts


def status(pod: Manifest, containers: Sequence[Container], address: str, began: datetime, now: datetime) -> Manifest:
    """The status of a pod whose containers do this."""
    phase = _phase(pod, containers)
    return {
        "phase": phase,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "startTime": format_time(began),
        "conditions": _conditions(pod, containers, phase, now),
        "containerStatuses": [_container(each) for each in containers],
    }


def _phase(pod: Manifest, containers: Iterable[Container]) -> str:
    states = [each.state for each in containers]
    if states and all(isinstance(state, Ended) for state in states) and not _restarts(pod, states):
        return "Failed" if any(isinstance(state, Ended) and state.status for state in states) else "Succeeded"
    ran = any(isinstance(each.state, Running | Ended) or each.last for each in containers)
    return "Running" if ran else "Pending"


def _restarts(pod: Manifest, states: Iterable[State]) -> bool:
    return any(isinstance(state, Ended) and restarts(pod, state.status) for state in states)


def restarts(pod: Manifest, status: int) -> bool:
    """Is a container that ended with this status started again?"""
    policy = pod["spec"].get("restartPolicy", "Always")
    return bool(policy == "Always" or (policy == "OnFailure" and status != 0))


def _conditions(pod: Manifest, containers: Sequence[Container], phase: str, now: datetime) -> list[Manifest]:
    """Ours anew, those of others (readiness gates) as they are."""
    others = [each for each in (pod.get("status") or {}).get("conditions") or () if each["type"] not in OURS]
    unready = [each.name for each in containers if not each.ready]
    gates = [each["conditionType"] for each in pod["spec"].get("readinessGates") or ()]
    closed = [gate for gate in gates if (condition(pod, gate) or {}).get("status") != "True"]
    ended = "PodCompleted" if phase in ("Succeeded", "Failed") else ""
    said = {
        "PodScheduled": ("", ""),
        "Initialized": ("", ""),
        "ContainersReady": _unless(unready, ended or "ContainersNotReady", "containers with unready status"),
        "Ready": _unless(unready, ended or "ContainersNotReady", "containers with unready status")
        if unready
        else _unless(closed, "ReadinessGatesNotReady", "readiness gates that are not True"),
    }
    return [*others, *(_condition(pod, type_, *why, now=now) for type_, why in said.items())]


def _unless(faults: Sequence[str], reason: str, words: str) -> tuple[str, str]:
    return (reason, f"{words}: [{' '.join(faults)}]") if faults else ("", "")


def _condition(pod: Manifest, type_: str, reason: str, message: str, *, now: datetime) -> Manifest:
    before, holds = condition(pod, type_) or {}, "False" if reason else "True"
    same = before.get("status") == holds and before.get("lastTransitionTime")
    why = {"reason": reason, "message": message} if reason else {}
    since = before["lastTransitionTime"] if same else format_time(now)
    return {"type": type_, "status": holds, "lastTransitionTime": since, **why}


def _container(each: Container) -> Manifest:
    return {
        "name": each.name,
        "image": each.image,
        "imageID": "",
        "ready": each.ready,
        "started": each.started,
        "restartCount": each.restarts,
        "state": _state(each.state),
        "lastState": _state(each.last) if each.last else {},
    }


def _state(state: State) -> Mapping[str, Any]:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        case Running(since):
            return {"running": {"startedAt": format_time(since)}}
        case Ended():
            times = {"startedAt": format_time(state.since), "finishedAt": format_time(state.until)}
            return {"terminated": {"exitCode": state.status, "reason": state.reason, **times}}
        case _:
            assert_never(state)
