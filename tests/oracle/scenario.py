"""Scenarios, as the traces hold them, and the settings of the operator that each group of them is played with."""

import fnmatch
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.oracle.kinds import Json


class Group(NamedTuple):
    """Settings of the operator, and the file of CRDs that the API server must not have."""

    flags: tuple[str, ...]
    without: str
    appmesh: str
    """The version of App Mesh's CRDs."""


GROUPS: Mapping[str, Group] = {
    "main": Group(
        flags=("-mesh-provider=kubernetes", "-include-label-prefix=app.kubernetes.io"),
        without="appmesh-v1beta1.yaml",
        appmesh="v1beta2",
    ),
    "alt": Group(
        flags=(
            "-mesh-provider=istio",
            "-include-label-prefix=*",
            "-ingress-class=public",
            "-ingress-annotations-prefix=custom.ingress.io",
            "-slack-url=${HOOKS}/global-slack",
            "-slack-channel=ops",
            "-event-webhook=${HOOKS}/global-event",
            "-cluster-name=c1",
            "-enable-config-tracking=false",
        ),
        without="appmesh.yaml",
        appmesh="v1beta1",
    ),
}


def traces(folder: Path) -> dict[str, Json]:
    """The traces of a folder by the names of their scenarios."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def chosen(scenarios: Iterable[Json], patterns: Iterable[str]) -> list[Json]:
    """The scenarios whose name matches one of the patterns; all if there are none."""
    wanted = tuple(patterns) or ("*",)
    return [each for each in scenarios if any(fnmatch.fnmatch(each["name"], pattern) for pattern in wanted)]


def filled(value: Json, places: Mapping[str, str]) -> Json:
    """A deep copy of the value, with `${NAME}` replaced."""
    text = json.dumps(value)
    for name, place in places.items():
        text = text.replace(f"${{{name}}}", place)
    return json.loads(text)


def places(base: str, namespace: str) -> dict[str, str]:
    """What the placeholders of a scenario stand for, with the stand-in servers at `base`."""
    return {"NS": namespace, "METRICS": f"{base}/prom/{namespace}", "HOOKS": f"{base}/hook/{namespace}"}
