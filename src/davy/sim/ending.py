"""How a run ended, without the times: two runs that should end alike are compared by this."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from davy.core.names import FLAGGER_ID
from davy.sim.deeds import NOTE
from davy.sim.run import Run

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z| after \d+ s \(progressDeadlineSeconds\)")
"""A moment in a sentence; and whose deadline was over, ours or the cluster's, which are of the same length."""
COOKIES = ("sessionAffinityCookie", "primarySessionAffinityCookie", "previousSessionAffinityCookie")

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
        *COOKIES,
        "managedFields",
        "time",
        "analysis",
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
    secrets = letters(run)
    return {str(ref): timeless(manifest, secrets) for ref, manifest in sorted(run.world.objects.items())}


def letters(run: Run) -> tuple[str, ...]:
    """What is in the session cookies: it follows from the start of the run."""
    cookies = (str(run.status.get(field, "")) for field in COOKIES)
    return tuple(value for cookie in cookies if (value := cookie.partition("=")[2]))


def timeless(value: Any, secrets: tuple[str, ...]) -> Any:
    match value:
        case dict():
            kept = ((key, timeless(inner, secrets)) for key, inner in value.items() if key not in TIMES)
            return {key: found for key, found in kept if found != {}}
        case list():
            return [timeless(inner, secrets) for inner in value]
        case str():
            for secret in secrets:
                value = value.replace(secret, "…")
            return MOMENT.sub("…", value)
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
