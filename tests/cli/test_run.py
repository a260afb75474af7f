"""`davy run`: what goes wrong is one line and an exit code, never a trace; a signal ends it, a second one at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from aiohttp import web
from click.testing import CliRunner
from structlog.testing import capture_logs

from davy import __version__
from davy.cli import run as program
from davy.cli.run import STOP_WITHIN, read, run
from davy.cli.run_place import Place
from davy.cluster.server import ApiServer
from davy.kube.client import Client
from davy.kube.config import Config
from davy.kube.lease import RELEASE_TIMEOUT, LeaseLost

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


def test_the_version_is_printed_in_flaggers_spelling() -> None:
    result = CliRunner().invoke(run, ["-version"])
    assert (result.exit_code, result.output) == (0, f"davy, version {__version__}\n")


def test_a_mesh_of_another_cluster_ends_the_start(kubeconfig: str) -> None:
    result = CliRunner().invoke(run, [f"-kubeconfig={kubeconfig}", "-kubeconfig-service-mesh=/other"])
    assert result.exit_code == 2
    assert "/other is another cluster than that of the workloads" in result.output


@pytest.mark.parametrize(
    ("flags", "doubt"),
    [
        (["-slack-url=hooks.slack.com/x", "-slack-channel=ops"], "--slack-url is not a URL; nothing can be sent there"),
        (
            ["-slack-url=https://hooks/secret"],
            "--slack-url is set without --slack-channel; no alerts are sent to Slack",
        ),
        (["-msteams-url=teams"], "--msteams-url is not a URL; nothing can be sent there"),
        (["-event-webhook=x"], "--event-webhook is not a URL; nothing can be sent there"),
        (["-slack-url=https://hooks/secret", "-slack-channel=ops"], None),
    ],
)
def test_what_can_send_nothing_is_doubted_and_runs(flags: list[str], doubt: str | None) -> None:
    result = CliRunner().invoke(run, ["-kubeconfig=/does/not/exist", *flags])
    *lines, error = result.output.splitlines()
    assert error.startswith("Error: cannot read the kubeconfig")
    assert [json.loads(line)["msg"] for line in lines] == ([doubt] if doubt else [])
    assert "secret" not in result.output


def test_a_lost_lease_is_exit_code_1_and_the_log_has_told_it(kubeconfig: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: Any) -> NoReturn:
        raise BaseExceptionGroup("tasks", [BaseExceptionGroup("work", [LeaseLost("it is held by another now")])])

    monkeypatch.setattr(program, "operate", lost)
    result = CliRunner().invoke(run, ["-kubeconfig", kubeconfig])
    assert (result.exit_code, result.output) == (1, "")


async def test_in_a_pod_a_lease_is_taken_though_it_was_not_wanted_and_the_log_says_why() -> None:
    given, settings = read(**run.make_context("run", ["-enable-leader-election=false"]).params)
    where = Place(Config("http://there", namespace="davy-system"), in_pod=True)
    with capture_logs() as lines:
        taken = program.lease(Client(where.config), where, given, settings)
    assert taken is not None
    assert taken.place == "davy-system/flagger-leader-election"
    assert taken.identity.startswith(f"{socket.gethostname()}_")
    assert [line["event"] for line in lines] == [
        "a lease is taken all the same: in a pod, two replicas must never work at once"
    ]


async def test_outside_of_a_pod_no_lease_is_taken() -> None:
    given, settings = read(**run.make_context("run", []).params)
    where = Place(Config("http://there"), in_pod=False)
    assert program.lease(Client(where.config), where, given, settings) is None


def test_all_addresses_are_ipv4_only_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> NoReturn:
        raise OSError("address family not supported")

    monkeypatch.setattr(socket, "socket", refused)
    assert program.everywhere() == "0.0.0.0"


class Process:
    """`davy run` in a process of its own."""

    def __init__(self, started: asyncio.subprocess.Process) -> None:
        self._started = started

    async def logged(self, message: str) -> dict[str, Any]:
        """The first line from here on with that message."""
        assert self._started.stderr is not None
        async for line in self._started.stderr:
            told: dict[str, Any] = json.loads(line)
            if told["msg"] == message:
                return told
        raise AssertionError(f"ended without having said {message!r}")

    def told(self, number: signal.Signals) -> None:
        self._started.send_signal(number)

    async def ended(self) -> tuple[int, float]:
        """Its exit code, and the seconds that were waited for it."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        return await self._started.wait(), loop.time() - begun


@asynccontextmanager
async def running(kubeconfig: Path, *flags: str) -> AsyncIterator[Process]:
    words = [f"-kubeconfig={kubeconfig}", "-listen=127.0.0.1", "-port=0", "-log-level=debug", *flags]
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "davy", "run", *words, stderr=asyncio.subprocess.PIPE, env={**os.environ, "SLACK_URL": ""}
    )
    try:
        yield Process(started)
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_well_and_gives_the_lease_back(number: signal.Signals, tmp_path: Path) -> None:
    async with ApiServer() as server:
        server.write_kubeconfig(tmp_path / "config")
        flags = ["-enable-leader-election", "-leader-election-namespace", "default"]
        async with running(tmp_path / "config", *flags) as process:
            assert (await process.logged("leading"))["lease"] == "default/flagger-leader-election"
            process.told(number)
            code, seconds = await process.ended()
        assert code == 0
        assert seconds < 3
        async with running(tmp_path / "config", *flags) as process:
            await process.logged("leading")


class Stubborn:
    """An API server that knows only leases, and never answers when one is given back."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._ended = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def discovery(self, _: web.Request) -> web.Response:
        resource = {"name": "leases", "kind": "Lease", "namespaced": True, "verbs": []}
        return web.json_response({"kind": "APIResourceList", "resources": [resource]})

    async def absent(self, _: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "code": 404, "message": "no lease"}, status=404)

    async def create(self, request: web.Request) -> web.Response:
        lease = await request.json()
        lease["metadata"]["resourceVersion"] = "1"
        return web.json_response(lease, status=201)

    async def replace(self, _: web.Request) -> web.Response:
        self.asked.set()
        await self._ended.wait()
        return web.Response(status=500)

    async def __aenter__(self) -> str:
        app, place = web.Application(), "/apis/coordination.k8s.io/v1"
        app.router.add_get(place, self.discovery)
        app.router.add_get(f"{place}/namespaces/kube-system/leases/flagger-leader-election", self.absent)
        app.router.add_put(f"{place}/namespaces/kube-system/leases/flagger-leader-election", self.replace)
        app.router.add_post(f"{place}/namespaces/kube-system/leases", self.create)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        self._ended.set()
        if self._runner is not None:
            await self._runner.cleanup()


@pytest.mark.parametrize(("signals", "code"), [(1, 0), (2, 1)])
async def test_it_ends_in_time_though_the_cluster_hangs_and_at_once_if_told_twice(
    signals: int, code: int, kubeconfig: str
) -> None:
    server = Stubborn()
    async with (
        server as url,
        running(Path(kubeconfig), "-enable-leader-election=true", f"-master={url}") as process,
    ):
        await process.logged("leading")
        process.told(signal.SIGTERM)
        await server.asked.wait()
        if signals == 2:
            process.told(signal.SIGTERM)
        ended, seconds = await process.ended()
    assert ended == code
    assert seconds < (RELEASE_TIMEOUT if signals == 2 else STOP_WITHIN)
