"""The embedded cluster with a real Envoy and process pods, the operator as a process, and constant load on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from davy.api.ref import Manifest
from davy.api.schema import crds
from davy.cluster.cluster import Cluster
from davy.demo import commands, manifests
from davy.demo.company import Company, Process
from davy.demo.load.tally import Progress, failed_otherwise
from davy.demo.load.target import Target
from davy.demo.manifests import CART, NAMESPACE, PORT, SHOP, App, Release
from davy.demo.ports import free_port
from davy.kube.client import Client
from davy.kube.config import load_config
from davy.kube.errors import NotFound
from davy.kube.kinds import Kind

CANARY = Kind("flagger.app/v1beta1", "Canary")
DEPLOYMENT = Kind("apps/v1", "Deployment")
SERVICE = Kind("v1", "Service")
RATE = 150.0
"""Requests per second."""
PATIENCE = 90.0
"""Seconds until something awaited counts as never coming."""
APPS = {"gatewayapi:v1": SHOP, "kubernetes": CART}


class Ground:
    """One cluster, and what people do in it."""

    def __init__(self, cluster: Cluster, person: Client, company: Company) -> None:
        self.cluster = cluster
        self.person = person
        self.load = Progress()
        self._company = company
        self._operator: Process | None = None
        self._generator: Process | None = None
        self._starts = 0

    # -- what there is

    async def status(self, app: App) -> dict[str, Any]:
        found = await self.person.get(CANARY, NAMESPACE, app.name)
        status: dict[str, Any] = found.get("status") or {}
        return status

    async def until(self, look: Callable[[], Any], what: str, within: float = PATIENCE) -> None:
        """Waits until the coroutine that `look` makes gives something true. Raises AssertionError."""
        try:
            async with asyncio.timeout(within):
                while not await look():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"waited {within:g} s in vain for {what}") from None

    async def reached(self, app: App, phase: str) -> None:
        async def there() -> bool:
            status = await self.status(app)
            ended = phase not in ("Succeeded", "Failed") or bool(status.get("runEndedAt"))
            return status.get("phase") == phase and ended

        await self.until(there, f"{app.name} to be {phase}")

    async def serving(self, app: App) -> None:
        """Waits until all pods of the target serve."""

        async def there() -> bool:
            found = await self.person.get(DEPLOYMENT, NAMESPACE, app.name)
            return bool((found.get("status") or {}).get("availableReplicas") == found["spec"]["replicas"])

        await self.until(there, f"the pods of {app.name}")

    async def stepped(self, app: App, number: int) -> None:
        """Waits for a weight, or for an iteration where there are none."""
        field = "canaryWeight" if app.routed else "iterations"

        async def there() -> bool:
            return bool((await self.status(app)).get(field, 0) >= number)

        await self.until(there, f"{field} {number} of {app.name}")

    async def gone(self, kind: Kind, name: str) -> None:
        async def away() -> bool:
            with suppress(NotFound):
                await self.person.get(kind, NAMESPACE, name)
                return False
            return True

        await self.until(away, f"{kind.kind} {name} to go")

    # -- what people do

    async def apply(self, *wanted: Manifest) -> None:
        for manifest in wanted:
            await self.person.apply(manifest)

    async def release(self, app: App, release: Release, start: float = 0.0) -> None:
        """Another version; its pods begin to serve after so many seconds."""
        body = manifests.released(release)
        body["spec"]["template"]["spec"]["containers"][0]["env"].append(
            {"name": "APP_START_DELAY_S", "value": f"{start:g}"}
        )
        await self.person.patch(DEPLOYMENT, NAMESPACE, app.name, body, content="strategic")

    async def command(self, app: App, text: str) -> None:
        body = {"metadata": {"annotations": {"davy.dev/command": text}}}
        await self.person.patch(CANARY, NAMESPACE, app.name, body, content="merge")

    # -- the operator

    async def start(self) -> None:
        self._starts += 1
        name = f"operator {self._starts}"
        command = commands.operator(
            kubeconfig=str(self.cluster.kubeconfig), metrics_server=self.cluster.prometheus_url, port=free_port()
        )
        self._operator = await self._company.start(name, command)
        self._company.excuse(name)

    async def kill(self) -> None:
        """It dies at once, wherever it is."""
        assert self._operator is not None
        self._operator.kill()
        await self._operator.wait()

    # -- the load

    async def loaded(self, *targets: Target) -> None:
        """Constant load from now on; returns when each has been answered."""
        self._generator = await self._company.start("load", commands.load(0.0), piped=True)
        self._company.beside(self._listen(self._generator))
        assert self._generator.stdin is not None
        for target in targets:
            self._generator.stdin.write(msgspec.json.encode(target) + b"\n")

        async def answered() -> bool:
            return {each.target for each in self.load.counts if not each.failed} >= {each.name for each in targets}

        await self.until(answered, "an answer from each")

    async def _listen(self, load: Process) -> None:
        assert load.stdout is not None
        async for line in load.stdout:
            self.load = msgspec.json.decode(line, type=Progress)

    def entrance(self, app: App) -> Target:
        """Through the Gateway."""
        return Target(app.name, "127.0.0.1", self.cluster.gateway_port, app.host, RATE)

    async def apex(self, app: App) -> Target:
        """The app's Service."""
        service = await self.person.get(SERVICE, NAMESPACE, app.name)
        return Target(f"{app.name} apex", service["spec"]["clusterIP"], PORT, f"{app.name}.{NAMESPACE}", RATE)

    async def served(self, seconds: float, bad: frozenset[tuple[str, str]] = frozenset()) -> None:
        """So many seconds more; then no request has failed, but for those that a bad version answered itself."""
        await asyncio.sleep(seconds)
        assert self._generator is not None
        assert self._generator.stdin is not None
        self._generator.stdin.close()

        async def ended() -> bool:
            return self.load.ended

        await self.until(ended, "the load's last count")
        failed = failed_otherwise(self.load.counts, bad)
        assert not failed, f"{failed} of {self.load.requests} requests failed: {self.load.trouble[:5]}"
        assert self.load.requests > RATE


@asynccontextmanager
async def ground(directory: Path) -> AsyncIterator[Ground]:
    """The cluster with its namespace, its Gateway and our definitions; no app and no operator yet."""
    async with (
        Cluster(directory / "cluster", gateway_port=free_port()) as cluster,
        Client(load_config(str(cluster.kubeconfig)), manager="kubectl") as person,
        Company(directory) as company,
    ):
        made = Ground(cluster, person, company)
        await made.apply(manifests.namespace(), manifests.gateway(cluster.gateway_port))
        for definition in crds():
            await person.create(definition)
        yield made


def service(app: App) -> Manifest:
    """A Service of the user's own."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": app.name, "namespace": NAMESPACE},
        "spec": {
            "selector": {"app": app.name},
            "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def canary(app: App) -> Manifest:
    """As the demo's. Where nobody calls the canary during the analysis there is nothing to measure."""
    made = manifests.canary(app)
    if not app.routed:
        made["spec"]["analysis"] = {**made["spec"]["analysis"], "metrics": []}
    return made
