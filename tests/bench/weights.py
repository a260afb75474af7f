"""How soon a changed weight is in force in Envoy after the HTTPRoute was written."""

from __future__ import annotations

import uvloop
from tests.cluster.gateway.measure_weight_change import measure as changes

from .figure import Figure, Goal

FLIPS = 120


def measure() -> list[Figure]:
    return [
        Figure(
            what="weight change in force after the HTTPRoute is written",
            unit="ms",
            values=tuple(uvloop.run(changes(FLIPS))),
            goal=Goal(10, 0.95),
            note="from the API server's reply to the first request through Envoy that goes the new way; API server,"
            " gateway and the asking client share one process here, as they would not in a cluster.",
        )
    ]
