"""Workload controllers of the embedded cluster: plain clients that also run against a real API server."""
