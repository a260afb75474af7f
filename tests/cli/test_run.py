"""`davy run`: what goes wrong at the start is one line and an exit code, never a trace."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from davy.cli.run import run

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return str(path)


def test_a_missing_kubeconfig_is_one_line() -> None:
    result = CliRunner().invoke(run, ["--kubeconfig", "/does/not/exist"])
    assert result.exit_code == 1
    assert result.output == "Error: cannot read the kubeconfig /does/not/exist: No such file or directory\n"


def test_an_unknown_context_is_one_line(kubeconfig: str) -> None:
    result = CliRunner().invoke(run, ["--kubeconfig", kubeconfig, "--context", "there"])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "there" in result.output


def test_a_taken_port_is_one_line(kubeconfig: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(run, ["--kubeconfig", kubeconfig, "--listen", "127.0.0.1", "--port", port])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert port in result.output


@pytest.mark.parametrize("value", ["abc", "10", ""])
def test_a_duration_that_is_none_says_what_would_be_one(value: str) -> None:
    result = CliRunner().invoke(run, ["--minimum-interval", value])
    assert result.exit_code == 2
    assert "write for example 30s" in result.output


@pytest.mark.parametrize("value", ["prometheus:9090", "prometheus", "", "ftp://prometheus", "http://[::1"])
def test_a_metrics_server_that_is_no_url_ends_the_start(kubeconfig: str, value: str) -> None:
    result = CliRunner().invoke(run, ["--kubeconfig", kubeconfig, "--metrics-server", value])
    assert result.exit_code == 2
    assert f"{value!r} is not a URL; write for example http://prometheus:9090" in result.output
