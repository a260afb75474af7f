"""How a run ended, without the times: two runs that should end alike are compared by this."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from davy.core.names import FLAGGER_ID
from davy.sim.deeds import NOTE
from davy.sim.run import Run

TIMES = frozenset(
    {
        "resourceVersion",
        "generation",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "lastTransitionTime",
        "lastUpdateTime",
        "lastStepAt",
        "nextStepAt",
        "runStartedAt",
        "runEndedAt",
        "routedAt",
        "readyBy",
        "pausedAt",
        "since",
        "sessionAffinityCookie",
        "primarySessionAffinityCookie",
        "previousSessionAffinityCookie",
        "managedFields",
        "time",
        "targetFence",
        "observedGeneration",
        FLAGGER_ID,
        NOTE,
    }
)
"""Fields that differ from run to run without meaning anything, or that follow from the start of the run."""


class Diverged(AssertionError):  # noqa: N818 - a property
    """A run with bad luck ended otherwise than one without."""


def ending(run: Run) -> dict[str, Any]:
    """Everything that is left at the end."""
    return {str(ref): timeless(manifest) for ref, manifest in sorted(run.world.objects.items())}


def timeless(value: Any) -> Any:
    match value:
        case dict():
            return {key: found for key, inner in value.items() if key not in TIMES and (found := timeless(inner)) != {}}
        case list():
            return [timeless(inner) for inner in value]
        case _:
            return value


def same(run: Run, uncut: Run) -> None:
    """Raises `Diverged` with the fields that differ."""
    found = list(differences(ending(uncut), ending(run), ""))
    if found:
        raise Diverged("; ".join(found[:6]))


def differences(wanted: Any, got: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted(wanted.keys() | got.keys()):
            yield from differences(wanted.get(key), got.get(key), f"{path}/{key}")
    elif wanted != got:
        yield f"{path}: {got!r} and not {wanted!r}"
