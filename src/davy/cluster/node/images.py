"""Images: which program a container's image stands for on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

DEMO_APP = "davy.dev/demo-app"
PROGRAMS: Mapping[str, Sequence[str]] = {DEMO_APP: (sys.executable, "-m", "davy.demo_app")}


class Image(NamedTuple):
    """A repository and a tag: davy.dev/demo-app:2.0."""

    repository: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> Image:
        bare = text.partition("@")[0]
        repository, colon, tag = bare.rpartition(":")
        return cls(repository, tag) if colon and "/" not in tag else cls(bare, "latest")


class UnknownImageError(Exception):
    """An image that is no program here, in a container without a command."""


def program(container: Mapping[str, Any]) -> tuple[str, ...]:
    """What to execute for a container, without its args. Raises UnknownImageError, in words for people."""
    if command := container.get("command"):
        return tuple(command)
    image = Image.parse(container.get("image", ""))
    try:
        return tuple(PROGRAMS[image.repository])
    except KeyError:
        raise UnknownImageError(
            f'image "{container.get("image", "")}" cannot be pulled: this cluster runs pods as processes of this'
            f" machine; give the container a command, or use {DEMO_APP}:TAG"
        ) from None


def variables(container: Mapping[str, Any]) -> dict[str, str]:
    """What an image sets in the environment: the demo app's version is its tag."""
    image = Image.parse(container.get("image", ""))
    return {"APP_VERSION": image.tag} if image.repository == DEMO_APP else {}
