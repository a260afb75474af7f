"""Go's durations ("1m30s"), and what Flagger makes of one that it cannot read."""

import re
from decimal import Decimal

UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
WHOLE = re.compile(rf"[-+]?(?:{PART.pattern})+")
LONGEST = Decimal(2**63 - 1) / 10**9
"""Go counts nanoseconds in 64 bits; more is an error there."""

DEFAULT_INTERVAL = 60.0
FLOOR = 10.0


def parse(text: str) -> float:
    """Seconds of a Go duration. Raises ValueError with a sentence saying what would be right."""
    if text in ("0", "+0", "-0"):
        return 0.0
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write for example 30s, 500ms or 1m30s")
    seconds = sum((Decimal(number) * UNITS[unit] for number, unit in PART.findall(text)), Decimal(0))
    if seconds > LONGEST:
        raise ValueError(f"{text!r} is longer than a duration can be (about 292 years)")
    return float(-seconds if text.startswith("-") else seconds)


def effective_interval(text: str, floor: float = FLOOR) -> float:
    """The analysis interval in seconds as Flagger counts it: 60 if unreadable, never below the floor."""
    try:
        seconds = parse(text)
    except ValueError:
        seconds = DEFAULT_INTERVAL
    return max(seconds, floor)


def seconds_or(text: str, default: float) -> float:
    """Seconds of a duration, or the default if it is empty or cannot be read."""
    try:
        return parse(text)
    except ValueError:
        return default


def text_of(seconds: float) -> str:
    """A duration as Go prints it: 90 → "1m30s", 0.5 → "500ms"."""
    nanoseconds = round(abs(seconds) * 1e9)
    sign = "-" if seconds < 0 and nanoseconds else ""
    if not nanoseconds:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if nanoseconds < 10**9 and nanoseconds < size * 1000:
            return f"{sign}{plain(Decimal(nanoseconds) / size)}{unit}"
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{head}{plain(Decimal(rest) / 10**9)}s"


def plain(number: Decimal) -> str:
    """A decimal without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
