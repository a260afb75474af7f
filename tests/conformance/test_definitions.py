"""The definitions of our own kinds and of the providers' are taken and served by a real and by the embedded server."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conformance.api.play import Server
from tests.conformance.api.servers import DEFINITIONS
from tests.conformance.api.wire import PATIENCE, Wire

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).parents[2]
OURS = ROOT / "deploy" / "crds"
PROVIDERS = Path(os.environ.get("DAVY_CRDS") or ROOT.parent / "shared" / "crds")
CANARIES = [each for each in json.loads((ROOT / "tests/api/canaries.json").read_text()) if each["kind"] == "Canary"]
KIND = "/apis/flagger.app/v1beta1/namespaces/default/canaries"
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def definitions(path: Path) -> Iterator[dict[str, Any]]:
    """The CustomResourceDefinitions of one file."""
    for each in yaml.load_all(path.read_text(), yaml.CSafeLoader):
        if each and each["kind"] == "CustomResourceDefinition":
            yield each


@pytest.mark.parametrize("path", sorted(OURS.glob("*.yaml")), ids=lambda path: path.name)
async def test_our_definitions_are_established(path: Path, server: Server) -> None:
    await made_and_established(path, server)


@pytest.mark.skipif(not PROVIDERS.is_dir(), reason=f"no provider definitions in {PROVIDERS}; set DAVY_CRDS")
@pytest.mark.parametrize(
    "path",
    sorted(path for path in PROVIDERS.glob("*.yaml") if path.name != "flagger.yaml"),
    ids=lambda path: path.name,
)
async def test_provider_definitions_are_established(path: Path, server: Server) -> None:
    await made_and_established(path, server)
    await unmade(path, server)  # two files may hold the same kinds in versions that exclude each other


@pytest.mark.skipif(not PROVIDERS.is_dir(), reason=f"no provider definitions in {PROVIDERS}; set DAVY_CRDS")
async def test_ours_follow_flaggers_and_keep_what_is_stored(workshop: Server) -> None:
    await made_and_established(PROVIDERS / "flagger.yaml", workshop)
    async with Wire(workshop.kubeconfig) as wire:
        stored = [await created(wire, number, each["spec"]) for number, each in enumerate(CANARIES)]
        for path in sorted(OURS.glob("*.yaml")):
            await made_and_established(path, workshop)
        for before in stored:
            name = before["metadata"]["name"]
            now = (await wire.ask("GET", f"{KIND}/{name}")).body
            assert kept(before["spec"], now["spec"]), name
            written = await wire.ask("PUT", f"{KIND}/{name}/status", now | {"status": {"phase": "Progressing"}})
            assert written.code == 200, written.body


async def made_and_established(path: Path, server: Server) -> None:
    """Applies each definition of a file and waits until its names are accepted and it is served."""
    async with Wire(server.kubeconfig) as wire:
        for definition in definitions(path):
            at = f"{DEFINITIONS}/{definition['metadata']['name']}"
            applied = await wire.ask("PATCH", f"{at}?fieldManager=suite&force=true", definition, APPLY)
            assert applied.code in (200, 201), applied.body
            assert {"Established": "True"}.items() <= (await conditions(wire, at)).items()


async def unmade(path: Path, server: Server) -> None:
    """Deletes what a file defines and waits until it is gone."""
    async with Wire(server.kubeconfig) as wire, asyncio.timeout(PATIENCE):
        for definition in definitions(path):
            at = f"{DEFINITIONS}/{definition['metadata']['name']}"
            while (await wire.ask("DELETE", at)).code != 404:
                await asyncio.sleep(0.05)


async def conditions(wire: Wire, at: str) -> dict[str, str]:
    """The conditions of a definition by type, once it is known whether it is established."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status = (await wire.ask("GET", at)).body.get("status") or {}
            found = {each["type"]: each["status"] for each in status.get("conditions") or ()}
            if found.get("Established") == "True" or found.get("NamesAccepted") == "False":
                return found
            await asyncio.sleep(0.05)


async def created(wire: Wire, number: int, spec: dict[str, Any]) -> Any:
    """A stored canary; the kind may be served a moment after it is established."""
    manifest = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": f"stored-{number}"}}
    async with asyncio.timeout(PATIENCE):
        while (answer := await wire.ask("POST", KIND, manifest | {"spec": spec})).code == 404:
            await asyncio.sleep(0.05)
    assert answer.code == 201, answer.body
    return answer.body


def kept(before: Any, now: Any) -> bool:
    """Whether everything in `before` is in `now`, which may hold more (defaults)."""
    match before:
        case dict():
            return isinstance(now, dict) and all(key in now and kept(each, now[key]) for key, each in before.items())
        case list():
            return isinstance(now, list) and len(before) == len(now) and all(map(kept, before, now))
    return bool(before == now)
