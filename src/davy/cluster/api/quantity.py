"""Quantities (500m, 0.5Gi) in the one form in which Kubernetes writes them back."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

PATTERN = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_FORM = re.compile(r"([+-]?[0-9.]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+|)")


class QuantityError(ValueError):
    """A text that is no quantity."""


def canonical(value: str | float) -> str:
    """The quantity in its canonical form; raises QuantityError."""
    found = _FORM.fullmatch(str(value))
    if found is None:
        raise QuantityError(f"quantities must match the regular expression '{PATTERN}'")
    try:
        number = Decimal(found[1])
    except InvalidOperation:
        raise QuantityError(f"quantities must match the regular expression '{PATTERN}'") from None
    suffix = found[2]
    if suffix.endswith("i"):
        return _binary(number * (1 << 10 * _BINARY.index(suffix)))
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return _scientific(number.scaleb(int(suffix[1:])))
    return _decimal(number.scaleb(next(power for power, name in _DECIMAL.items() if name == suffix)))


def _binary(number: Decimal) -> str:
    if abs(number) < 1024 or number != number.to_integral_value():
        return _decimal(number)
    whole, step = int(number), 0
    while whole and whole % 1024 == 0 and step < len(_BINARY) - 1:
        whole, step = whole // 1024, step + 1
    return f"{whole}{_BINARY[step]}"


def _reduced(number: Decimal) -> tuple[int, int]:
    """The number as a whole one and a power of ten that three divides."""
    if not number:
        return 0, 0
    power = -9
    whole = int(number.scaleb(9).to_integral_value(rounding="ROUND_CEILING"))
    while whole % 1000 == 0 and power < 18:
        whole, power = whole // 1000, power + 3
    return whole, power


def _decimal(number: Decimal) -> str:
    whole, power = _reduced(number)
    return f"{whole}{_DECIMAL[power]}"


def _scientific(number: Decimal) -> str:
    whole, power = _reduced(number)
    return f"{whole}e{power}" if power else str(whole)
