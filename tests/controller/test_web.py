"""What the operator serves about itself."""

from __future__ import annotations

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from davy.controller.web import Readiness, served


@pytest.mark.parametrize(
    ("readiness", "status"),
    [(Readiness(True, "OK"), 200), (Readiness(False, "the schema would drop status.message"), 503)],
)
async def test_readyz_says_how_it_is(readiness: Readiness, status: int) -> None:
    registry = CollectorRegistry()
    Gauge("flagger_info", "x", registry=registry).set(1)
    runner = await served(registry, lambda: readiness, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/readyz") as ready:
            assert (ready.status, await ready.text()) == (status, readiness.words)
        async with session.get(f"{url}/healthz") as health:
            assert (health.status, await health.text()) == (200, "OK")
        async with session.get(f"{url}/metrics") as metrics:
            assert "flagger_info 1.0" in await metrics.text()
    await runner.cleanup()


async def test_a_taken_port_is_an_error_of_the_operating_system() -> None:
    first = await served(CollectorRegistry(), lambda: Readiness(True, "OK"), "127.0.0.1", 0)
    with pytest.raises(OSError, match="address already in use"):
        await served(CollectorRegistry(), lambda: Readiness(True, "OK"), "127.0.0.1", first.addresses[0][1])
    await first.cleanup()
