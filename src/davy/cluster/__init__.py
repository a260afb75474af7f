"""A Kubernetes cluster in one process: API server, workload controllers, node, gateway, metrics."""
