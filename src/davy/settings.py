"""Every setting of the operator, as one frozen tree that is read once at start."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

FLAGGER_MINIMUM_INTERVAL = timedelta(seconds=10)


class Settings(Struct, frozen=True, kw_only=True):
    """What `davy run` was told; names and defaults are Flagger's where a twin exists."""

    mesh_provider: str = "istio"
    """Provider of canaries that name none."""

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

    enable_config_tracking: bool = True
    """Copy the ConfigMaps and Secrets of a target for its primary; a change of theirs is a new revision."""

    ingress_class: str = ""
    """Class annotation of what is made for Contour; empty: none."""

    ingress_annotations_prefix: str = "nginx.ingress.kubernetes.io"
    """Prefix of the annotations by which the nginx ingress controller splits traffic."""

    slack_url: str = ""
    """Where alerts go of canaries that name no alert providers; Microsoft Teams' address wins over Slack's."""

    slack_user: str = "flagger"
    slack_channel: str = ""
    slack_token: str = ""
    slack_proxy_url: str = ""

    msteams_url: str = ""
    msteams_proxy_url: str = ""

    event_webhook: str = ""
    """Called with every Event of canaries that have no event hook of their own."""

    cluster_name: str = ""
    """Told in alerts; empty: not told."""

    minimum_interval: timedelta = FLAGGER_MINIMUM_INTERVAL
    """A shorter analysis interval counts as this one. Lowered only by the demo and by tests."""
