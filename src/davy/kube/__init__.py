"""Talks to a Kubernetes API server; knows nothing of canaries."""
