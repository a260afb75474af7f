"""Gateway API durations ("1h30m", "10s", "500ms") as Envoy writes them."""

from __future__ import annotations

import re

_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PART = re.compile(r"(\d{1,5})(h|ms|m|s)")


def milliseconds(text: str) -> int:
    """Raises ValueError for what is not a Gateway API duration."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration such as 1h, 1m30s or 500ms")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def envoy_duration(milliseconds_: int) -> str:
    return f"{milliseconds_ / 1000:.3f}s"
