"""T15 (flagger#780, #634, #1407, #1732, #402; devantler-tech/platform#2387): the operator's own writes, or values that
others normalise, look like an edit; or an edit is swallowed.

Expected: a hash counts as consumed only in the write that starts its run; a loop guard: the same pair of hashes
restarted three times stops, alerts, and shows what differs. Stimuli: a server that adds defaults, an admission
webhook, Secrets and ConfigMaps mounted in every way, a router that normalises weights; a new revision exactly when
the primary is not ready or the API answers 500.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.disasters.gateway import ROUTES
from tests.disasters.manifests import APP, NAMESPACE, PRIMARY, canary, deployment
from tests.disasters.plane import Luck, Written
from tests.disasters.stage import DEPLOYMENT, Stage, running, stage, weight_of
from tests.disasters.workloads import DEPLOYMENTS

from davy.kube.kinds import Kind
from davy.sim.cases import Case, Scenario
from davy.sim.faults import Deed, Faults

CONFIG = Kind("v1", "ConfigMap")
SECRET = Kind("v1", "Secret")
WAYS: dict[str, dict[str, Any]] = {
    "env": {
        "containers": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "password", "key": "a"}}},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}},
        ]
    },
    "envFrom": {"envFrom": [{"secretRef": {"name": "password"}}, {"configMapRef": {"name": "settings"}}]},
    "volumes": {
        "volumes": [
            {"name": "s", "secret": {"secretName": "password"}},
            {"name": "c", "configMap": {"name": "settings"}},
        ]
    },
    "projected": {
        "volumes": [
            {
                "name": "p",
                "projected": {"sources": [{"secret": {"name": "password"}}, {"configMap": {"name": "settings"}}]},
            }
        ]
    },
    "init container": {"init": [{"secretRef": {"name": "password"}}, {"configMapRef": {"name": "settings"}}]},
}


def using(way: str) -> dict[str, Any]:
    """The app, with a Secret and a ConfigMap in this way."""
    app, how = deployment(), WAYS[way]
    spec = app["spec"]["template"]["spec"]
    if "containers" in how:
        spec["containers"][0]["env"] = how["containers"]
    elif "envFrom" in how:
        spec["containers"][0]["envFrom"] = how["envFrom"]
    elif "init" in how:
        spec["initContainers"] = [{"name": "init", "image": "registry.example/init:1", "envFrom": how["init"]}]
    else:
        spec["volumes"] = how["volumes"]
    return app


def sources() -> tuple[dict[str, Any], ...]:
    where = {"namespace": NAMESPACE}
    return (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", **where}, "data": {"a": "1"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password", **where}, "data": {"a": "MQ=="}},
    )


async def at_rest(s: Stage) -> list[Written]:
    """What the operator writes once the alerts are sent."""
    await s.passes(30)
    return await s.quiet(300)


@pytest.mark.parametrize("way", WAYS)
async def test_configs_mounted_in_every_way_start_one_run_when_they_change_and_none_else(way: str) -> None:
    """flagger#780: `env` from `secretKeyRef` restarted the analysis without end."""
    async with stage() as s:
        await s.create(*sources(), using(way), canary())
        await s.start()
        await s.reached("Initialized")
        assert not await at_rest(s)
        assert s.runs_started() == 0
        await s.edit({"data": {"a": "2"}}, CONFIG, "settings")
        await s.ended("Succeeded")
        assert not await at_rest(s)
        assert s.runs_started() == 1
        await s.edit({"data": {"a": "Mg=="}}, SECRET, "password")
        await s.reached("Progressing")
        await s.ended("Succeeded")
        assert not await at_rest(s)
        assert s.runs_started() == 2
        await s.edit({"metadata": {"labels": {"touched": "yes"}}}, SECRET, "password")
        assert not await at_rest(s)
        assert s.runs_started() == 2


async def test_a_server_that_adds_defaults_to_what_we_write_starts_nothing() -> None:
    """An admission webhook puts a field into every pod template, at every write, the primary's too."""
    async with stage() as s:

        def admitted(manifest: dict[str, Any]) -> None:
            manifest["spec"]["template"]["spec"].setdefault("nodeSelector", {"pool": "a"})

        s.plane.admit(DEPLOYMENTS, admitted)
        await s.create(deployment(), canary())
        await s.start()
        await s.reached("Initialized")
        assert not await at_rest(s)
        await s.release("2.0")
        await s.ended("Succeeded")
        assert not await at_rest(s)
        assert (s.runs_started(), s.tag(PRIMARY)) == (1, "2.0")


async def test_a_webhook_that_injects_a_sidecar_into_the_primary_only_starts_nothing() -> None:
    async with stage() as s:

        def admitted(manifest: dict[str, Any]) -> None:
            containers = manifest["spec"]["template"]["spec"]["containers"]
            if manifest["metadata"]["name"] == PRIMARY and len(containers) == 1:
                containers.append({"name": "sidecar", "image": "registry.example/sidecar:1"})

        s.plane.admit(DEPLOYMENTS, admitted)
        await s.create(deployment(), canary())
        await s.start()
        await s.reached("Initialized")
        assert not await at_rest(s)
        await s.release("2.0")
        await s.ended("Succeeded")
        assert not await at_rest(s)
        assert s.runs_started() == 1


async def test_a_router_that_normalises_weights_is_no_second_writer() -> None:
    """flagger#1732, #1692: what comes back is never what was written, and the release never ends."""
    async with stage() as s:

        def admitted(manifest: dict[str, Any]) -> None:
            for rule in manifest["spec"].get("rules") or ():
                for backend in rule.get("backendRefs") or ():
                    backend.setdefault("filters", [])
                rule.setdefault("name", "rule")

        s.plane.admit(ROUTES, admitted)
        await s.create(deployment(), canary(analysis={"stepWeight": 50, "maxWeight": 50}))
        await s.start()
        await s.reached("Initialized")
        await s.release("2.0")
        await s.ended("Succeeded")
        assert not await at_rest(s)
        assert not s.condition("FieldConflict")
        written = [weight_of(each.event.entry.manifest) for each in s.by_operator(f"{ROUTES}/{APP}")]
        assert written == [0, 50, 0]


@pytest.mark.parametrize("phase", ["Initialized", "Failed", "Succeeded"])
async def test_a_revision_that_comes_while_the_primary_is_not_ready_is_not_swallowed(phase: str) -> None:
    """Flagger notes the hash before it decides to act, and the next tick sees no change."""
    async with running(readings={"1.1": 50.0}, tolerated=None) as s:
        if phase != "Initialized":
            await s.release("1.1" if phase == "Failed" else "1.2")
            await s.ended(phase)
        s.workloads.kill(PRIMARY, seconds=90)
        await s.passes(1)
        await s.release("2.0")
        await s.passes(60)
        await s.until(lambda: s.workloads.ready(PRIMARY) == 2)
        await s.until(lambda: s.tag(PRIMARY) == "2.0")
        await s.ended("Succeeded")


@pytest.mark.parametrize("luck", [Luck.BROKEN, Luck.CONFLICT, Luck.LOST, Luck.CRASH])
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_revision_that_comes_while_the_api_answers_badly_is_not_swallowed(luck: Luck, number: int) -> None:
    async with running() as s:
        s.unlucky(luck, number)
        await s.release("2.0")
        await s.ended("Succeeded")
        assert (s.tag(PRIMARY), s.runs_started()) == ("2.0", 1)


async def test_two_revisions_that_take_turns_are_stopped() -> None:
    """Two tools that each apply their own image, for ever."""
    async with running(analysis={"stepWeight": 20, "maxWeight": 80, "interval": "30s"}) as s:
        for number in range(40):
            await s.release("2.0" if number % 2 else "3.0")
            await s.passes(25)
            if s.condition("Ready").get("reason") == "RestartLoop":
                break
        ready = s.condition("Ready")
        assert ready["reason"] == "RestartLoop"
        assert s.condition("Stalled")["status"] == "True"
        assert ">" in ready["message"], "the two revisions are shown"
        assert len([each for each in s.outside.alerts if "back and forth" in str(each)]) == 1
        runs = s.runs_started()
        for number in range(6):
            await s.release("2.0" if number % 2 else "3.0")
            await s.passes(25)
        assert s.runs_started() <= runs + 1
        await s.until(lambda: s.weight_in_force == 0)
        await s.command("retry by=alice")
        await s.until(lambda: s.runs_started() > runs)


async def test_a_change_that_is_taken_back_at_once_costs_nothing() -> None:
    async with running() as s:
        await s.passes(60)
        await s.stop()
        await s.release("2.0")
        await s.release("1.0")
        await s.start()
        written = await s.quiet(300)
        assert (s.runs_started(), s.phase) == (0, "Initialized")
        assert len(written) <= 1


async def test_an_autoscaler_that_writes_the_target_starts_nothing() -> None:
    """flagger#634."""
    async with running() as s:
        for number in (3, 1, 5, 0):
            await s.scale(APP, number)
            await s.passes(20)
        assert s.runs_started() == 0


async def test_a_rollout_restart_is_a_revision_once() -> None:
    async with running() as s:
        note = {"kubectl.kubernetes.io/restartedAt": "2030-01-01T00:00:00Z"}
        body = {"spec": {"template": {"metadata": {"annotations": note}}}}
        await s.person.patch(DEPLOYMENT, NAMESPACE, APP, body, content="merge")
        await s.ended("Succeeded")
        await s.passes(300)
        assert s.runs_started() == 1


@pytest.mark.parametrize("provider", ["gatewayapi:v1", "kubernetes"])
@pytest.mark.parametrize("second", range(0, 40, 5))
def test_simulated_with_revisions_at_awkward_moments(provider: str, second: int) -> None:
    """The witness looks whether a revision was swallowed whenever all rests: `Swallowed`; and `Unasked`."""
    scenario = Scenario(name="T15", provider=provider, script=(Deed(do="release", value="1.1", when="Initialized"),))
    faults = Faults(
        fail=(2, 3),
        deeds=(
            Deed(do="lose primary", value=15, second=second),
            Deed(do="release", value="1.5", second=second + 1),
            Deed(do="reserve", value="x", second=second + 2),
        ),
    )
    run = Case(scenario, faults).run().to_the_end()
    assert run.phase == "Succeeded"
