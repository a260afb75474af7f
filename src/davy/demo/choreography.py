"""The run as a sentence: apply, wait until all is initialised, load, release good and bad, see what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Protocol

import msgspec

from davy.api.ref import Manifest
from davy.api.status import Phase
from davy.demo import manifests
from davy.demo.load.target import Target
from davy.demo.manifests import APPS, BAD, CART, FIRST, GOOD, SHOP, App, Release
from davy.demo.runs import Recorder, Run
from davy.demo.scene import Scene

Act = tuple[App, Release]

ACTS: tuple[Act, ...] = ((SHOP, GOOD), (SHOP, BAD), (CART, GOOD), (CART, BAD))
LONGEST_START = 60.0  # seconds for both apps to be initialised
LONGEST_RUN = 120.0  # seconds for a release to be promoted or taken back
LONGEST_ANSWER = 10.0  # seconds until the load generator has had an answer from each app


class Stage(Protocol):
    """Where the demo is played: a cluster, an operator and a load generator, or a test's make-believe of them."""

    @property
    def scene(self) -> Scene:
        """What has been seen so far."""

    @property
    def port(self) -> int:
        """Where the Gateway is to listen."""

    async def apply(self, manifest: Manifest) -> None:
        """Server-side apply, as `kubectl apply --server-side`."""

    async def install(self) -> None:
        """Install Davy: the definitions of its kinds, and the operator."""

    async def open_doors(self) -> None:
        """Get ready to send requests."""

    async def release(self, app: App, release: Release) -> None:
        """Change the app's Deployment to another release."""

    async def entrance(self, app: App) -> Target:
        """Where the app's users send their requests, and how many."""

    async def side_door(self, app: App) -> Target:
        """The app's canary Service, which only those who try a release use."""

    def aim(self, target: Target) -> None:
        """From now on, load this target at its rate."""


def soak(promotions: int) -> tuple[Act, ...]:
    """So many good releases, by turns of each app."""
    return tuple((APPS[number % len(APPS)], Release(f"{number + 2}.0")) for number in range(promotions))


def bad_ones(acts: Iterable[Act]) -> frozenset[tuple[str, str]]:
    """Whose errors are to be expected, as (target, version): a blue/green canary never meets the app's users."""
    return frozenset(
        (app.name if app.routed else app.canary_service, release.version) for app, release in acts if not release.good
    )


async def play(stage: Stage, acts: Iterable[Act]) -> tuple[Run, ...]:
    """The whole run. Raises DemoFailed where nothing moves any more."""
    await deployed(stage)
    await watched_over(stage)
    await loaded(stage)
    return tuple([await _then_quiet(released(stage, app, release)) for app, release in acts])


async def _then_quiet(run: Awaitable[Run]) -> Run:
    """What is measured of a release must not be taken for the next one's: its pods have names of the same pattern."""
    ended = await run
    await asyncio.sleep(manifests.WINDOW)
    return ended


async def deployed(stage: Stage) -> None:
    """Two apps as they are before there is an operator."""
    stage.scene.begin("two apps, and a Gateway")
    for manifest in (manifests.namespace(), *(manifests.deployment(app, FIRST) for app in APPS)):
        await stage.apply(manifest)
    await stage.apply(manifests.gateway(stage.port))
    await stage.scene.until(lambda: stage.scene.first_pod or None, LONGEST_START, "the first pod")


async def watched_over(stage: Stage) -> None:
    """The operator comes, and gives every app a primary."""
    scene = stage.scene
    scene.begin("the operator, and a Canary for each app")
    await stage.install()
    for app in APPS:
        await stage.apply(manifests.canary(app))
    await stage.open_doors()

    def seen() -> bool | None:
        phases = [scene.canaries[app.name].status.phase for app in APPS if app.name in scene.canaries]
        return True if phases == [Phase.INITIALIZED] * len(APPS) else None

    await scene.until(seen, LONGEST_START, "both canaries to be Initialized")


async def loaded(stage: Stage) -> None:
    """Requests flow, and every app has answered."""
    scene = stage.scene
    scene.begin("requests begin, and go on until the end")
    scene.loaded = scene.clock()
    for app in APPS:
        stage.aim(await stage.entrance(app))

    def seen() -> bool | None:
        answered = {count.target for count in scene.load.counts if not count.failed}
        return True if answered >= {app.name for app in APPS} else None

    await scene.until(seen, LONGEST_ANSWER, "an answer from each app")


async def released(stage: Stage, app: App, release: Release) -> Run:
    """Write a release, see it to its end."""
    scene = stage.scene
    recorder = Recorder(scene.canaries[app.name].status)
    door = await SideDoor.of(stage, app)
    scene.begin(_chapter(app, release))
    began = scene.clock()
    await stage.release(app, release)

    def seen() -> Run | None:
        recorder.see(scene.canaries[app.name])
        return recorder.run(app, release, round(scene.clock() - began, 1))

    with scene.listening(lambda: recorder.see(scene.canaries[app.name])), scene.listening(door.follow):
        return await scene.until(seen, LONGEST_RUN, f"release {release.version} of {app.name} to come to an end")


class SideDoor:
    """Sends requests to the canary Service of a blue/green release while it is analysed, as its load tester would."""

    def __init__(self, stage: Stage, app: App, target: Target | None) -> None:
        self._stage = stage
        self._app = app
        self._target = target
        self._open = False

    @classmethod
    async def of(cls, stage: Stage, app: App) -> SideDoor:
        """The side door of this app; one whose canary gets users' requests has none."""
        return cls(stage, app, None if app.routed else await stage.side_door(app))

    def follow(self) -> None:
        """Open or close, as the canary's phase and its endpoints have it now."""
        if self._target is None or self._wanted() == self._open:
            return
        self._open = not self._open
        rate = self._target.rate if self._open else 0.0
        self._stage.aim(msgspec.structs.replace(self._target, rate=rate))

    def _wanted(self) -> bool:
        scene = self._stage.scene
        status = scene.canaries[self._app.name].status
        analysed = status.phase is Phase.PROGRESSING and status.iterations > 0
        return analysed and scene.ready_endpoints.get(self._app.canary_service, 0) == manifests.REPLICAS


def _chapter(app: App, release: Release) -> str:
    if release.good:
        return f"release {release.version} of {app.name}: a good one"
    return f"release {release.version} of {app.name}: {100 * release.error_rate:g} % of its answers are errors"
