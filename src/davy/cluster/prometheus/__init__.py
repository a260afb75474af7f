"""The metrics of the embedded cluster: a scraper, a bounded store and the Prometheus query API."""
