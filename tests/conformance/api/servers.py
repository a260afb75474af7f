"""The servers that a behaviour is played against, each with the suite's own kinds made."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from tests.conformance.api.play import Server
from tests.conformance.api.wire import PATIENCE, Wire
from tests.conformance.parts.control_plane import COLLECTORS, WORKLOADS, ControlPlane
from tests.conformance.parts.embedded import Embedded

CRDS = Path(__file__).with_name("crds.yaml")
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@contextmanager
def real(controllers: Sequence[str] = COLLECTORS) -> Iterator[Server]:
    """etcd and kube-apiserver. Raises MissingPartError."""
    with ControlPlane() as plane:
        asyncio.run(_make_kinds(plane))
        plane.run_controllers(controllers)
        yield plane


@contextmanager
def embedded(controllers: Sequence[str] = COLLECTORS) -> Iterator[Server]:
    """davy.cluster's own server, in a process of its own. Raises MissingPartError."""
    with Embedded(controllers) as cluster:
        asyncio.run(_make_kinds(cluster))
        yield cluster


SERVERS = {"real": real, "embedded": embedded}
# Which controllers are at work while the chapters of a folder are played.
FOLDERS = {"behaviours": COLLECTORS, "kubectl": (*COLLECTORS, *WORKLOADS)}


async def _make_kinds(server: Server) -> None:
    async with Wire(server.kubeconfig) as wire:
        for definition in yaml.safe_load_all(CRDS.read_text()):
            made = await wire.ask("POST", DEFINITIONS, definition)
            assert made.code == 201, made.body
            await _until_served(wire, definition)


async def _until_served(wire: Wire, definition: dict[str, object]) -> None:
    """Established is not enough: the handler and discovery follow a moment later."""
    spec = definition["spec"]
    assert isinstance(spec, dict)
    version, plural = spec["versions"][0]["name"], spec["names"]["plural"]
    async with asyncio.timeout(PATIENCE):
        while (await wire.ask("GET", f"/apis/{spec['group']}/{version}/{plural}")).code != 200:
            await asyncio.sleep(0.05)
