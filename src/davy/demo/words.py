"""How numbers, checks and sides are written, the same on the live screen, in plain lines and in the summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from davy.demo.load.tally import Rate
from davy.demo.view import Check, Side

UNITS: Mapping[str, str] = {"request-success-rate": " %", "request-duration": " ms"}
MARKS: Mapping[str, str] = {"pass": "✓", "fail": "✗", "no-data": "?", "error": "!", "undecided": "…"}
STYLES: Mapping[str, str] = {"pass": "green", "fail": "bold red", "no-data": "yellow", "error": "red"}


def check(found: Check) -> str:
    """`✗ request-success-rate 80.2 % (min 99 %)`."""
    unit = UNITS.get(found.metric, "")
    value = found.verdict if found.value is None else f"{found.value:.4g}{unit}"
    limits = [
        f"{word} {bound:g}{unit}" for word, bound in (("min", found.min), ("max", found.max)) if bound is not None
    ]
    return f"{MARKS.get(found.verdict, '·')} {found.metric} {value} ({', '.join(limits) or 'no bound'})"


def side(pods: Side) -> str:
    """`2.0 1/2`: the version and how many of its pods are ready."""
    return f"{pods.version or '–'} {pods.ready}/{pods.wanted}"


def rates(found: Iterable[Rate], target: str) -> str:
    """`1.0 216/s · 2.0 24/s`: answers per second of each version."""
    mine = [rate for rate in found if rate.target == target]
    return " · ".join(f"{rate.version or 'no version'} {rate.per_second:.0f}/s" for rate in mine)
