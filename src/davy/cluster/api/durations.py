"""Ages as kubectl prints them: 5s, 3m20s, 2d4h."""

from __future__ import annotations

from datetime import UTC, datetime


def human(seconds: float) -> str:
    """A length of time, shorter the longer it is; as apimachinery's HumanDuration."""
    if seconds < -1:
        return "<invalid>"
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large}{unit}{small}{smaller}" if small else f"{large}{unit}"


def age(stamp: str | None, now: datetime) -> str:
    """How long ago a moment was."""
    if not stamp:
        return "<unknown>"
    try:
        then = datetime.fromisoformat(stamp)
    except ValueError:
        return "<unknown>"
    return human((now - then.astimezone(UTC)).total_seconds())
