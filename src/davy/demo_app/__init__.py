"""The demo's workload: a small HTTP server with knobs for errors and latency, and its own request histogram."""
