"""Another writer who does not give up: he is put back, named from managedFields, and answered ever slower."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.conformance.parts.left import SETTINGS, recorded
from tests.conformance.parts.stage import PATIENCE, SERVICE, Scene, Stage
from tests.conformance.parts.witness import Manifest

from davy.kube.client import Client
from davy.kube.kinds import Kind

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute")
RIVAL = "argocd-controller"
Write = Callable[[Client, Manifest], Awaitable[Any]]


async def applied(client: Client, manifest: Manifest) -> None:
    """Server-side apply with force, as GitOps tools do."""
    await client.apply(manifest)


async def merged(client: Client, manifest: Manifest) -> None:
    """A merge patch, as scripts do."""
    metadata = manifest["metadata"]
    kind = Kind.of(manifest)
    await client.patch(kind, metadata["namespace"], metadata["name"], {"spec": manifest["spec"]}, content="merge")


@dataclass(frozen=True)
class Field:
    """Something that Davy wants otherwise."""

    kind: Kind
    spec: Manifest
    path: str

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.path}"


def backends(weight: int) -> list[Manifest]:
    weights = {"app-primary": 100 - weight, "app-canary": weight}
    return [{"kind": "Service", "name": name, "port": 80, "weight": each} for name, each in weights.items()]


FIELDS = (
    Field(SERVICE, {"selector": {"app": "app"}}, "spec.selector"),
    Field(HTTP_ROUTE, {"rules": [{"backendRefs": backends(50)}]}, "spec.rules"),
)


@pytest.mark.parametrize("write", [applied, merged], ids=lambda write: write.__name__)
@pytest.mark.parametrize("field", FIELDS, ids=str)
async def test_a_writer_who_does_not_give_up_is_named_and_answered_ever_slower(
    field: Field, write: Write, stage: Stage
) -> None:
    async with stage.scene("quarrel") as scene:
        for each in recorded("gwv1-promote").trace.sources:
            await scene.create(each)
        async with scene.operator(**SETTINGS["main"]), Client(stage.config, manager=RIVAL) as rival:
            await scene.reached("Initialized")
            await scene.settled()
            right = await wanted(scene, field)
            for _ in range(3):
                await write(rival, manifest(scene, field))
                await put_back(scene, field, right)
            conflict = await scene.seen.until(
                lambda: condition(scene.seen.status()), within=PATIENCE, why=lambda: str(scene.seen.status())
            )
            await write(rival, manifest(scene, field))
            began = asyncio.get_running_loop().time()
            await put_back(scene, field, right)
            assert asyncio.get_running_loop().time() - began >= 0.9
    assert RIVAL in conflict["message"]
    assert field.path in conflict["message"]


def manifest(scene: Scene, field: Field) -> Manifest:
    metadata = {"name": "app", "namespace": scene.namespace}
    return {"apiVersion": field.kind.api_version, "kind": field.kind.kind, "metadata": metadata, "spec": field.spec}


async def wanted(scene: Scene, field: Field) -> Manifest:
    spec: Manifest = (await scene.get(field.kind, "app"))["spec"]
    return {key: spec[key] for key in field.spec}


async def put_back(scene: Scene, field: Field, right: Manifest) -> None:
    async with asyncio.timeout(PATIENCE):
        while await wanted(scene, field) != right:
            await asyncio.sleep(0.05)


def condition(status: Manifest) -> Manifest | None:
    return next((each for each in status["conditions"] if each["type"] == "FieldConflict"), None)
