"""The node with real processes: start, probes, restarts, logs, end, and the drain gate."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from davy.cluster.node.drain import DRAINED
from davy.cluster.workloads.kinds import NODE, POD, SERVICE
from davy.cluster.workloads.objects import condition, is_leaving, is_ready

LOOP = "while :; do sleep 0.02; done"


def _sh(script: str, **more: Any) -> dict[str, Any]:
    return {"command": ["sh", "-c", script], **more}


def _exec(*command: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"command": list(command)}, "periodSeconds": 1, **more}


async def test_the_demo_app_is_served_on_the_pods_address(machine: Any) -> None:
    ports = [{"name": "http", "containerPort": 9898}]
    probe = {"httpGet": {"path": "/readyz", "port": "http"}}
    await machine.run({"image": "davy.dev/demo-app:3.1", "ports": ports, "readinessProbe": probe})
    pod = await machine.ready()
    assert pod["spec"]["nodeName"] == "davy"
    assert pod["status"]["phase"] == "Running"
    assert await machine.log() == f"version 3.1 serves on http://{pod['status']['podIP']}:9898\n"


async def test_a_container_without_probe_is_ready_when_it_runs(machine: Any) -> None:
    await machine.run(_sh(LOOP))
    assert (await machine.ready())["status"]["containerStatuses"][0]["started"]


async def test_the_environment_reaches_the_program(machine: Any) -> None:
    data = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "default"},
        "data": {"k": "v"},
    }
    await machine.client.create(data)
    env = [{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]
    await machine.run(_sh("echo $K $0 $(NAME); " + LOOP, args=["$(K)"], env=env))
    await machine.ready()
    await machine.logged("v v")


async def test_a_missing_config_map_is_named_and_waited_for(machine: Any) -> None:
    env = [{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "k"}}}]
    await machine.run(_sh(LOOP, env=env))
    waiting = await machine.until(lambda: (machine.container().get("state") or {}).get("waiting"))
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "late" not found'}
    data = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "late", "namespace": "default"},
        "data": {"k": "v"},
    }
    await machine.client.create(data)
    await machine.ready()


async def test_a_program_that_cannot_be_executed_is_named_and_tried_again(machine: Any) -> None:
    await machine.run({"command": ["/no/such/program"]})
    waiting = await machine.until(lambda: (machine.container().get("state") or {}).get("waiting"))
    assert waiting["reason"] == "RunContainerError"
    assert "/no/such/program" in waiting["message"]


async def test_an_unknown_image_says_what_to_do(machine: Any) -> None:
    await machine.run({"image": "nginx:1.25"})
    waiting = await machine.until(lambda: (machine.container().get("state") or {}).get("waiting"))
    assert waiting["reason"] == "ImagePullBackOff"
    assert 'image "nginx:1.25" cannot be pulled' in waiting["message"]
    assert machine.pod()["status"]["phase"] == "Pending"
    await machine.delete()
    await machine.gone()
    assert any(told.startswith('Failed: image "nginx:1.25"') for told in await machine.events())


async def test_readiness_follows_the_probe_both_ways(machine: Any, tmp_path: Path) -> None:
    mark = tmp_path / "ready"
    await machine.run(_sh(LOOP, readinessProbe=_exec("test", "-e", str(mark), failureThreshold=1)))
    pod = await machine.until(lambda: machine.pod() if machine.state() == "running" else None)
    assert not is_ready(pod)
    mark.touch()
    await machine.ready()
    mark.unlink()
    await machine.until(lambda: not is_ready(machine.pod()))
    assert (condition(machine.pod(), "Ready") or {})["reason"] == "ContainersNotReady"


async def test_a_program_that_dies_is_started_again_ever_more_slowly(machine: Any) -> None:
    await machine.run(_sh("echo run; exit 3"))
    told = await machine.until(lambda: c if (c := machine.container()).get("restartCount") == 2 else None)
    assert told["lastState"]["terminated"]["exitCode"] == 3
    assert told["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert "back-off 1s restarting failed container main (exit status 3)" in told["state"]["waiting"]["message"]
    assert await machine.log(previous=True) == "run\n"
    await machine.delete(grace=0)
    await machine.gone()


async def test_liveness_restarts_and_readiness_is_lost_with_it(machine: Any, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    alive.touch()
    await machine.run(_sh(LOOP, livenessProbe=_exec("test", "-e", str(alive), failureThreshold=1)))
    await machine.ready()
    alive.unlink()
    told = await machine.until(lambda: c if (c := machine.container()).get("restartCount") else None)
    assert told["lastState"]["terminated"]["exitCode"] == 143
    alive.touch()
    await machine.ready()
    assert "Unhealthy: Liveness probe failed: test ended with exit status 1" in await machine.events()


async def test_startup_holds_back_the_other_probes(machine: Any, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    dead = _exec("false", failureThreshold=1)
    slow = _exec("test", "-e", str(begun), failureThreshold=100)
    await machine.run(_sh(LOOP, startupProbe=slow, readinessProbe=_exec("true"), livenessProbe=dead))
    await machine.until(lambda: machine.state() == "running")
    assert not machine.container()["started"]
    assert not machine.container()["ready"]
    begun.touch()
    await machine.until(lambda: machine.container().get("restartCount") == 1)


async def test_a_job_like_pod_ends_with_its_program(machine: Any) -> None:
    await machine.run(_sh("echo done"), restartPolicy="Never")
    await machine.until(lambda: machine.pod() and (machine.pod()["status"] or {}).get("phase") == "Succeeded")
    assert machine.container()["state"]["terminated"]["reason"] == "Completed"
    assert await machine.log() == "done\n"
    await machine.delete()
    await machine.gone()


async def test_a_deleted_pod_gets_sigterm_and_its_grace(machine: Any, tmp_path: Path) -> None:
    said = tmp_path / "said"
    await machine.run(_sh(f"trap 'echo bye > {said}; exit 0' TERM; echo up; {LOOP}"))
    await machine.logged("up")
    await machine.delete()
    await machine.gone()
    assert said.read_text() == "bye\n"


async def test_a_deaf_program_is_killed_after_its_grace(machine: Any) -> None:
    await machine.run(_sh(f"trap '' TERM; echo up; {LOOP}"), terminationGracePeriodSeconds=1)
    await machine.logged("up")
    await machine.delete()
    await machine.until(lambda: is_leaving(machine.pod()))
    await machine.gone()


async def test_a_forced_deletion_ends_the_process_too(machine: Any, tmp_path: Path) -> None:
    await machine.run(_sh(f"trap '' TERM; echo pid $$$$; {LOOP}"))
    await machine.logged("pid")
    pid = int((await machine.log()).split()[1])
    await machine.delete(grace=0)
    await machine.gone()
    await _dead(pid)


async def _dead(pid: int) -> None:
    """Wait for the end of a process of ours; its zombie is reaped by the loop."""
    async with asyncio.timeout(10):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.01)


async def test_pre_stop_comes_before_sigterm(machine: Any, tmp_path: Path) -> None:
    order = tmp_path / "order"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", f"echo hook >> {order}"]}}}
    await machine.run(_sh(f"trap 'echo term >> {order}; exit 0' TERM; echo up; {LOOP}", lifecycle=hook))
    await machine.logged("up")
    await machine.delete()
    await machine.gone()
    assert order.read_text().split() == ["hook", "term"]


async def test_several_containers_share_the_address(machine: Any) -> None:
    meta = {"name": "app", "namespace": "default"}
    containers = [{"name": name, "image": "x", **_sh(f"echo {name} $POD_IP; {LOOP}")} for name in ("one", "two")]
    await machine.client.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": containers}}
    )
    pod = await machine.ready()
    address = pod["status"]["podIP"]
    assert [each["name"] for each in pod["status"]["containerStatuses"]] == ["one", "two"]
    for name in ("one", "two"):
        async for line in machine.node.logs("default", "app", name, follow=True):
            assert line.decode() == f"{name} {address}\n"
            break


@pytest.mark.parametrize(("container", "previous", "words"), [("x", False, "it has main"), ("", True, "not found")])
async def test_logs_that_are_not_there(machine: Any, container: str, previous: bool, words: str) -> None:
    await machine.run(_sh(LOOP))
    await machine.ready()
    with pytest.raises(LookupError, match=words):
        async for _ in machine.node.logs("default", "app", container, previous=previous):
            pass


async def test_the_node_is_ready(machine: Any) -> None:
    await machine.run(_sh(LOOP))
    await machine.ready()
    node = await machine.client.get(NODE, None, "davy")
    assert (condition(node, "Ready") or {})["status"] == "True"


SERVICE_OF_APP = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "app", "namespace": "default"},
    "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]},
}


async def _leaving_behind_a_service(gated: Any, **container: Any) -> None:
    await gated.client.create(SERVICE_OF_APP)
    await gated.until(lambda: gated.caches.get(SERVICE, "default", "app"))
    await gated.run(_sh(f"trap 'exit 0' TERM; echo up; {LOOP}", **container), labels={"app": "a"})
    await gated.logged("up")


async def test_a_pod_behind_a_service_waits_for_the_gateway(gated: Any) -> None:
    await _leaving_behind_a_service(gated)
    await gated.ready()
    await gated.delete()
    await gated.until(lambda: is_leaving(gated.pod()))
    await gated.run(_sh(f"trap 'exit 0' TERM; echo up; {LOOP}"), name="free")
    await gated.logged("up", "free")
    await gated.delete("free")
    await gated.gone("free")  # no Service, no waiting; the other one, deleted before, is still there
    assert gated.state() == "running"
    assert is_ready(gated.pod())
    note = {"metadata": {"annotations": {DRAINED: gated.pod()["status"]["podIP"]}}}
    await gated.client.patch(POD, "default", "app", note, content="merge")
    await gated.gone()


async def test_a_pod_is_let_go_when_its_service_is(gated: Any) -> None:
    await _leaving_behind_a_service(gated)
    await gated.ready()
    await gated.delete()
    await gated.until(lambda: is_leaving(gated.pod()))
    await gated.client.delete(SERVICE, "default", "app")
    await gated.gone()


async def test_a_pod_that_serves_nobody_does_not_wait(gated: Any) -> None:
    await _leaving_behind_a_service(gated, readinessProbe=_exec("false"))
    await gated.delete()
    await gated.gone()
