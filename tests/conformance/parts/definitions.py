"""Makes kinds known to a real API server: our own definitions, and those of the providers that routers write to."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from tests.conformance.parts.build import MissingPartError

from davy.api.schema import crds
from davy.kube.client import Client
from davy.kube.kinds import Kind

ROOT = Path(__file__).parents[3]
PROVIDERS = Path(os.environ.get("DAVY_CRDS") or ROOT.parent / "shared" / "crds")
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
PATIENCE = 30.0
"""Seconds until a definition that is not established counts as one that never will be."""

Manifest = dict[str, Any]


def in_file(path: Path) -> Iterator[Manifest]:
    """The definitions in one of the providers' files. Raises MissingPartError if it is not there."""
    if not path.is_file():
        raise MissingPartError(f"{path.name}: no such definitions in {path.parent}; set DAVY_CRDS", obtainable=False)
    for each in yaml.load_all(path.read_text(), yaml.CSafeLoader):
        if each and each["kind"] == CRD.kind:
            yield each


def providing(kinds: Iterable[Kind]) -> Iterator[Manifest]:
    """The providers' definitions of these kinds. Raises MissingPartError if there is no folder of them."""
    wanted = {(kind.group, kind.kind) for kind in kinds}
    if not PROVIDERS.is_dir():
        raise MissingPartError(f"no provider definitions in {PROVIDERS}; set DAVY_CRDS", obtainable=False)
    for path in sorted(PROVIDERS.glob("*.yaml")):
        # Reading every definition there is takes seconds; nearly all are of kinds that nobody asked for.
        if any(group in path.read_text() for group, _ in wanted):
            yield from (each for each in in_file(path) if _of(each) in wanted)


def flaggers() -> Manifest:
    """Flagger's own definition of the Canary."""
    return next(each for each in in_file(PROVIDERS / "flagger.yaml") if each["spec"]["names"]["kind"] == "Canary")


def ours() -> Manifest:
    """Our definition of the Canary."""
    return next(each for each in crds() if each["spec"]["names"]["kind"] == "Canary")


async def define(client: Client, definitions: Iterable[Manifest]) -> None:
    """Makes them, or puts them in the place of what is there, and returns when their kinds are served."""
    made = [await _put(client, each) for each in definitions]
    async with asyncio.timeout(PATIENCE):
        for each in made:
            await _until_served(client, each)


async def _put(client: Client, definition: Manifest) -> Manifest:
    name = definition["metadata"]["name"]
    for live in (await client.list(CRD, fields=f"metadata.name={name}")).items:
        version = live["metadata"]["resourceVersion"]
        metadata = {**definition["metadata"], "resourceVersion": version}
        return await client.replace({**definition, "metadata": metadata})
    return await client.create(definition)


async def _until_served(client: Client, definition: Manifest) -> None:
    spec = definition["spec"]
    for version in spec["versions"]:
        kind = Kind(f"{spec['group']}/{version['name']}", spec["names"]["kind"])
        while version.get("served", True) and not await client.serves(kind):
            await asyncio.sleep(0.05)


def _of(definition: Manifest) -> tuple[str, str]:
    return definition["spec"]["group"], definition["spec"]["names"]["kind"]
