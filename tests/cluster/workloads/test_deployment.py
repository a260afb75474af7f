"""Deployments at work: rolling, back, paused, stuck, recreated, adopted; and what they cost when nothing happens."""

from __future__ import annotations

from typing import Any

import pytest

from davy.cluster.workloads.kinds import DEPLOYMENT, EVENT, NAMESPACE, POD, REPLICA_SET
from davy.cluster.workloads.objects import annotations_of, is_ready, name, uid
from davy.cluster.workloads.revisions import REVISION
from davy.kube.client import Client


async def test_a_deployment_runs_and_says_so(bench: Any) -> None:
    await bench.deploy()
    found = await bench.until(lambda: bench.complete("app:1"))
    assert annotations_of(found)[REVISION] == "1"
    assert bench.progressing() == "NewReplicaSetAvailable"
    assert found["status"]["readyReplicas"] == 3


async def test_an_update_never_leaves_the_limits(bench: Any) -> None:
    await bench.deploy(strategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    await bench.until(lambda: bench.complete("app:1"))
    ready, present = [], []

    def look(_: Any) -> None:
        pods = bench.all(POD)
        ready.append(sum(map(is_ready, pods)))
        present.append(len(pods))

    bench.caches.subscribe(POD, look)
    await bench.update("app:2")
    await bench.until(lambda: bench.complete("app:2"))
    assert min(ready) == 3
    assert max(present) == 4


async def test_a_rollback_takes_the_old_replicaset_and_a_new_number(bench: Any) -> None:
    await bench.deploy()
    first = annotations_of(await bench.until(lambda: bench.complete("app:1")))[REVISION]
    (old,) = bench.all(REPLICA_SET)
    await bench.update("app:2")
    await bench.until(lambda: bench.complete("app:2"))
    await bench.update("app:1")
    found = await bench.until(lambda: bench.complete("app:1"))
    assert (first, annotations_of(found)[REVISION]) == ("1", "3")
    assert annotations_of(bench.get(REPLICA_SET, name(old)))[REVISION] == "3"
    assert len(bench.all(REPLICA_SET)) == 2


async def test_recreate_has_no_moment_with_both(bench: Any) -> None:
    await bench.deploy(strategy={"type": "Recreate"})
    await bench.until(lambda: bench.complete("app:1"))
    mixed = []
    bench.caches.subscribe(POD, lambda _: mixed.append(len(set(bench.images())) > 1))
    await bench.update("app:2")
    await bench.until(lambda: bench.complete("app:2"))
    assert not any(mixed)


async def test_a_paused_deployment_does_not_roll_but_scales(bench: Any) -> None:
    await bench.deploy()
    await bench.until(lambda: bench.complete("app:1"))
    await bench.change({"paused": True})
    await bench.until(lambda: bench.progressing() == "DeploymentPaused")
    await bench.update("app:2")
    await bench.client.scale(DEPLOYMENT, "default", "app", 5)
    await bench.until(lambda: bench.images() == ["app:1"] * 5)
    await bench.change({"paused": False})
    await bench.until(lambda: bench.complete("app:2", 5))


async def test_a_release_that_never_gets_ready_runs_into_its_deadline(bench: Any) -> None:
    await bench.deploy(progressDeadlineSeconds=1, minReadySeconds=0)
    await bench.until(lambda: bench.complete("app:1"))
    bench.obliging = False
    await bench.update("app:2")
    await bench.until(lambda: bench.progressing() == "ProgressDeadlineExceeded")
    assert bench.images() == ["app:1"] * 3 + ["app:2"]


async def test_scaling_to_nothing_and_back(bench: Any) -> None:
    await bench.deploy()
    await bench.until(lambda: bench.complete("app:1"))
    await bench.client.scale(DEPLOYMENT, "default", "app", 0)
    await bench.until(lambda: not bench.all(POD))
    await bench.client.scale(DEPLOYMENT, "default", "app", 2)
    await bench.until(lambda: bench.complete("app:1", 2))


async def test_old_revisions_beyond_the_limit_go(bench: Any) -> None:
    await bench.deploy(revisionHistoryLimit=1, replicas=1)
    for image in ("app:1", "app:2", "app:3"):
        await bench.update(image)
        await bench.until(lambda image=image: bench.complete(image, 1))
    await bench.until(lambda: len(bench.all(REPLICA_SET)) == 2)
    images = [each["spec"]["template"]["spec"]["containers"][0]["image"] for each in bench.all(REPLICA_SET)]
    assert sorted(images) == ["app:2", "app:3"]


async def test_an_orphaned_replicaset_is_adopted_by_the_next_deployment(bench: Any) -> None:
    await bench.deploy()
    found = await bench.until(lambda: bench.complete("app:1"))
    pods = sorted(uid(pod) for pod in bench.all(POD))
    await bench.client.delete(DEPLOYMENT, "default", "app", propagation="Orphan")
    await bench.until(lambda: bench.get(DEPLOYMENT, "app") is None)
    await bench.deploy()
    again = await bench.until(lambda: bench.complete("app:1"))
    assert uid(again) != uid(found)
    assert sorted(uid(pod) for pod in bench.all(POD)) == pods


async def test_scaling_is_told_as_an_event(bench: Any) -> None:
    await bench.deploy()
    await bench.until(lambda: bench.complete("app:1"))
    events = (await bench.client.list(EVENT, "default")).items
    (told,) = [each["message"] for each in events if each["reason"] == "ScalingReplicaSet"]
    assert told == f"Scaled up replica set {name(bench.all(REPLICA_SET)[0])} from 0 to 3"


async def test_an_idle_cluster_makes_no_requests(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.deploy()
    await bench.until(lambda: bench.complete("app:1"))
    await _busy_elsewhere(bench)  # until the last event is told
    asked: list[str] = []
    request = Client.request

    async def note(self: Client, method: str, path: str, **more: Any) -> bytes:
        asked.append(path)
        return await request(self, method, path, **more)

    monkeypatch.setattr(Client, "request", note)
    await _busy_elsewhere(bench)
    assert set(asked) == {"/api/v1/namespaces/kube-system"}


async def _busy_elsewhere(bench: Any) -> None:
    """Sixty round trips: time enough for whoever still has something to do."""
    for _ in range(60):
        await bench.client.get(NAMESPACE, None, "kube-system")


async def test_a_pod_that_only_gets_a_note_moves_nothing(bench: Any) -> None:
    await bench.deploy()
    await bench.until(lambda: bench.complete("app:1"))
    versions = {each.uid: each.resource_version for each in bench.caches.of(REPLICA_SET).list()}
    (pod, *_) = bench.all(POD)
    await bench.client.patch(POD, "default", name(pod), {"metadata": {"annotations": {"a": "b"}}}, content="merge")
    await bench.until(lambda: annotations_of(bench.get(POD, name(pod))).get("a"))
    await _busy_elsewhere(bench)
    assert {each.uid: each.resource_version for each in bench.caches.of(REPLICA_SET).list()} == versions


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
async def test_deleting_takes_everything_along(bench: Any, propagation: str) -> None:
    await bench.deploy()
    await bench.until(lambda: bench.complete("app:1"))
    await bench.client.delete(DEPLOYMENT, "default", "app", propagation=propagation)
    await bench.until(lambda: not (bench.all(DEPLOYMENT) or bench.all(REPLICA_SET) or bench.all(POD)))
