"""Every flag of Flagger is there, under its name and with its default, or the difference is listed here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
import pytest
from msgspec import structs

from davy.cli.run import Given, read, run
from davy.settings import Settings

FLAGGERS = {
    "kubeconfig": "",
    "kubeconfig-qps": "100",
    "kubeconfig-burst": "250",
    "master": "",
    "kubeconfig-service-mesh": "",
    "metrics-server": "http://prometheus:9090",
    "control-loop-interval": "10s",
    "log-level": "debug",
    "port": "8080",
    "slack-url": "",
    "slack-token": "",
    "slack-proxy-url": "",
    "slack-channel": "",
    "slack-user": "flagger",
    "msteams-url": "",
    "msteams-proxy-url": "",
    "event-webhook": "",
    "include-label-prefix": "",
    "threadiness": "2",
    "zap-replace-globals": "false",
    "zap-encoding": "json",
    "namespace": "",
    "mesh-provider": "istio",
    "selector-labels": "app,name,app.kubernetes.io/name",
    "ingress-annotations-prefix": "nginx.ingress.kubernetes.io",
    "ingress-class": "",
    "enable-leader-election": "false",
    "leader-election-namespace": "kube-system",
    "enable-config-tracking": "true",
    "version": "false",
    "cluster-name": "",
    "no-cross-namespace-refs": "false",
}
"""All of Flagger 1.44, with their defaults."""

OTHER_DEFAULTS = {
    "log-level": "info",
    "threadiness": "16",
    "enable-leader-election": "",
    "leader-election-namespace": "",
}

KLOGS = (
    "-add_dir_header -alsologtostderr -legacy_stderr_threshold_behavior=false -log_backtrace_at=x.go:1 -log_dir=/tmp "
    "-log_file=x -log_file_max_size 1800 -logtostderr=true -one_output -skip_headers -skip_log_headers=false "
    "-stderrthreshold=2 -v=4 -vmodule=x=1"
)

MAIN = "-mesh-provider=kubernetes -include-label-prefix=app.kubernetes.io"
ALT = (
    "-mesh-provider=istio -include-label-prefix=* -ingress-class=public -ingress-annotations-prefix=custom.ingress.io "
    "-slack-url=http://127.0.0.1:1/global-slack -slack-channel=ops -event-webhook=http://127.0.0.1:1/global-event "
    "-cluster-name=c1 -enable-config-tracking=false"
)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "SLACK_URL",
        "SLACK_TOKEN",
        "SLACK_PROXY_URL",
        "MSTEAMS_URL",
        "MSTEAMS_PROXY_URL",
        "EVENT_WEBHOOK_URL",
    ):
        monkeypatch.delenv(name, raising=False)


def understood(line: str) -> tuple[Given, Settings]:
    ctx = run.make_context("run", line.split())
    return read(**ctx.params)


def declared() -> dict[str, click.Parameter]:
    return {name.lstrip("-"): param for param in run.params for name in param.opts}


@pytest.mark.parametrize("name", FLAGGERS)
def test_a_flag_of_flaggers_is_there_and_has_its_default(name: str) -> None:
    default = declared()[name].default
    assert ("" if default is None else str(default)) == OTHER_DEFAULTS.get(name, FLAGGERS[name])


@pytest.mark.parametrize("name", FLAGGERS)
def test_a_flag_of_flaggers_says_what_it_does(name: str) -> None:
    record = declared()[name].get_help_record(click.Context(run))
    assert record is not None
    assert len(record[1]) > 10


def test_other_defaults_are_other() -> None:
    assert all(FLAGGERS[name] != default for name, default in OTHER_DEFAULTS.items())


def test_the_flags_of_klog_change_nothing() -> None:
    assert understood(KLOGS) == understood("")


def test_no_flags_are_the_settings_own_defaults() -> None:
    assert understood("")[1] == Settings()


SETTINGS: dict[str, dict[str, Any]] = {
    MAIN: {"mesh_provider": "kubernetes", "include_label_prefix": ("app.kubernetes.io",)},
    ALT: {
        "mesh_provider": "istio",
        "include_label_prefix": ("*",),
        "ingress_class": "public",
        "ingress_annotations_prefix": "custom.ingress.io",
        "slack_url": "http://127.0.0.1:1/global-slack",
        "slack_channel": "ops",
        "event_webhook": "http://127.0.0.1:1/global-event",
        "cluster_name": "c1",
        "enable_config_tracking": False,
    },
    "-slack-user=davy -slack-token xoxb -slack-proxy-url=http://proxy:1": {
        "slack_user": "davy",
        "slack_token": "xoxb",
        "slack_proxy_url": "http://proxy:1",
    },
    "-msteams-url=https://teams/x -msteams-proxy-url=http://proxy:2": {
        "msteams_url": "https://teams/x",
        "msteams_proxy_url": "http://proxy:2",
    },
    "--namespace=prod --selector-labels=service,app -no-cross-namespace-refs -metrics-server=http://p:1": {
        "namespace": "prod",
        "selector_labels": ("service", "app"),
        "no_cross_namespace_refs": True,
        "metrics_server": "http://p:1",
    },
    "--minimum-interval 1s": {"minimum_interval": timedelta(seconds=1)},
}


@pytest.mark.parametrize(("line", "expected"), SETTINGS.items())
def test_flags_become_settings(line: str, expected: dict[str, Any]) -> None:
    assert understood(line)[1] == Settings(**expected)


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("SLACK_URL", "slack_url"),
        ("SLACK_TOKEN", "slack_token"),
        ("SLACK_PROXY_URL", "slack_proxy_url"),
        ("MSTEAMS_URL", "msteams_url"),
        ("MSTEAMS_PROXY_URL", "msteams_proxy_url"),
        ("EVENT_WEBHOOK_URL", "event_webhook"),
    ],
)
def test_a_variable_wins_over_its_flag(variable: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"-{name.replace('_', '-')}=http://flag"
    monkeypatch.setenv(variable, "http://variable")
    assert understood(line)[1] == structs.replace(Settings(), **{name: "http://variable"})
    monkeypatch.setenv(variable, "")
    assert understood(line)[1] == structs.replace(Settings(), **{name: "http://flag"})


@pytest.mark.parametrize(
    ("line", "workers", "every"),
    [("", 16, 10), ("-threadiness=2", 16, 10), ("-threadiness=64 -control-loop-interval=1m", 64, 60)],
)
def test_the_pace_is_never_slower_than_our_own(line: str, workers: int, every: float) -> None:
    pace = understood(line)[0].pace
    assert (pace.workers, pace.count_every) == (workers, every)
