"""Every setting of the operator, as one frozen tree that is read once at start."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

FLAGGER_MINIMUM_INTERVAL = timedelta(seconds=10)


class Settings(Struct, frozen=True, kw_only=True):
    """What `davy run` was told; names and defaults are Flagger's where a twin exists."""

    mesh_provider: str = "kubernetes"
    """Provider of canaries that name none. (Flagger's binary says istio; its docs and charts always set it.)"""

    metrics_server: str = "http://prometheus:9090"
    """Prometheus that the built-in and inline queries are asked of; a canary's `metricsServer` wins."""

    namespace: str = ""
    """Watch this namespace only; empty: all."""

    selector_labels: tuple[str, ...] = ("app", "name", "app.kubernetes.io/name")
    """Keys tried in this order to find the label that selects the target's pods."""

    include_label_prefix: tuple[str, ...] = ()
    """Prefixes of the target's labels and annotations that its primary gets; `*`: all."""

    no_cross_namespace_refs: bool = False
    """Refuse references into other namespaces."""

    minimum_interval: timedelta = FLAGGER_MINIMUM_INTERVAL
    """A shorter analysis interval counts as this one. Lowered only by the demo and by tests."""
