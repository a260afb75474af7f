"""Envoy's own counters, scraped and asked for by PromQL."""

from __future__ import annotations

import aiohttp

from davy.cluster.prometheus.promql import evaluate
from davy.cluster.prometheus.samples import Store
from davy.cluster.prometheus.scrape import Scraper
from davy.cluster.prometheus.values import Vector

from .conftest import Arena, route, weights


def ask(store: Store, query: str) -> float:
    value = evaluate(store, query, 1_000_000)
    assert isinstance(value, Vector)
    (sample,) = value.samples
    return sample.value


async def test_requests_are_counted_by_cluster_and_code(arena: Arena) -> None:
    await arena.client.create(route("app", weights(app_primary=1)))
    await arena.in_force("app", 1)
    await arena.counts(25)
    store = Store()
    async with aiohttp.ClientSession() as session:
        scraper = Scraper(arena.client, store, gateway=arena.gateway.metrics_url, clock=lambda: 1000.0)
        await scraper.scrape(session)
    ours = 'envoy_cluster_name="default_app-primary_80"'
    assert ask(store, f'envoy_cluster_upstream_rq{{{ours}, envoy_response_code="200"}}') == 25
    assert ask(store, f'sum(envoy_cluster_upstream_rq_xx{{{ours}, envoy_response_code_class="2"}})') == 25
    assert ask(store, f"envoy_cluster_membership_healthy{{{ours}}}") == 1
    assert ask(store, 'count(count by (le) (envoy_cluster_upstream_rq_time_bucket{le!="+Inf"}))') == 60
    assert ask(store, 'count(count by (envoy_cluster_name) ({job="envoy"}))') <= 3
    assert ask(store, 'up{job="envoy"}') == 1
