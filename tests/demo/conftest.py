"""A stage of make-believe: an operator's statuses, written as a script, instead of a cluster."""

import asyncio
import os
from collections.abc import Callable, Iterator
from io import StringIO
from itertools import count
from pathlib import Path

import msgspec
import pytest
from rich.console import Console, RenderableType

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.api.status import CanaryStatus, Measured, Phase
from davy.demo.load.tally import Count, Progress, Rate
from davy.demo.load.target import Target
from davy.demo.manifests import APPS, REPLICAS, App, Release
from davy.demo.scene import Scene
from davy.demo.view import AppView, Check, Event, Side, View

STEP = 2.0  # seconds between two statuses
Script = Callable[[App, Release], Iterator[CanaryStatus]]


def measured(value: float | None, verdict: str, time: str, metric: str = "request-success-rate") -> Measured:
    """One measurement as the operator writes it."""
    return Measured(metric=metric, value=value, min=99.0, verdict=verdict, time=time)


def as_it_should(app: App, release: Release) -> Iterator[CanaryStatus]:
    """What the operator writes of a release that goes as it should."""
    run = CanaryStatus(phase=Phase.PROGRESSING, last_applied_spec=f"hash-{release.version}")
    yield run
    value, verdict = (100.0, "pass") if release.good else (100 * (1 - release.error_rate), "fail")
    analysis: tuple[Measured, ...] = ()
    for step in range(1, 6 if release.good else 3):
        analysis += (measured(value, verdict, f"2026-01-01T00:00:{step:02}.000Z"),)
        weight = 0 if not app.routed else 10 * step if release.good else 10
        run = msgspec.structs.replace(run, canary_weight=weight, iterations=step, analysis=analysis)
        yield run
    if release.good:
        yield msgspec.structs.replace(run, phase=Phase.PROMOTING)
        yield msgspec.structs.replace(run, phase=Phase.SUCCEEDED, canary_weight=0)
    else:
        yield msgspec.structs.replace(run, phase=Phase.FAILED, canary_weight=0)
        yield msgspec.structs.replace(run, phase=Phase.FAILED, canary_weight=0, run_ended_at="2026-01-01T00:01:00.000Z")


class MakeBelieve:
    """A Stage that plays a script."""

    port = 8080

    def __init__(self, scene: Scene, script: Script) -> None:
        self.scene = scene
        self.script = script
        self.applied: list[Manifest] = []
        self.aimed: list[Target] = []
        self.installed_after = 0
        self._plays: set[asyncio.Task[None]] = set()
        self._seconds = count(1)

    async def apply(self, manifest: Manifest) -> None:
        self.applied.append(manifest)
        self.scene.first_pod = 1.0
        if manifest["kind"] == "Canary":
            canary = msgspec.convert(manifest, Canary)
            initialized = CanaryStatus(phase=Phase.INITIALIZED, last_applied_spec="hash-1.0")
            self.scene.take_canary(msgspec.structs.replace(canary, status=initialized))

    async def install(self) -> None:
        self.installed_after = len(self.applied)

    async def open_doors(self) -> None:
        assert not self.aimed

    async def release(self, app: App, release: Release) -> None:
        task = asyncio.ensure_future(self._play(app, release))
        self._plays.add(task)
        task.add_done_callback(self._plays.discard)

    async def _play(self, app: App, release: Release) -> None:
        self.scene.take_endpoints(app.canary_service, REPLICAS)
        for status in self.script(app, release):
            await asyncio.sleep(STEP)
            canary = self.scene.canaries[app.name]
            self.scene.take_canary(msgspec.structs.replace(canary, status=status))

    async def entrance(self, app: App) -> Target:
        return Target(app.name, "127.0.0.1", self.port, app.host, 100)

    async def side_door(self, app: App) -> Target:
        return Target(app.canary_service, "127.0.0.2", self.port, app.canary_service, 50)

    def aim(self, target: Target) -> None:
        self.aimed.append(target)
        answers = tuple(Count(app.name, "1.0", 200, "", 10) for app in APPS)
        self.scene.take_load(Progress(float(next(self._seconds)), answers))


@pytest.fixture
def scene() -> Scene:
    """An empty scene on the loop's (virtual) clock."""
    return Scene(lambda: asyncio.get_running_loop().time())


@pytest.fixture
def stage(scene: Scene) -> MakeBelieve:
    """A stage on which all goes as it should."""
    return MakeBelieve(scene, as_it_should)


@pytest.fixture
def view() -> View:
    """A bad release, found out, beside an app that is at rest."""
    return View(
        elapsed=31.24,
        chapter="release 3.0 of shop: 20 % of its answers are errors",
        apps=(
            AppView(
                name="shop",
                provider="gatewayapi:v1",
                phase=Phase.PROGRESSING,
                weight=10,
                failed_checks=1,
                primary=Side("2.0", 2, 2),
                canary=Side("3.0", 2, 2),
                checks=(
                    Check("request-success-rate", 80.243, "fail", min=99.0, time="2026-01-01T00:00:31.000Z"),
                    Check("request-duration", 4.9, "pass", max=500.0, time="2026-01-01T00:00:31.000Z"),
                ),
                judged="2026-01-01T00:00:31.000Z",
            ),
            AppView(
                name="cart",
                provider="kubernetes",
                phase=Phase.INITIALIZED,
                step="0 of 4",
                primary=Side("1.0", 2, 2),
                canary=Side("1.0", 0, 0),
            ),
        ),
        rates=(Rate("cart", "1.0", 80.0), Rate("shop", "2.0", 216.1), Rate("shop", "3.0", 23.9)),
        requests=12_345,
        events=(
            Event(28.5, "shop", False, "New revision detected! Scaling up shop.demo"),
            Event(31.2, "shop", True, "Halt shop.demo advancement success rate 80.24% < 99%"),
        ),
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, RenderableType], None]:
    """Compare what is drawn with a file of tests/demo/golden; UPDATE_GOLDEN=1 writes it anew."""

    def compare(name: str, drawn: RenderableType) -> None:
        console = Console(file=StringIO(), width=118, record=True)
        console.print(drawn)
        text = "".join(f"{line.rstrip()}\n" for line in console.export_text().splitlines())
        path = Path(__file__).parent / "golden" / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8")

    return compare
