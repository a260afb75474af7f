"""The labels of a series: an ordered, hashable set of names and values, `__name__` among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

NAME = "__name__"
Labels = tuple[tuple[str, str], ...]  # sorted by name, without empty values
NONE: Labels = ()


def labels(found: Mapping[str, str]) -> Labels:
    """An empty value is the same as no label."""
    return tuple(sorted((name, value) for name, value in found.items() if value))


def without(found: Labels, names: Iterable[str]) -> Labels:
    dropped = set(names)
    return tuple(pair for pair in found if pair[0] not in dropped)


def only(found: Labels, names: Iterable[str]) -> Labels:
    kept = set(names)
    return tuple(pair for pair in found if pair[0] in kept)


def unnamed(found: Labels) -> Labels:
    """Without the metric's name, as a value has it that is not a sample of the metric any more."""
    return without(found, (NAME,))


def value_of(found: Labels, name: str) -> str:
    return next((value for key, value in found if key == name), "")


def spelled(found: Labels) -> str:
    """As people write it: `up{job="x"}`."""
    inner = ", ".join(f'{name}="{value}"' for name, value in unnamed(found))
    return f"{value_of(found, NAME)}{{{inner}}}"
