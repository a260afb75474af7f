"""What a scenario needs of Davy, and which of it Davy has not."""

from collections.abc import Iterator
from typing import Any

from davy.routers import ROUTERS
from davy.scalers import SCALERS
from davy.targets import TARGETS

MESH_PROVIDER = "-mesh-provider="


def missing_parts(scenario: Any, flags: tuple[str, ...]) -> list[str]:
    """The routers, targets and scalers that a scenario's canaries name and Davy does not know."""
    default = next(flag.removeprefix(MESH_PROVIDER) for flag in flags if flag.startswith(MESH_PROVIDER))
    canaries = [each for each in scenario["objects"] if each["kind"] == "Canary"]
    return sorted({part for each in canaries for part in _missing(each["spec"], default)})


def _missing(spec: Any, default: str) -> Iterator[str]:
    provider = spec.get("provider") or default
    if provider not in ROUTERS:
        yield f"router {provider}"
    if key(spec["targetRef"]) not in TARGETS:
        yield f"target {named(spec['targetRef'])}"
    if "autoscalerRef" in spec and key(spec["autoscalerRef"]) not in SCALERS:
        yield f"scaler {named(spec['autoscalerRef'])}"


def key(ref: Any) -> tuple[str, str]:
    """(API group, kind) of a reference."""
    return ref["apiVersion"].rpartition("/")[0], ref["kind"]


def named(ref: Any) -> str:
    return f"{ref['apiVersion']} {ref['kind']}"
