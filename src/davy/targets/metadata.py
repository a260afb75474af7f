"""Labels and annotations of what is made from a target: which it gets, which it keeps, and what it notes itself."""

from collections.abc import Mapping, Sequence

from davy.api.ref import Manifest
from davy.core import names
from davy.targets.base import Making

EVERYTHING = "*"

SERVERS_OWN = frozenset({"deprecated.daemonset.template.generation"})
"""Annotations by which the API server counts the changes of one object."""


def labels(present: Mapping[str, str] | None, target: Manifest, making: Making) -> dict[str, str]:
    """The primary's labels: what is there and not the target's, the target's chosen ones, and its identity."""
    chosen = merged(present, target["metadata"].get("labels"), making.prefixes)
    return {**chosen, making.selector.key: making.selector.primary}


def born_with(target: Manifest, making: Making) -> dict[str, str]:
    """Annotations of a primary that is created: all of the target's that are true of the copy too."""
    return {**copyable(target), **note(making.run)}


def promoted(primary: Manifest, target: Manifest, making: Making) -> dict[str, str]:
    """Annotations of a primary at a promotion: those that others wrote into it stay."""
    kept = merged(primary["metadata"].get("annotations"), copyable(target), making.prefixes)
    return {**kept, **note(making.run)}


def copyable(target: Manifest) -> dict[str, str]:
    """The target's annotations without those that are true of it only."""
    annotations = names.without_books(target["metadata"].get("annotations"))
    return {key: value for key, value in annotations.items() if key not in SERVERS_OWN}


def note(run: str) -> dict[str, str]:
    """The annotation by which the primary says what it carries."""
    return {names.REVISION: run} if run else {}


def noted(primary: Manifest) -> str:
    """The revision noted by a primary; empty for one of Flagger's."""
    run: str = (primary["metadata"].get("annotations") or {}).get(names.REVISION, "")
    return run


def merged(
    present: Mapping[str, str] | None, source: Mapping[str, str] | None, prefixes: Sequence[str]
) -> dict[str, str]:
    """Keys with a chosen prefix follow the source, also when they vanish there; all others stay as they are."""
    named = tuple(prefix for prefix in prefixes if prefix and prefix != EVERYTHING)
    kept = {key: value for key, value in (present or {}).items() if not key.startswith(named)}
    chosen = names.without_flux(source)
    return kept | {key: value for key, value in chosen.items() if EVERYTHING in prefixes or key.startswith(named)}
