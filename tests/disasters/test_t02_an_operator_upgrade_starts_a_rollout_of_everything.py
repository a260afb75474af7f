"""T2 (flagger#1673, #1201, #1942): the hash of an unchanged template moves, because the operator or the server did.

Expected: no analysis, no pod restarted, at most one write per canary; what was really changed while the operator was
down is still found. Davy differs from the text in its favour: a build with another scheme recomputes the old one, so
there is nothing to spread over time, for nothing is written at all; only hashes that Flagger wrote cost one write
each. Where the server serves the same template otherwise it is two small writes: the status, and the note at the
primary.

The text's third stimulus, a webhook that re-orders `env`: as long as the server shows the old generation nothing
happens. Where the webhook changes a *write*, the generation moves and Kubernetes itself would make new pods: that is
a revision.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.disasters.manifests import APP, NAMESPACE, PRIMARY, canary, deployment
from tests.disasters.stage import CANARIES, CANARY, Stage, running, stage
from tests.disasters.workloads import DEPLOYMENTS

from davy.core import revisions
from davy.sim.cases import always, initialized
from davy.sim.deeds import CANARY as SIMULATED
from davy.sim.deeds import release
from davy.sim.run import Run
from davy.sim.scenarios import ALL

MANY = 12
"""Canaries on the API server; the simulator takes all five hundred."""


def other_scheme(template: object) -> str:
    return revisions._v1([template, "hashed another way"])


@pytest.fixture
def another_build(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on templates are hashed in a new way; the old one is still known."""

    def upgrade() -> None:
        schemes = {**revisions.SCHEMES, "v2": other_scheme}
        monkeypatch.setattr(revisions, "SCHEMES", schemes)
        monkeypatch.setattr(revisions, "FORM", re.compile(rf"({'|'.join(schemes)}):[0-9a-f]{{32}}"))
        monkeypatch.setattr(revisions.revision, "__defaults__", ("v2",))

    return upgrade


def names() -> list[str]:
    return [f"app{number:02}" for number in range(MANY)]


async def all_settled(s: Stage) -> None:
    """Many apps, each with a canary at rest."""
    for name in names():
        await s.create(deployment(name=name, replicas=1), canary("kubernetes", name=name))
    await s.start()
    for name in names():
        await s.reached("Initialized", name=name)
    await s.passes(30)


def pods_started(s: Stage) -> int:
    return sum(crew.started for crew in s.workloads.crews.values())


async def test_another_hash_scheme_costs_nothing_at_all(another_build: Callable[[], None]) -> None:
    async with stage(apps=()) as s:
        await all_settled(s)
        await s.stop()
        another_build()
        before = pods_started(s)
        await s.start()
        assert not await s.quiet(600)
        assert pods_started(s) == before
        await s.release("1.1", name="app07")
        await s.until(lambda: s.status("app07").get("phase") == "Progressing")
        assert [name for name in names() if s.runs_started(name)] == ["app07"]


async def test_hashes_that_flagger_wrote_cost_one_write_each() -> None:
    async with stage(apps=()) as s:
        await all_settled(s)
        await s.stop()
        for name in names():
            flaggers = {"lastAppliedSpec": "6b5f9d7c84", "lastPromotedSpec": "6b5f9d7c84"}
            await s.person.patch(CANARY, NAMESPACE, name, {"status": flaggers}, content="merge", subresource="status")
        before = pods_started(s)
        await s.start()
        written = await s.quiet(600)
        assert sorted(each.what for each in written) == [f"{CANARIES}/{name}" for name in names()]
        assert pods_started(s) == before
        assert not any(s.runs_started(name) for name in names())


def served_anew(s: Stage, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The server shows the pod specs otherwise from now on; nobody has written them."""
    for name in (APP, PRIMARY):
        live = s.workload(name)
        template = live["spec"]["template"]
        spec = {**live["spec"], "template": {**template, "spec": change(template["spec"])}}
        s.plane.store.put(DEPLOYMENTS, (NAMESPACE, name), {**live, "metadata": dict(live["metadata"]), "spec": spec})


def defaulted(spec: dict[str, Any]) -> dict[str, Any]:
    return {**spec, "resources": {}}


def reordered(spec: dict[str, Any]) -> dict[str, Any]:
    env = [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]
    return {**spec, "containers": [{**spec["containers"][0], "env": env}]}


@pytest.mark.parametrize("change", [defaulted, reordered])
@pytest.mark.parametrize("down", [True, False], ids=["while down", "while at work"])
async def test_a_server_that_serves_the_template_otherwise_starts_nothing(
    change: Callable[[dict[str, Any]], dict[str, Any]], down: bool
) -> None:
    async with running() as s:
        await s.passes(60)
        started = pods_started(s)
        if down:
            await s.stop()
        served_anew(s, change)
        by_the_kubelet = pods_started(s) - started
        if down:
            await s.start()
        written = await s.quiet(600)
        assert {each.what for each in written} == {f"{CANARIES}/{APP}", f"{DEPLOYMENTS}/{PRIMARY}"}
        assert len(written) == 2
        assert (s.phase, s.runs_started()) == ("Initialized", 0)
        assert pods_started(s) == started + by_the_kubelet
        await s.release("1.1")
        await s.reached("Succeeded")


async def test_what_was_really_changed_while_the_operator_was_down_is_found(another_build: Callable[[], None]) -> None:
    async with running() as s:
        await s.stop()
        await s.release("1.1")
        another_build()
        await s.start()
        await s.reached("Succeeded")
        assert s.tag(PRIMARY) == "1.1"


@pytest.mark.parametrize("scenario", ["good, weighted", "good, watched"])
def test_five_hundred_simulated_canaries_stay_as_they_are(scenario: str, another_build: Callable[[], None]) -> None:
    """To every second of them the server serves the template with a new default at the same time."""
    settled = initialized(ALL[scenario])
    another_build()
    for number in range(500):
        run = Run(settled.fork(), SIMULATED, always(100))
        served_anew = number % 2
        if served_anew:
            run.happens("reserve", f"x{number}")
        run.rest()
        assert (len(run.writes), run.phase) == (2 * served_anew, "Initialized")


def test_a_simulated_change_that_comes_with_an_upgrade_is_found(another_build: Callable[[], None]) -> None:
    settled = initialized(ALL["good, weighted"]).fork()
    release(settled, "1.1")
    another_build()
    run = Run(settled, SIMULATED, always(100)).to_the_end()
    assert (run.phase, run.status["lastAppliedSpec"][:3]) == ("Succeeded", "v2:")
