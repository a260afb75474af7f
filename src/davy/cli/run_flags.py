"""The flags of `davy run`: all of Flagger's, by their names and with their meanings, and a few of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import click

from davy.api import durations
from davy.cli.go_flags import Duration, Flag, Switch, Url, Words
from davy.cli.logs import ENCODINGS, LEVELS
from davy.controller.process import PACE
from davy.settings import Settings

DEFAULT = Settings()

cluster = partial(Flag, section="Cluster")
canaries = partial(Flag, section="Canaries")
alerts = partial(Flag, section="Alerts and events")
process = partial(Flag, section="Process")
logs = partial(Flag, section="Log")
idle = partial(Flag, section="Accepted for Flagger's sake, without effect", expose_value=False)
klog = partial(Flag, hidden=True, expose_value=False)

FLAGS: tuple[Flag, ...] = (
    cluster("kubeconfig", "Kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's own account."),
    cluster("context", "Context of the kubeconfig; its current one if left out."),
    cluster(
        "master",
        "Address of the API server instead of the kubeconfig's; without any kubeconfig no credentials are sent.",
        type=Url("https://127.0.0.1:6443"),
    ),
    cluster(
        "kubeconfig-service-mesh",
        "Cluster of the mesh's control plane. Davy writes routes only where the workloads are, so it must be the same "
        "file as --kubeconfig; another one ends the start.",
    ),
    cluster("namespace", "Watch this namespace only; all if left out.", default=DEFAULT.namespace),
    canaries("mesh-provider", "Provider of canaries that name none.", default=DEFAULT.mesh_provider),
    canaries(
        "metrics-server",
        "Prometheus of canaries that name none.",
        type=Url("http://prometheus:9090"),
        default=DEFAULT.metrics_server,
    ),
    canaries(
        "selector-labels",
        "Labels that may select a target's pods, tried in this order.",
        type=Words(),
        default=",".join(DEFAULT.selector_labels),
    ),
    canaries(
        "include-label-prefix",
        "Prefixes of labels and annotations copied to primaries; * for all.",
        type=Words(),
        default=",".join(DEFAULT.include_label_prefix),
    ),
    canaries(
        "enable-config-tracking",
        "Copy ConfigMaps and Secrets of the target for the primary; a change of theirs begins a release.",
        type=Switch(),
        default=DEFAULT.enable_config_tracking,
    ),
    canaries(
        "no-cross-namespace-refs",
        "Refuse references into other namespaces.",
        type=Switch(),
        default=DEFAULT.no_cross_namespace_refs,
    ),
    canaries("ingress-class", "Class annotation of what is made for Contour.", default=DEFAULT.ingress_class),
    canaries(
        "ingress-annotations-prefix",
        "Prefix of the annotations of an nginx Ingress.",
        default=DEFAULT.ingress_annotations_prefix,
    ),
    canaries(
        "minimum-interval",
        "Shortest analysis interval; a shorter one counts as this.",
        type=Duration(),
        default=durations.text_of(DEFAULT.minimum_interval.total_seconds()),
    ),
    alerts(
        "slack-url",
        "Slack hook for alerts of canaries that name no alert provider.",
        default=DEFAULT.slack_url,
        envvar="SLACK_URL",
    ),
    alerts("slack-user", "User name shown in Slack.", default=DEFAULT.slack_user),
    alerts("slack-channel", "Slack channel; without one nothing is sent to Slack.", default=DEFAULT.slack_channel),
    alerts("slack-token", "Bearer token for Slack.", default=DEFAULT.slack_token, envvar="SLACK_TOKEN"),
    alerts("slack-proxy-url", "HTTP proxy to Slack.", default=DEFAULT.slack_proxy_url, envvar="SLACK_PROXY_URL"),
    alerts(
        "msteams-url", "Microsoft Teams hook; wins over Slack's.", default=DEFAULT.msteams_url, envvar="MSTEAMS_URL"
    ),
    alerts(
        "msteams-proxy-url",
        "HTTP proxy to Microsoft Teams.",
        default=DEFAULT.msteams_proxy_url,
        envvar="MSTEAMS_PROXY_URL",
    ),
    alerts(
        "event-webhook",
        "Called with every event of canaries that have no event hook.",
        default=DEFAULT.event_webhook,
        envvar="EVENT_WEBHOOK_URL",
    ),
    alerts("cluster-name", "Name of the cluster, told in alerts.", default=DEFAULT.cluster_name),
    process(
        "enable-leader-election",
        "Work only while holding the lease flagger-leader-election, which is Flagger's too: with the same flags the "
        "two never work at once. In a pod a lease is always taken, whatever is said here.",
        type=Switch(),
        default=None,
    ),
    process(
        "leader-election-namespace",
        "Namespace of the lease; --namespace replaces it. If left out: kube-system with --enable-leader-election, as "
        "in Flagger, else the pod's own.",
        default="",
    ),
    process(
        "threadiness",
        f"Canaries worked on at once, if more than {PACE.workers}. (Flagger's 2 only sort its queue.)",
        type=int,
        default=PACE.workers,
    ),
    process(
        "control-loop-interval",
        "How often flagger_canary_total is counted; changes are seen at once.",
        type=Duration(),
        default=durations.text_of(PACE.count_every),
    ),
    process("listen", "Address of /metrics, /healthz and /readyz; all addresses if left out.", default=""),
    process("port", "Port of /metrics, /healthz and /readyz.", type=click.IntRange(0, 65535), default=8080),
    process("version", "Print the version and exit.", type=Switch(), default=False),
    logs("log-level", f"One of {', '.join(LEVELS)}; any other word means info.", default="info"),
    logs("zap-encoding", "How a line looks.", type=click.Choice(ENCODINGS), default=ENCODINGS[0]),
    idle("zap-replace-globals", "There is one logger only.", type=Switch(), default=False),
    idle(
        "kubeconfig-qps",
        "Davy limits no requests: it makes few, and heeds the server's 429 and Retry-After.",
        type=int,
        default=100,
    ),
    idle("kubeconfig-burst", "See --kubeconfig-qps.", type=int, default=250),
)


def klogs() -> Iterator[Flag]:
    """The flags of Go's logger, which Flagger's command line takes as well."""
    switches = "add_dir_header alsologtostderr legacy_stderr_threshold_behavior logtostderr one_output skip_headers"
    for name in (*switches.split(), "skip_log_headers"):
        yield klog(name, "", type=Switch())
    for name in ("log_backtrace_at", "log_dir", "log_file", "log_file_max_size", "stderrthreshold", "v", "vmodule"):
        yield klog(name, "")
