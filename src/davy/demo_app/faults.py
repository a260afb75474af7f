"""Which requests fail: an even spread, so that 20 % is 20 % in any short window, not only on average."""

from __future__ import annotations

from collections.abc import Iterator

# The fractional parts of n·φ fill [0, 1) more evenly than any random sequence, and never fall into step with a
# balancer that hands requests round in turn.
GOLDEN = 0.6180339887498949


def faults(rate: float, seed: float = 0.0) -> Iterator[bool]:
    """Say for each request in turn whether it fails; a share of `rate` (0..1) does."""
    position = seed % 1.0
    while True:
        position = (position + GOLDEN) % 1.0
        yield position < rate
