"""Scraper, store and query API as one part of the cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from davy.cluster.prometheus.samples import Store
from davy.cluster.prometheus.scrape import Scraper
from davy.cluster.prometheus.server import QueryServer
from davy.kube.client import Client


class Prometheus:
    """A Prometheus for one cluster. `run` runs it until cancelled; `url` is known when `ready` is set.

    gateway: where Envoy's metrics are (ClusterGateway.metrics_url). interval, retention: seconds.
    """

    def __init__(
        self,
        client: Client,
        *,
        gateway: Callable[[], str | None] = lambda: None,
        host: str = "127.0.0.1",
        port: int = 0,
        interval: float = 1.0,
        retention: float = 600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = Store(retention=round(retention * 1000))
        self.scraper = Scraper(client, self.store, gateway=gateway, interval=interval, clock=clock)
        self._server = QueryServer(self.store, host=host, port=port, clock=clock)
        self.ready = asyncio.Event()

    @property
    def url(self) -> str:
        return self._server.url

    async def run(self) -> None:
        """Raises OSError if the port is taken."""
        async with self._server:
            self.ready.set()
            await self.scraper.run()
