"""Secrets that name addresses and keys: read by name each time, so that a rotated one is in force at once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from davy.kube.client import Client
from davy.kube.errors import KubeError
from davy.kube.kinds import Kind

SECRET = Kind("v1", "Secret")


class Unreadable(Exception):  # noqa: N818 - a state of the world
    """The text says which Secret, and why."""


class Secret(msgspec.Struct, frozen=True):
    """What is read of a Secret: its data, decoded from base64."""

    data: dict[str, bytes] = {}


async def credentials(client: Client, namespace: str, name: str) -> Mapping[str, str]:
    """The Secret's data as text. Raises Unreadable."""
    try:
        found = await client.get(SECRET, namespace, name, type=Secret)
    except KubeError as error:
        raise Unreadable(f"Secret {namespace}/{name} cannot be read: {error}") from error
    return {key: value.decode(errors="replace") for key, value in found.data.items()}
