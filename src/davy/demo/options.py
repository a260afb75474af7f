"""What `davy demo` was told, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from davy.demo.choreography import ACTS, Act, soak


class Rates(msgspec.Struct, frozen=True):
    """Requests per second: through the Gateway, to another app's Service, to a canary Service."""

    gateway: float = 300.0
    service: float = 80.0
    trial: float = 60.0


SOAK_REQUESTS = 10_000  # for each promotion of a soak
SOAK_RATES = Rates(gateway=500.0, service=200.0, trial=60.0)


class Options(msgspec.Struct, frozen=True):
    """The flags. `port` 0: any that is free; `soak`: so many good releases instead of the usual four."""

    port: int = 0
    keep: bool = False
    soak: int = 0
    record: Path | None = None
    plain: bool = False

    @property
    def acts(self) -> tuple[Act, ...]:
        """The releases to be played."""
        return soak(self.soak) if self.soak else ACTS

    @property
    def least_requests(self) -> int:
        """How many requests must have been sent."""
        return self.soak * SOAK_REQUESTS

    @property
    def rates(self) -> Rates:
        """How many are sent in a second."""
        return SOAK_RATES if self.soak else Rates()
