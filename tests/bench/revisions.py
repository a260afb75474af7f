"""How soon a new revision is seen when a hundred canaries are there: one after another, and many at once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop
from tests.disasters.gateway import Gateway, Traits
from tests.disasters.manifests import NAMESPACE, definitions
from tests.disasters.outside import outside
from tests.disasters.plane import Plane, Written
from tests.disasters.stage import CANARIES, DEPLOYMENT
from tests.disasters.workloads import Workloads

from davy.api.schema import crds
from davy.demo import commands
from davy.demo.company import Company
from davy.demo.ports import free_port
from davy.kube.client import Client
from davy.kube.config import Config

from .apps import App
from .figure import Figure, Goal
from .tap import Asked, as_outsider, seen, tapped

COUNT, AT_ONCE = 100, 50
LONGEST = 120.0
"""Seconds until something awaited counts as never coming."""
SETTLED = 3.0
"""Seconds until the last words of releases are said."""
GOAL = Goal(1.0, 0.99)


class Crowd:
    """Apps, each with a canary that has no analysis, and an operator as a process of its own."""

    def __init__(self, plane: Plane, person: Client, heard: list[Asked]) -> None:
        self.apps = [App(name=f"app-{number}", configs=True, more={"skipAnalysis": True}) for number in range(COUNT)]
        self._plane = plane
        self._person = person
        self._heard = heard
        self._changed = asyncio.Event()
        plane.hear(CANARIES, self._note)

    def _note(self, written: Written) -> None:
        self._changed.set()

    async def create(self, receiver: str) -> None:
        for app in self.apps:
            for manifest in (*app.around(), app.canary(receiver)):
                await self._person.create(manifest)
        await self.all_are("Initialized")

    async def all_are(self, phase: str) -> None:
        """Waits until they are, and have said all that they have to say of it."""
        await self.until(lambda: all(self.phase(app) == phase for app in self.apps))
        await asyncio.sleep(SETTLED)

    def phase(self, app: App) -> str:
        found = self._plane.get(CANARIES, NAMESPACE, app.name) or {}
        return str((found.get("status") or {}).get("phase", ""))

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONGEST):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    async def release(self, apps: Iterable[App], tag: str) -> list[float]:
        """All of them at once: how soon each is seen."""
        before, released = len(self._heard), list(apps)
        patched = [
            self._person.patch(DEPLOYMENT, NAMESPACE, app.name, app.released(tag), content="merge") for app in released
        ]
        await asyncio.gather(*patched)
        begun = ("Progressing", "Promoting", "Finalising")
        await self.until(lambda: all(self.phase(app) in begun for app in released))
        await asyncio.sleep(0)  # the answer is on its way
        return [seen(self._heard[before:], app.name) for app in released]


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as name, tapped() as heard:
        return uvloop.run(_measured(Path(name), heard))


async def _measured(directory: Path, heard: list[Asked]) -> list[Figure]:
    async with crowd(directory, heard) as made:
        single = [await made.release([app], "2.0") for app in made.apps]
        await made.all_are("Succeeded")
        together = []
        for part in (made.apps[:AT_ONCE], made.apps[AT_ONCE:]):
            together.append(await made.release(part, "3.0"))
            await made.all_are("Succeeded")
    return [
        figure("one after another", single, "The releases before it are still being promoted meanwhile."),
        figure(f"{AT_ONCE} at once", together, "One patch on the heels of the other, two times."),
    ]


def figure(words: str, found: list[list[float]], note: str) -> Figure:
    return Figure(
        what=f"new revision seen, {COUNT} canaries, {words}",
        unit="s",
        values=tuple(value for values in found for value in values),
        goal=GOAL,
        note="from the answer to the Deployment's patch to the answer to the status that says Progressing; operator as"
        f" its own process, everything else in another; targets with a ConfigMap and a Secret. {note}",
    )


@asynccontextmanager
async def crowd(directory: Path, heard: list[Asked]) -> AsyncIterator[Crowd]:
    """All at rest after their initialisation."""
    loop = asyncio.get_running_loop()
    begin = datetime.now(UTC) - timedelta(seconds=loop.time())
    async with (
        outside() as beyond,
        Plane(lambda: datetime.now(UTC)) as plane,
        Client(Config(server=plane.url)) as client,
        Company(directory) as company,
    ):
        beyond.reading = lambda query: 100.0
        made = Crowd(plane, client, heard)
        for manifest in (namespace(), *crds(), *definitions()):
            await client.create(manifest)
        company.beside(Workloads(plane, client, begin, nothing).run())
        company.beside(Gateway(plane, client, Traits(), nothing).run())
        kubeconfig = directory / "kubeconfig"
        plane.write_kubeconfig(kubeconfig)
        as_outsider(kubeconfig)
        await company.start(
            "operator",
            commands.operator(kubeconfig=str(kubeconfig), metrics_server=beyond.url, port=free_port()),
        )
        await made.create(beyond.url)
        yield made


def namespace() -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def nothing() -> None:
    """Nobody looks at pods here."""
