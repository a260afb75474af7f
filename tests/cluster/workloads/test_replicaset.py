"""ReplicaSets: which pod goes first, what the status says, and the controller at work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from davy.cluster.workloads import replicaset
from davy.cluster.workloads.kinds import POD, REPLICA_SET
from davy.cluster.workloads.objects import controller, format_time, is_leaving, name
from davy.cluster.workloads.replicaset import Crew
from davy.cluster.workloads.writes import Create, Merge, Remove

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _pod(called: str, *, ready_for: float | None = None, age: float = 100, phase: str = "Running", **more: Any) -> Any:
    status: dict[str, Any] = {"phase": phase}
    if ready_for is not None:
        since = format_time(NOW - timedelta(seconds=ready_for))
        status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": since}]
    if "restarts" in more:
        status["containerStatuses"] = [{"restartCount": more["restarts"]}]
    metadata: dict[str, Any] = {"name": called, "uid": called, "labels": {"app": "a"}, "namespace": "default"}
    metadata["creationTimestamp"] = format_time(NOW - timedelta(seconds=age))
    metadata["annotations"] = {replicaset.DELETION_COST: str(more["cost"])} if "cost" in more else {}
    spec = {"nodeName": more.get("node", "n")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _set(replicas: int, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "rs", "namespace": "default", "uid": "rs", "generation": 4},
        "spec": {"replicas": replicas, "template": template, **spec},
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(_pod("a", node=""), _pod("b", phase="Pending"), id="unplaced"),
        pytest.param(_pod("a", phase="Pending"), _pod("b"), id="pending"),
        pytest.param(_pod("a", age=500), _pod("b", ready_for=1, age=1), id="not ready, however old"),
        pytest.param(_pod("a", ready_for=9, cost=-5), _pod("b", ready_for=1), id="cheap"),
        pytest.param(_pod("a", ready_for=5), _pod("b", ready_for=50), id="ready for a shorter time"),
        pytest.param(_pod("a", restarts=3), _pod("b", restarts=1), id="restarted more often"),
        pytest.param(_pod("a", age=5), _pod("b", age=50), id="younger"),
    ],
)
def test_the_less_useful_pod_goes_first(first: Any, second: Any) -> None:
    assert sorted([second, first], key=replicaset.usefulness) == [first, second]
    (removed,) = [w for w in replicaset.desired(Crew(_set(1), (second, first), NOW)) if isinstance(w, Remove)]
    assert removed.name == "a"


def test_missing_pods_are_created_with_an_owner() -> None:
    created = [w.manifest for w in replicaset.desired(Crew(_set(3), (_pod("a"),), NOW)) if isinstance(w, Create)]
    assert len(created) == 2
    assert created[0]["metadata"]["generateName"] == "rs-"
    assert created[0]["metadata"]["labels"] == {"app": "a"}
    assert (controller(created[0]) or {})["uid"] == "rs"


def test_ready_pods_become_available_after_min_ready_seconds() -> None:
    seen = Crew(_set(3, minReadySeconds=10), (_pod("a", ready_for=30), _pod("b", ready_for=4), _pod("c")), NOW)
    assert replicaset.status(seen) == {
        "observedGeneration": 4,
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 2,
        "availableReplicas": 1,
    }
    assert replicaset.next_available(seen) == 6


def test_a_set_as_it_should_be_writes_nothing() -> None:
    crew = (_pod("a", ready_for=1),)
    done = _set(1) | {"status": replicaset.status(Crew(_set(1), crew, NOW))}
    assert replicaset.desired(Crew(done, crew, NOW)) == ()


def test_a_set_that_is_leaving_neither_hires_nor_fires() -> None:
    leaving = _set(3)
    leaving["metadata"]["deletionTimestamp"] = format_time(NOW)
    assert all(isinstance(w, Merge) for w in replicaset.desired(Crew(leaving, (_pod("a"),), NOW)))


LONE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "lone", "namespace": "default"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "lone"}},
        "template": {
            "metadata": {"labels": {"app": "lone"}},
            "spec": {"containers": [{"name": "c", "image": "x"}]},
        },
    },
}


async def test_an_orphan_is_adopted_instead_of_a_new_pod(bench: Any) -> None:
    orphan = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "orphan", "namespace": "default"}}
    orphan["metadata"] |= {"labels": {"app": "lone"}}  # type: ignore[operator]
    await bench.client.create({**orphan, "spec": LONE["spec"]["template"]["spec"]})
    await bench.until(lambda: bench.get(POD, "orphan"))
    await bench.client.create(LONE)
    found = await bench.until(lambda: pods if len(pods := [p for p in bench.all(POD) if controller(p)]) == 2 else None)
    assert "orphan" in [name(each) for each in found]


async def test_a_pod_whose_label_no_longer_fits_is_released_and_replaced(bench: Any) -> None:
    await bench.client.create(LONE)
    pods = await bench.until(lambda: found if len(found := bench.all(POD)) == 2 else None)
    patch = {"metadata": {"labels": {"app": "free"}}}
    await bench.client.patch(POD, "default", name(pods[0]), patch, content="merge")
    await bench.until(lambda: len(bench.all(POD)) == 3)
    await bench.until(lambda: controller(bench.get(POD, name(pods[0]))) is None)


async def test_a_deleted_pod_is_replaced(bench: Any) -> None:
    await bench.client.create(LONE)
    pods = await bench.until(lambda: found if len(found := bench.all(POD)) == 2 else None)
    await bench.client.delete(POD, "default", name(pods[0]), grace=0)
    await bench.until(lambda: bench.get(POD, name(pods[0])) is None and len(bench.all(POD)) == 2)


async def test_scaling_down_takes_the_pod_that_is_not_ready(bench: Any) -> None:
    bench.obliging = False
    await bench.client.create(LONE)
    first, second = await bench.until(lambda: found if len(found := bench.all(POD)) == 2 else None)
    await bench.ready(second)
    await bench.until(lambda: (bench.get(REPLICA_SET, "lone") or {})["status"].get("readyReplicas") == 1)
    await bench.client.scale(REPLICA_SET, "default", "lone", 1)
    await bench.until(lambda: len([p for p in bench.all(POD) if not is_leaving(p)]) == 1)
    assert bench.get(POD, name(second))
    assert not bench.get(POD, name(first))
