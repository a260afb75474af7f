"""Flagger's checksum of a release, as it stands in the body of every webhook."""

from __future__ import annotations

from collections.abc import Mapping

OFFSET, PRIME = 0x811C9DC5, 0x01000193
"""Of FNV-1a with 32 bits."""
SAFE_DIGITS = str.maketrans("0123456789", "456789bcdf")
"""Kubernetes' alphabet without vowels, so that no word comes out by accident."""


def checksum(tracked: Mapping[str, str] | None, applied: str) -> str:
    """Of the tracked configs (`status.trackedConfigs`; None: tracking is off) and the hash `lastAppliedSpec`.

    The text is what Go's go-spew prints of a struct with these two fields.
    """
    types = "struct { TrackedConfigs *map[string]string; LastAppliedSpec string }"
    values = f"TrackedConfigs:(*map[string]string){printed(tracked)} LastAppliedSpec:(string){applied}"
    return hashed(f"({types}){{{values}}}")


def printed(tracked: Mapping[str, str] | None) -> str:
    if tracked is None:
        return "<nil>"
    pairs = " ".join(f"{name}:{value}" for name, value in sorted(tracked.items()))
    return f"map[{pairs}]"


def hashed(text: str) -> str:
    """FNV-1a over the text, its decimal digits in the safe alphabet."""
    value = OFFSET
    for byte in text.encode():
        value = (value ^ byte) * PRIME & 0xFFFFFFFF
    return str(value).translate(SAFE_DIGITS)
